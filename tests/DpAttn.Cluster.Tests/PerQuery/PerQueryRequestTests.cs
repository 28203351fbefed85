using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace DpAttn.Cluster.Tests;

/// <summary>One per-query request against a storage that fails at any point, rows that change meanwhile, and a clock that goes on.</summary>
public sealed class PerQueryRequestTests : IAsyncDisposable
{
    private static readonly RowBatch First = Samples.Rows(70, 1);
    private static readonly RowBatch Second = Samples.Rows(50, 2);
    private static readonly AttendCommand Ask = PerQueries.Ask();
    private readonly ManualClock _clock = new();
    private readonly Bench _bench;

    public PerQueryRequestTests() => _bench = new Bench(_clock);

    /// <summary>A process that stops at any call of the storage, done or not, has charged once at most; the retry of another process gets the answer, and nobody pays again.</summary>
    [Theory]
    [InlineData(Fault.Before)]
    [InlineData(Fault.After)]
    public async Task Wherever_a_process_stops_the_retry_is_answered_once_and_charged_once(Fault fault)
    {
        var (stopped, call) = (true, 0);
        for (; stopped; call++)
        {
            var store = await LocalQueries.MakeAsync(_bench, null, 6, First, Second);
            var plan = new FaultPlan { FailingCall = call + 1, Fault = fault };
            var noise = new RecordingNoises();
            using var dying = new LocalQueries(_bench.With(plan, noise), _bench, store);
            AskOutcome? first = null;
            try
            {
                first = await dying.AskAsync(Ask);
            }
            catch (Exception e) when (e is StorageException or ProblemException)
            {
                Assert.True(plan.HasFailed, $"call {call + 1}: {e}");
            }
            stopped = plan.HasFailed;
            using var retrying = new LocalQueries(_bench.With(new FaultPlan(), noise), _bench, store);
            var second = await retrying.AskAsync(Ask);
            Assert.Null(second.Charge.Refusal);
            PerQueries.RequireSame(await retrying.ExpectedAsync(Ask, Samples.Join(First, Second)), LocalQueries.Answers(second));
            if (first is not null)
                PerQueries.RequireSame(LocalQueries.Answers(first), LocalQueries.Answers(second));
            Assert.True(noise.OnePerAddress().Count <= 1);
            await RequireChargesAsync(store, 1);
            Assert.Single(await _bench.Storage.Segments.ListAsync(store, BlobKind.Answer, "", null, 10));
        }
        // Directory, ledger, snapshot, three shards' segments, answer: none of it was left out.
        Assert.InRange(call, 12, 100);
    }

