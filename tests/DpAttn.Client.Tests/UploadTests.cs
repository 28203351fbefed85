using System.Net;
using CsCheck;
using DpAttn.Client.Internal;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

public class UploadTests
{
    private const int RowBytes = 12; // two numbers of a key and one of a value

    [Fact]
    public async Task Rows_are_cut_by_bytes_into_numbered_batches_and_none_is_lost()
    {
        var store = new FakeRows();
        using var test = new TestClient(store.Handler, o => (o.BatchBytes, o.UploadsInFlight) = (1024, 3));

        var sent = await test.Client.AppendAsync("packages", "load-1", Rows(1000));

        Assert.Equal(1000, sent);
        var perBatch = 1024 / RowBytes;
        Assert.Equal(Enumerable.Range(0, (1000 + perBatch - 1) / perBatch).Select(i => $"load-1-{i:00000000}"), store.Batches.Keys.Order());
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => (float)i), store.FirstNumbers());
    }

    [Fact]
    public void The_same_rows_are_cut_into_the_same_batches_whatever_their_memory() =>
        Gen.Select(Gen.Int[1, 400], Gen.Int[1, 9], Gen.Int[1, 9], Gen.Int[1024, 4096], Gen.Int[1, 50]).Sample((rows, d, dv, bytes, most) =>
        {
            var keys = Enumerable.Range(0, rows * d).Select(i => (float)i).ToArray();
            var values = Enumerable.Range(0, rows * dv).Select(i => -(float)i).ToArray();
            var cutter = new BatchCutter(bytes, most);
            var batches = new List<CutBatch>();
            for (var i = 0; i < rows; i++)
            {
                if (cutter.Add(new Row(keys.AsMemory(i * d, d), values.AsMemory(i * dv, dv).ToArray())) is { } batch)
                    batches.Add(batch);
            }
            if (cutter.Finish() is { } rest)
                batches.Add(rest);
            var expected = Math.Clamp(bytes / (4 * (d + dv)), 1, most);
            return batches.SkipLast(1).All(batch => batch.Rows == expected) && batches[^1].Rows <= expected
                && batches.Select(batch => batch.Number).SequenceEqual(Enumerable.Range(0, batches.Count))
                && batches.SelectMany(batch => batch.Keys.ToArray()).SequenceEqual(keys)
                && batches.SelectMany(batch => batch.Values.ToArray()).SequenceEqual(values);
        });

    [Fact]
    public async Task No_rows_are_no_request()
    {
        var store = new FakeRows();
        using var test = new TestClient(store.Handler);
        Assert.Equal(0, await test.Client.AppendAsync("packages", "load-1", Rows(0)));
        Assert.Empty(store.Handler.Sent);
    }

    [Fact]
    public async Task An_interrupted_upload_goes_on_and_adds_nothing_twice()
    {
        var store = new FakeRows { RefuseFrom = 5 };
        using var test = new TestClient(store.Handler, o => o.BatchBytes = 1024);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AppendAsync("packages", "load-1", Rows(1000)));
        Assert.Equal(ProblemCodes.Unauthenticated, failure.Code);
        Assert.InRange(store.Batches.Count, 1, 6);
        var durableBefore = store.Batches.Count;

        store.RefuseFrom = int.MaxValue;
        var progress = new Reports();
        Assert.Equal(1000, await test.Client.AppendAsync("packages", "load-1", Rows(1000), progress));

        Assert.Equal(Enumerable.Range(0, 1000).Select(i => (float)i), store.FirstNumbers());
        Assert.Equal(durableBefore, store.Replays);
        Assert.Equal(1000, progress.Values[^1]);
    }

    [Fact]
    public async Task Progress_never_tells_of_rows_that_are_not_durable_and_only_grows()
    {
        var store = new FakeRows();
        var progress = new Reports { Check = rows => Assert.True(rows <= store.DurableRows, $"{rows} rows told, {store.DurableRows} durable") };
        using var test = new TestClient(store.Handler, o => (o.BatchBytes, o.UploadsInFlight) = (1024, 4));
        await test.Client.AppendAsync("packages", "load-1", Rows(5000), progress);
        Assert.Equal(progress.Values.Order().Distinct(), progress.Values);
        Assert.Equal(5000, progress.Values[^1]);
        Assert.Equal(store.Batches.Count, progress.Values.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Uploads_under_way_and_rows_in_memory_are_bounded(int inFlight)
    {
        var perBatch = 1024 / RowBytes;
        var (produced, underWay, most, ahead) = (0, 0, 0, 0);
        var store = new FakeRows();
        store.OnBatch = async () =>
        {
            most = Math.Max(most, Interlocked.Increment(ref underWay));
            await Task.Delay(1);
            Interlocked.Decrement(ref underWay);
        };
        async IAsyncEnumerable<Row> Produce()
        {
            await foreach (var row in Rows(40 * perBatch))
            {
                ahead = Math.Max(ahead, ++produced - store.DurableRows);
                yield return row;
            }
        }
        using var test = new TestClient(store.Handler, o => (o.BatchBytes, o.UploadsInFlight) = (1024, inFlight));
        await test.Client.AppendAsync("packages", "load-1", Produce());
        Assert.InRange(most, 1, inFlight);
        Assert.InRange(ahead, 1, (inFlight + 1) * perBatch + 1);
    }

    [Fact]
    public async Task A_body_is_sent_through_a_small_window_not_copied()
    {
        var numbers = new float[16 << 20];
        using var content = new NpyContent<float>(numbers, 1 << 20, 16);
        var before = GC.GetAllocatedBytesForCurrentThread();
        await content.CopyToAsync(Stream.Null); // completes synchronously, on this thread
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Equal(64L * (1 << 20) + 128, content.Headers.ContentLength);
    }

    [Fact]
    public async Task A_batch_that_is_refused_ends_the_upload_after_those_under_way()
    {
        var store = new FakeRows { RefuseFrom = 3, RefuseWith = ProblemCodes.RequestConflict };
        using var test = new TestClient(store.Handler, o => (o.BatchBytes, o.UploadsInFlight) = (1024, 2));
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AppendAsync("packages", "load-1", Rows(100_000)));
        Assert.Equal(ProblemCodes.RequestConflict, failure.Code);
        Assert.InRange(store.Handler.Sent.Count, 4, 7);
        Assert.Equal(store.Handler.Sent.Count, store.Answered);
    }

    [Fact]
    public async Task A_source_that_fails_leaves_no_upload_behind_and_fails_the_call()
    {
        var store = new FakeRows();
        async IAsyncEnumerable<Row> Broken()
        {
            await foreach (var row in Rows(500))
                yield return row;
            throw new InvalidDataException("line 501 is broken");
        }
        using var test = new TestClient(store.Handler, o => o.BatchBytes = 1024);
        var failure = await Assert.ThrowsAsync<InvalidDataException>(() => test.Client.AppendAsync("packages", "load-1", Broken()));
        Assert.Equal("line 501 is broken", failure.Message);
        Assert.Equal(store.Handler.Sent.Count, store.Answered);
    }

    [Fact]
    public async Task Cancelling_stops_between_batches()
    {
        using var stop = new CancellationTokenSource();
        var store = new FakeRows();
        var progress = new Reports { Check = rows => { if (rows > 300) stop.Cancel(); } };
        using var test = new TestClient(store.Handler, o => o.BatchBytes = 1024);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => test.Client.AppendAsync("packages", "load-1", Rows(100_000), progress, cancellationToken: stop.Token));
        Assert.InRange(store.DurableRows, 300, 1500);
    }

    [Fact]
    public async Task Rows_of_other_dimensions_are_refused_by_number()
    {
        async IAsyncEnumerable<Row> Uneven()
        {
            yield return new Row(new float[2], new float[1]);
            yield return new Row(new float[3], new float[1]);
            await Task.CompletedTask;
        }
        var store = new FakeRows();
        using var test = new TestClient(store.Handler);
        var failure = await Assert.ThrowsAsync<ArgumentException>(() => test.Client.AppendAsync("packages", "load-1", Uneven()));
        Assert.StartsWith("row 1 has a key of 3 and a value of 1 numbers; the rows before it have 2 and 1", failure.Message);
        Assert.Empty(store.Handler.Sent);
    }

    [Fact]
    public async Task An_empty_row_is_refused()
    {
        async IAsyncEnumerable<Row> Empty()
        {
            yield return new Row(default, new float[1]);
            await Task.CompletedTask;
        }
        using var test = new TestClient(new FakeRows().Handler);
        await Assert.ThrowsAsync<ArgumentException>(() => test.Client.AppendAsync("packages", "load-1", Empty()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("ä")]
    public async Task A_prefix_that_is_no_id_is_refused_and_not_repeated(string prefix)
    {
        using var test = new TestClient(new FakeRows().Handler);
        var failure = await Assert.ThrowsAsync<ArgumentException>(() => test.Client.AppendAsync("packages", prefix, Rows(1)));
        Assert.Contains("batchPrefix", failure.Message);
    }

    [Fact]
    public async Task The_longest_prefix_still_gives_ids_that_the_server_takes()
    {
        var store = new FakeRows();
        using var test = new TestClient(store.Handler);
        await test.Client.AppendAsync("packages", new string('x', 116), Rows(1));
        Assert.True(store.Handler.Only.Key!.Length <= 128);
        await Assert.ThrowsAsync<ArgumentException>(() => test.Client.AppendAsync("packages", new string('x', 117), Rows(1)));
    }

    [Fact]
    public async Task Another_upload_under_the_same_prefix_is_noticed()
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(new AppendResult("load-1-00000000", 0, 7, true)));
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AppendAsync("packages", "load-1", Rows(3)));
        Assert.Contains("acknowledged 7 rows of batch 0, which has 3", failure.Message);
    }

    [Theory]
    [InlineData(0, 2, 1)]
    [InlineData(2, 3, 2)]
    [InlineData(2, 4, 1)]
    [InlineData(3, 0, 3)]
    public async Task Matrices_whose_lengths_do_not_fit_are_refused(int rows, int keys, int values)
    {
        var store = new FakeRows();
        using var test = new TestClient(store.Handler);
        await Assert.ThrowsAnyAsync<ArgumentException>(() => test.Client.AppendAsync("packages", "b1", new float[keys], new float[values], rows));
        Assert.Empty(store.Handler.Sent);
    }

    [Fact]
    public async Task A_batch_is_retried_under_its_id_with_the_same_bytes()
    {
        var handler = ScriptedHandler.Of(
            () => Replies.Problem(HttpStatusCode.ServiceUnavailable, ProblemCodes.Busy, retryable: true),
            () => Replies.Json(new AppendResult("b1", 0, 1, true)));
        using var test = new TestClient(handler);
        var result = await test.Client.AppendAsync("packages", "b1", new float[] { 1, 2 }, new float[] { 3 }, 1);
        Assert.True(result.Replayed);
        Assert.All(handler.Sent, sent => Assert.Equal("b1", sent.Key));
        Assert.Single(handler.Sent.Select(sent => Convert.ToHexString([.. Multipart.Parse(sent).SelectMany(part => part.Body)])).Distinct());
    }

    private static async IAsyncEnumerable<Row> Rows(int count)
    {
        // One buffer for all rows, as a reader of files has it.
        var (key, value) = (new float[2], new float[1]);
        for (var i = 0; i < count; i++)
        {
            if (i % 100 == 0)
                await Task.Yield();
            (key[0], key[1], value[0]) = (i, -i, 1);
            yield return new Row(key, value);
        }
    }

    private sealed class Reports : IProgress<long>
    {
        public List<long> Values { get; } = [];

        public Action<long>? Check { get; init; }

        public void Report(long value)
        {
            Values.Add(value);
            Check?.Invoke(value);
        }
    }
}
