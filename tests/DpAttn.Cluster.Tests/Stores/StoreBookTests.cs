using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>The directory of one store under failures and races that the front door cannot be made to meet.</summary>
public sealed class StoreBookTests : IAsyncDisposable
{
    private readonly Bench _bench = new();

    [Theory]
    [InlineData(Fault.Before)]
    [InlineData(Fault.After)]
    [InlineData(Fault.Hang)]
    public async Task A_batch_whose_commit_stops_at_any_call_is_added_once_by_its_retry(Fault fault)
    {
        for (var call = 1; ; call++)
        {
            var store = await _bench.MakeStoreAsync();
            var commit = await _bench.Side.PutAsync(store, "b", Samples.Rows(5, 1));
            var plan = new FaultPlan { FailingCall = call, Fault = fault };
            var stopped = _bench.With(plan).Services.Book(store).CommitBatchAsync(commit, CancellationToken.None);
            await Task.WhenAny(stopped, plan.Hanging);
            if (!plan.HasFailed)
                break;
            Assert.Equal(5, (await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1))).Slots);
            plan.Release();
            await Record.ExceptionAsync(() => stopped);
            var view = (await _bench.Side.Directory.ReadAsync(store))!;
            Assert.Equal((5, 1, 1), (view.Document.Slots, view.Document.Batches, view.Document.NextSegment));
        }
    }

    [Theory]
    [InlineData(Fault.Before)]
    [InlineData(Fault.After)]
    [InlineData(Fault.Hang)]
    public async Task An_erasure_that_stops_at_any_call_is_completed_by_its_retry_and_leaves_no_bytes(Fault fault)
    {
        for (var call = 1; ; call++)
        {
            var store = await _bench.MakeStoreAsync();
            await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
            var plan = new FaultPlan { FailingCall = call, Fault = fault };
            var stopped = EraseAsync(_bench.With(plan), store, 3);
            await Task.WhenAny(stopped, plan.Hanging);
            if (!plan.HasFailed)
                break;
            await EraseAsync(_bench.Side, store, 3);
            plan.Release();
            await Record.ExceptionAsync(() => stopped);
            Assert.Equal(4, (await _bench.Side.Directory.ReadAsync(store))!.Document.Slots);
            // What a stopped attempt wrote holds the other rows: it is swept.
            await SweepAsync();
            var blob = Assert.Single(await _bench.Storage.Segments.ListAsync(store, BlobKind.Segment, "", null, 10));
            Assert.Equal(1, SegmentCodec.CountNulls((await _bench.Storage.Segments.ReadAsync(blob.Key))!));
        }
    }

    [Fact]
    public async Task What_a_late_copy_of_a_batch_stored_after_an_erasure_goes_again()
    {
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        var erased = await EraseAsync(_bench.Side, store, 3);
        // A twin that had looked before the first one was committed stores its segment now.
        var late = await _bench.Side.PutAsync(store, "b", Samples.Rows(5, 1));
        Assert.NotNull(await _bench.Storage.Segments.ReadAsync(new BlobKey(store, BlobKind.Segment, late.Segments[0].Blob)));
        Assert.True((await _bench.Side.Services.Book(store).CommitBatchAsync(late, CancellationToken.None)).IsReplay);
        Assert.Equal(erased, Assert.Single(await _bench.Storage.Segments.ListAsync(store, BlobKind.Segment, "", null, 10)).Key.Id);
    }

    [Fact]
    public async Task A_batch_whose_segments_were_swept_is_not_committed()
    {
        var store = await _bench.MakeStoreAsync();
        var commit = await _bench.Side.PutAsync(store, "b", Samples.Rows(5, 1));
        await SweepAsync();
        var problem = await Assert.ThrowsAsync<ProblemException>(() => _bench.Side.Services.Book(store).CommitBatchAsync(commit, CancellationToken.None));
        Assert.Equal(ProblemCodes.Busy, problem.Code);
        Assert.Equal(0, (await _bench.Side.Directory.ReadAsync(store))!.Document.Slots);
        Assert.False((await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1))).IsReplay);
    }

    [Fact]
    public async Task Writers_that_all_believe_to_be_alone_lose_nothing_of_each_other()
    {
        var store = await _bench.MakeStoreAsync();
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(() => _bench.With(new FaultPlan()).AppendAsync(store, $"b{i}", Samples.Rows(i + 1, i)))));
        var view = (await _bench.Side.Directory.ReadAsync(store))!;
        Assert.Equal((78, 12, 12), (view.Document.Slots, view.Document.Batches, view.Document.NextSegment));
        var rows = await _bench.Storage.Catalog.ListAsync(Documents.Segment.Name, Documents.Under(store), null, 100);
        Assert.Equal(Enumerable.Range(0, 12).Select(i => Documents.Below(store, Documents.Ordinal(i))), rows.Select(row => row.Key));
        var batches = await _bench.Storage.Catalog.ListAsync(Documents.Batch.Name, Documents.Under(store), null, 100);
        Assert.Equal(78, batches.Select(Documents.Batch.Parse).OrderBy(batch => batch.FirstSlot).Aggregate(0L, (next, batch) => batch.FirstSlot == next ? next + batch.Slots : -1));
    }

    [Fact]
    public async Task A_row_of_a_failed_release_can_be_erased_and_nothing_of_the_release_tells_of_it()
    {
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        var release = await _bench.Side.FreezeAsync(store);
        var manifest = (await _bench.Side.ReadReleaseAsync(store, release)).Manifest;
        await Assert.ThrowsAsync<ProblemException>(() => EraseAsync(_bench.Side, store, 3));
        var row = (await _bench.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!;
        await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Release.Update(row, row.Value with { NoiseBinding = new string('0', 64) })] });
        Assert.Equal(PublishOutcome.Failed, await _bench.Side.PublishAsync(store, release));
        // Its manifest held the digests of segments with all their rows.
        Assert.Null(await _bench.Storage.Segments.ReadAsync(new BlobKey(store, BlobKind.Manifest, manifest)));
        await EraseAsync(_bench.Side, store, 3);
        Assert.Equal(4, (await _bench.Side.Directory.ReadAsync(store))!.Document.Slots);
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private Task SweepAsync()
    {
        var options = new ClusterOptions { SweepAfter = TimeSpan.Zero };
        return new Sweeper(
            _bench.Side.Catalog, _bench.Side.Blobs, _bench.Side.Services, options, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<Sweeper>.Instance)
            .SweepAsync(CancellationToken.None);
    }

    /// <returns>The segment's blob afterwards.</returns>
    internal static async Task<string> EraseAsync(Side side, StoreId store, int row)
    {
        await side.Services.Book(store).EraseAsync(BatchCut.KeyOf("b"), row, "owner", RewriteAsync, CancellationToken.None);
        return Documents.Segment.Parse((await side.Catalog.ListAsync(Documents.Segment.Name, Documents.Under(store), null, 1))[0]).Blob;

        // As the shard does it.
        async Task<SegmentReference> RewriteAsync(SegmentDocument segment, string newBlob, int rowOfSegment, bool keepsSlot)
        {
            var bytes = SegmentCodec.Erase((await side.Blobs.ReadAsync(new BlobKey(store, BlobKind.Segment, segment.Blob)))!, rowOfSegment);
            var stored = await side.Blobs.PutAsync(new BlobKey(store, BlobKind.Segment, newBlob), bytes);
            var rows = SegmentCodec.CountRows(bytes);
            return new SegmentReference(newBlob, segment.Shard, 0, rows, keepsSlot ? rows : rows - SegmentCodec.CountNulls(bytes), bytes.Length, Convert.ToHexStringLower(stored.Digest.Span));
        }
    }
}