    [Fact]
    public async Task An_answer_is_stored_before_it_is_sent_and_a_replay_asks_no_shard()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, First);
        using var local = new LocalQueries(_bench.Side, _bench, store);
        var first = await local.AskAsync(Ask);
        Assert.Equal(3, local.Calls);
        var plan = new FaultPlan { Every = call => call.EndsWith(nameof(BlobKind.Segment), StringComparison.Ordinal) ? Fault.Before : null };
        using var again = new LocalQueries(_bench.With(plan), _bench, store);
        var replay = await again.AskAsync(Ask);
        PerQueries.RequireSame(LocalQueries.Answers(first), LocalQueries.Answers(replay));
        Assert.True(replay.Charge.IsReplay);
        Assert.Equal(0, again.Calls);
        // One whose answer cannot be looked for is not computed a second time.
        using var blind = new LocalQueries(_bench.With(new FaultPlan { Every = call => call == "read Answer" ? Fault.Before : null }), _bench, store);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => blind.AskAsync(Ask));
        Assert.Equal(0, blind.Calls);
    }

    [Fact]
    public async Task A_refusal_meets_no_blob_and_no_shard()
    {
        foreach (var (accountLimit, storeLimit, reason) in new[] { (0.6, 8.0, RefusalReason.AccountLimit), (4, 0.6, RefusalReason.StoreLimit) })
        {
            var store = await LocalQueries.MakeAsync(_bench, PerQueries.Definition(limit: storeLimit), accountLimit, First);
            var plan = new FaultPlan { Counts = IsBlobCall, Every = call => IsBlobCall(call) ? Fault.Before : null };
            using var local = new LocalQueries(_bench.With(plan), _bench, store);
            var outcome = await local.AskAsync(Ask);
            Assert.Equal(reason, outcome.Charge.Refusal);
            Assert.Null(outcome.Answers);
            Assert.Equal((0, 0), (plan.Calls, local.Calls));
            await RequireChargesAsync(store, 0);
        }

        static bool IsBlobCall(string call) => call.StartsWith("put ", StringComparison.Ordinal) || call.StartsWith("read ", StringComparison.Ordinal)
            || call.StartsWith("list ", StringComparison.Ordinal) || call.StartsWith("delete ", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Noise_is_drawn_before_any_shard_is_asked()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, First);
        var noise = new RecordingNoises();
        using var local = new LocalQueries(_bench.With(new FaultPlan { Every = call => call == "read Segment" ? Fault.Before : null }, noise), _bench, store);
        await Assert.ThrowsAsync<ProblemException>(() => local.AskAsync(Ask));
        Assert.Single(noise.Drawn);
        await RequireChargesAsync(store, 1);
    }

    /// <summary>Of two processes that compute one request over different row sets the first that stores is the only one that anybody hears of.</summary>
    [Fact]
    public async Task Whoever_stores_first_is_what_everybody_is_sent()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, First);
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "read Segment" };
        var noise = new RecordingNoises();
        using var slow = new LocalQueries(_bench.With(plan, noise), _bench, store);
        var late = slow.AskAsync(Ask);
        await plan.Hanging;
        await _bench.Side.AppendAsync(store, "meanwhile", Second);
        using var fast = new LocalQueries(_bench.With(new FaultPlan(), noise), _bench, store);
        var first = await fast.AskAsync(Ask);
        plan.Release();
        var second = await late;
        PerQueries.RequireSame(await fast.ExpectedAsync(Ask, Samples.Join(First, Second)), LocalQueries.Answers(first));
        PerQueries.RequireSame(LocalQueries.Answers(first), LocalQueries.Answers(second));
        // The slow one computed on other rows, with other noise that nobody ever sees.
        Assert.Equal(2, noise.Drawn.Count);
        Assert.NotEqual(noise.Drawn.First().Values, noise.Drawn.Last().Values);
        await RequireChargesAsync(store, 1);
    }

    [Fact]
    public async Task Rows_that_are_erased_while_they_are_summed_are_not_in_the_answer()
    {
        var store = await LocalQueries.MakeAsync(_bench, PerQueries.Definition(shards: 1), 6, First);
        // The row set is read; the segment is erased from before the shard has loaded it.
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "ledger charge" };
        using var local = new LocalQueries(_bench.With(plan), _bench, store);
        var asking = local.AskAsync(Ask);
        await plan.Hanging;
        await EraseAsync(store, "b0", 3);
        plan.Release();
        var answers = LocalQueries.Answers(await asking);
        PerQueries.RequireSame(await local.ExpectedAsync(Ask, Samples.Join(Samples.Window(First, 0, 3), Samples.Window(First, 4, 66))), answers);
        await RequireChargesAsync(store, 1);
    }

    [Fact]
    public async Task A_segment_that_is_lost_or_another_one_ends_in_no_answer()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, First);
        var blob = (await _bench.Storage.Segments.ListAsync(store, BlobKind.Segment, "", null, 10))[0].Key;
        var bytes = (await _bench.Storage.Segments.ReadAsync(blob))!;
        await _bench.Storage.Segments.DeleteAsync(store, BlobKind.Segment, blob.Id);
        using var local = new LocalQueries(_bench.Side, _bench, store);
        Assert.Contains("is missing", (await FailsAsync(local)).ToString());
        await _bench.Storage.Segments.PutAsync(blob, SegmentCodec.Erase(bytes, 0));
        Assert.Contains("is not the one that was frozen", (await FailsAsync(local)).ToString());
        Assert.Empty(await _bench.Storage.Segments.ListAsync(store, BlobKind.Answer, "", null, 10));
        // Mended, the request that was charged is answered.
        await _bench.Storage.Segments.DeleteAsync(store, BlobKind.Segment, blob.Id);
        await _bench.Storage.Segments.PutAsync(blob, bytes);
        Assert.True((await local.AskAsync(Ask)).Charge.IsReplay);
        await RequireChargesAsync(store, 1);
    }

    [Fact]
    public async Task An_answer_expires_and_is_never_computed_anew()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, First);
        using var local = new LocalQueries(_bench.Side, _bench, store);
        await local.AskAsync(Ask);
        _clock.Advance(_bench.Options.AnswerRetention);
        Assert.True((await local.AskAsync(Ask)).Charge.IsReplay);
        _clock.Advance(TimeSpan.FromSeconds(1));
        var problem = await Refused.WithAsync(ProblemCodes.AnswerExpired, () => local.AskAsync(Ask));
        Assert.Contains("7 days", problem.Message);
        // The same whether or not it is still stored; a new key is a new request.
        await _bench.Storage.Segments.DeleteAsync(store, BlobKind.Answer, new StoredAnswers(store, _bench.Storage.Segments).KeyOf(LocalQueries.User, new RequestId("k")).Id);
        await Refused.WithAsync(ProblemCodes.AnswerExpired, () => local.AskAsync(Ask));
        Assert.Equal(3, local.Calls);
        await RequireChargesAsync(store, 1);
        Assert.False((await local.AskAsync(PerQueries.Ask("k2"))).Charge.IsReplay);
    }

    [Fact]
    public async Task A_process_that_wakes_up_after_the_retention_sends_nothing()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, First);
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "put Answer" };
        using var slow = new LocalQueries(_bench.With(plan), _bench, store);
        var late = slow.AskAsync(Ask);
        await plan.Hanging;
        _clock.Advance(_bench.Options.AnswerRetention + TimeSpan.FromSeconds(1));
        plan.Release();
        await Refused.WithAsync(ProblemCodes.AnswerExpired, () => late);
    }

    [Fact]
    public async Task A_swept_answer_is_not_computed_anew_when_answers_are_kept_longer_from_then_on()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, First);
        using var local = new LocalQueries(_bench.Side, _bench, store);
        await local.AskAsync(Ask);
        var calls = local.Calls;
        _clock.Advance(_bench.Options.AnswerRetention + StoredAnswers.Grace);
        await new Sweeper(_bench.Side.Catalog, _bench.Side.Blobs, _bench.Side.Services, _bench.Options, _clock, NullLogger<Sweeper>.Instance).SweepAsync(CancellationToken.None);
        // Of rows that changed since it would be a second release for one charge.
        await _bench.Side.AppendAsync(store, "later", Second);
        var longer = _bench.Options.AnswerRetention;
        _bench.Options.AnswerRetention = TimeSpan.FromDays(30);
        try
        {
            var problem = await Refused.WithAsync(ProblemCodes.AnswerExpired, () => local.AskAsync(Ask));
            Assert.Contains("24 hours", problem.Message);
        }
        finally
        {
            _bench.Options.AnswerRetention = longer;
        }
        Assert.Equal(calls, local.Calls);
        await RequireChargesAsync(store, 1);
    }

    [Fact]
    public async Task Stored_answers_are_swept_a_day_after_the_last_of_their_requests_expired()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, First);
        using var local = new LocalQueries(_bench.Side, _bench, store);
        await local.AskAsync(Ask);
        var sweeper = new Sweeper(_bench.Side.Catalog, _bench.Side.Blobs, _bench.Side.Services, _bench.Options, _clock, NullLogger<Sweeper>.Instance);
        _clock.Advance(_bench.Options.AnswerRetention + TimeSpan.FromHours(23));
        await sweeper.SweepAsync(CancellationToken.None);
        Assert.Single(await _bench.Storage.Segments.ListAsync(store, BlobKind.Answer, "", null, 10));
        _clock.Advance(TimeSpan.FromHours(1));
        await sweeper.SweepAsync(CancellationToken.None);
        Assert.Empty(await _bench.Storage.Segments.ListAsync(store, BlobKind.Answer, "", null, 10));
        Assert.Single(await _bench.Storage.Segments.ListAsync(store, BlobKind.Segment, "", null, 10));
    }

    [Fact]
    public async Task A_request_that_was_charged_less_than_its_noise_costs_now_is_not_answered()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, First);
        await _bench.Storage.Ledger.ChargeAsync(store, LocalQueries.User, new RequestId("k"), RequestFingerprint.Of(RequestContent.Of(Ask)), new PrivacyAmount(1000, 1000));
        using var local = new LocalQueries(_bench.Side, _bench, store);
        await Assert.ThrowsAsync<StorageCorruptException>(() => local.AskAsync(Ask));
        Assert.Equal(0, local.Calls);
    }

    /// <summary>Record and replay: with the noise of one run, its neighbour's run differs by no more than the declared sensitivity, and in nothing else that anybody can see.</summary>
    [Theory]
    [InlineData("replace-one")]
    [InlineData("add-remove")]
    public async Task A_neighbour_under_the_same_noise_differs_in_the_sums_alone(string adjacency)
    {
        var definition = PerQueries.Definition(adjacency: adjacency);
        var isNull = adjacency == "add-remove" ? Enumerable.Range(0, 70).Select(i => i == 33).ToArray() : null;
        var other = Samples.Rows(70, 1);
        Samples.Rows(1, 77).Keys.Single!.Row(0).CopyTo(other.Keys.Single!.Row(33));
        Samples.Rows(1, 78).Values.Single!.Row(0).CopyTo(other.Values.Single!.Row(33));
        var recorder = new RecordingNoises();
        var (recorded, sums) = await RunAsync(First with { IsNull = isNull }, recorder);
        var replay = new ReplayedNoises(recorder.OnePerAddress());
        var (replayed, neighbours) = await RunAsync(adjacency == "add-remove" ? First : other, replay);
        Assert.Equal(1, replay.Asked);
        Assert.Equal((recorded.Charge.MuSquared, recorded.Charge.Slack, recorded.Charge.IsReplay), (replayed.Charge.MuSquared, replayed.Charge.Slack, replayed.Charge.IsReplay));
        Assert.Equal(recorded.Answers!.Outputs.Length, replayed.Answers!.Outputs.Length);
        Assert.NotEqual(recorded.Answers.Outputs, replayed.Answers.Outputs);
        var plan = PerQueryPlan.Create(PerQueryParameters.Create(SchemaFactory.Schema(SchemaFactory.Resolve(definition))), Ask.Queries, false, Epsilon.Budget(1), new Delta(1e-6));
        var squares = sums.Zip(neighbours, (x, y) => (double)(x - y) * (x - y)).Sum();
        Assert.InRange(Math.Sqrt(squares), 1, (double)plan.Sensitivity);

        async Task<(AskOutcome, long[])> RunAsync(RowBatch rows, INoiseSources noise)
        {
            var store = await LocalQueries.MakeAsync(_bench, definition, 6, rows);
            using var local = new LocalQueries(_bench.With(new FaultPlan(), noise), _bench, store);
            var outcome = await local.AskAsync(Ask);
            return (outcome, [.. Enumerable.Range(0, local.Sent[0].Length).Select(i => local.Sent.Sum(block => block[i]))]);
        }
    }

    public async ValueTask DisposeAsync() => await _bench.DisposeAsync();

    private async Task EraseAsync(StoreId store, string batch, int row) => await _bench.Side.Services.Book(store).EraseAsync(
        BatchCut.KeyOf(batch),
        row,
        "owner",
        async (segment, newBlob, rowOfSegment, keepsSlot) =>
        {
            var erased = SegmentCodec.Erase((await _bench.Storage.Segments.ReadAsync(new BlobKey(store, BlobKind.Segment, segment.Blob)))!, rowOfSegment);
            var stored = await _bench.Storage.Segments.PutAsync(new BlobKey(store, BlobKind.Segment, newBlob), erased);
            var rows = SegmentCodec.CountRows(erased);
            return new SegmentReference(newBlob, segment.Shard, 0, rows, keepsSlot ? rows : rows - SegmentCodec.CountNulls(erased), erased.Length, Convert.ToHexStringLower(stored.Digest.Span));
        },
        CancellationToken.None);

    private async Task RequireChargesAsync(StoreId store, int charges)
    {
        var entries = await _bench.Storage.Ledger.ListEntriesAsync(store, LocalQueries.User, 0, 100);
        Assert.Equal(charges, entries.Count(entry => entry.Entry.Kind == LedgerEntryKind.Charge));
        Assert.Empty(await _bench.Storage.Ledger.VerifyAsync(store));
    }

    private static async Task<ProblemException> FailsAsync(LocalQueries local) => await Assert.ThrowsAsync<ProblemException>(() => local.AskAsync(Ask));
}
