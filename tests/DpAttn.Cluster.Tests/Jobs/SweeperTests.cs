using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace DpAttn.Cluster.Tests;

/// <summary>What nobody will ever read goes, after a while; what anybody may still name stays.</summary>
public sealed class SweeperTests : IAsyncDisposable
{
    private readonly ManualClock _clock = new();
    private readonly Bench _bench;

    public SweeperTests() => _bench = new Bench(_clock);

    [Fact]
    public async Task Segments_that_were_never_committed_go_when_they_are_old_and_committed_ones_stay()
    {
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "committed", Samples.Rows(5, 1));
        var old = await _bench.Side.PutAsync(store, "old", Samples.Rows(5, 2));
        _clock.Advance(_bench.Options.SweepAfter);
        await _bench.Side.PutAsync(store, "young", Samples.Rows(5, 3));
        await SweepAsync();
        Assert.Equal(new[] { BatchCut.KeyOf("committed"), BatchCut.KeyOf("young") }.Order(), (await SegmentsAsync(store)).Order());
        Assert.Null(await _bench.Storage.Segments.ReadAsync(new BlobKey(store, BlobKind.Segment, old.Segments[0].Blob)));
        _clock.Advance(_bench.Options.SweepAfter);
        await SweepAsync();
        Assert.Equal([BatchCut.KeyOf("committed")], await SegmentsAsync(store));
    }

    [Fact]
    public async Task A_commit_that_comes_while_its_batch_is_looked_at_wins()
    {
        var store = await _bench.MakeStoreAsync();
        var late = await _bench.Side.PutAsync(store, "late", Samples.Rows(5, 1));
        _clock.Advance(_bench.Options.SweepAfter);
        // The sweep has found no batch, and hangs before it removes the segment.
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "catalog read batch" };
        var sweeping = SweepAsync(_bench.With(plan));
        await plan.Hanging;
        Assert.False((await _bench.Side.Services.Book(store).CommitBatchAsync(late, CancellationToken.None)).IsReplay);
        plan.Release();
        await sweeping;
        Assert.Equal([BatchCut.KeyOf("late")], await SegmentsAsync(store));
        Assert.Equal(PublishOutcome.Published, await _bench.Side.PublishAsync(store, await _bench.Side.FreezeAsync(store)));
    }

    /// <summary>Commits and sweeps race: a batch is committed with all its segments or not at all.</summary>
    [Fact]
    public async Task Whatever_wins_a_committed_batch_has_its_segments()
    {
        for (var round = 0; round < 40; round++)
        {
            var store = await _bench.MakeStoreAsync();
            var late = await _bench.Side.PutAsync(store, "late", Samples.Rows(5, 1));
            _clock.Advance(_bench.Options.SweepAfter);
            var sweeping = Task.Run(() => SweepAsync(_bench.With(new FaultPlan())));
            var committing = Task.Run(() => _bench.Side.Services.Book(store).CommitBatchAsync(late, CancellationToken.None));
            await sweeping;
            var lost = await Record.ExceptionAsync(() => committing);
            Assert.Equal(lost is null ? 1 : 0, (await SegmentsAsync(store)).Count);
        }
    }

    [Fact]
    public async Task Rewritten_segments_that_the_directory_does_not_name_go()
    {
        var store = await _bench.MakeStoreAsync();
        var batch = await _bench.Side.PutAsync(store, "b", Samples.Rows(5, 1));
        await _bench.Side.Services.Book(store).CommitBatchAsync(batch, CancellationToken.None);
        var stray = new BlobKey(store, BlobKind.Segment, SegmentName.Rewritten(batch.Segments[0].Blob));
        await _bench.Storage.Segments.PutAsync(stray, new byte[10]);
        await SweepAsync();
        Assert.NotNull(await _bench.Storage.Segments.ReadAsync(stray));
        _clock.Advance(_bench.Options.SweepAfter);
        await SweepAsync();
        Assert.Null(await _bench.Storage.Segments.ReadAsync(stray));
        Assert.Equal(PublishOutcome.Published, await _bench.Side.PublishAsync(store, await _bench.Side.FreezeAsync(store)));
    }

    [Theory]
    [InlineData(BlobKind.ShardSums)]
    [InlineData(BlobKind.Node)]
    [InlineData(BlobKind.Manifest)]
    public async Task What_a_stopped_process_stored_of_a_publish_that_ended_goes_and_what_is_served_stays(BlobKind kind)
    {
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        var release = await _bench.Side.FreezeAsync(store);
        var document = await _bench.Side.ReadReleaseAsync(store, release);
        await _bench.Side.PublishAsync(store, release);
        var nodes = await _bench.Side.ReadNodesAsync(store, release);
        // Sums that a zombie wrote after the publish ended; a node of it that is none; a manifest that lost its race.
        var stray = new BlobKey(store, kind, kind switch
        {
            BlobKind.ShardSums => ShardSum.BlobId(release, document.Manifest, 0),
            BlobKind.Node => $"{release}-{document.Manifest}-9",
            _ => new string('a', 64),
        });
        await _bench.Storage.Segments.PutAsync(stray, new byte[10]);
        _clock.Advance(_bench.Options.SweepAfter);
        await SweepAsync();
        Assert.Null(await _bench.Storage.Segments.ReadAsync(stray));
        Assert.Equal(nodes, await _bench.Side.ReadNodesAsync(store, release));
        Assert.NotNull(await _bench.Storage.Segments.ReadAsync(new BlobKey(store, BlobKind.Manifest, document.Manifest)));
    }

    /// <summary>Whoever retires a release removes them, and may stop before it has.</summary>
    [Theory]
    [InlineData(ReleaseDocument.Retired)]
    [InlineData(ReleaseDocument.Failed)]
    public async Task Rows_of_the_blocks_of_a_continual_release_that_ended_go_and_those_of_a_live_one_stay(string state)
    {
        var (ended, live) = (await GrownAsync(), await GrownAsync());
        await SweepAsync();
        Assert.Equal((2, 2), ((await _bench.Side.BlocksAsync(ended.Store, ended.Release)).Count, (await _bench.Side.BlocksAsync(live.Store, live.Release)).Count));
        var row = (await _bench.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(ended.Store, ended.Release)))!;
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Release.Update(row, row.Value with { State = state, Secret = null })] }));
        await SweepAsync();
        Assert.Equal((0, 2), ((await _bench.Side.BlocksAsync(ended.Store, ended.Release)).Count, (await _bench.Side.BlocksAsync(live.Store, live.Release)).Count));

        async Task<(StoreId Store, string Release)> GrownAsync()
        {
            var store = await _bench.MakeStoreAsync(Continuals.Definition());
            var release = await _bench.Side.FreezeAsync(store);
            await _bench.Side.AppendAsync(store, "b", Samples.Rows(9, 1));
            Assert.Equal(GrowthOutcome.UpToDate, await _bench.Side.GrowAsync(store, release));
            return (store, release);
        }
    }

    [Fact]
    public async Task Nothing_of_a_publish_under_way_goes_however_old_it_is()
    {
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        var release = await _bench.Side.FreezeAsync(store);
        var plan = new FaultPlan { FailingCall = 2, Fault = Fault.Hang, Counts = call => call == "put Node" };
        var running = _bench.With(plan).PublishAsync(store, release);
        await plan.Hanging;
        _clock.Advance(_bench.Options.SweepAfter * 2);
        var before = await CountAsync(store);
        await SweepAsync();
        Assert.Equal(before, await CountAsync(store));
        plan.Release();
        Assert.Equal(PublishOutcome.Published, await running);
    }

    [Fact]
    public async Task A_manifest_that_is_frozen_while_it_is_looked_at_stays()
    {
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        // The freeze has stored its manifest and hangs before it commits; the sweep has found no release of it and hangs before it removes it.
        var freeze = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "put Manifest" };
        var freezing = _bench.With(freeze).FreezeAsync(store);
        await freeze.Hanging;
        _clock.Advance(_bench.Options.SweepAfter);
        var sweep = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "catalog list release" };
        var sweeping = SweepAsync(_bench.With(sweep));
        await sweep.Hanging;
        freeze.Release();
        var release = await freezing;
        sweep.Release();
        await sweeping;
        Assert.Equal(PublishOutcome.Published, await _bench.Side.PublishAsync(store, release));
    }

    [Fact]
    public async Task What_reaches_a_store_after_it_was_removed_goes_with_the_next_sweep()
    {
        var store = await _bench.MakeStoreAsync();
        var removal = _bench.Side.Services.Removal(store);
        await removal.DeleteAsync("owner", CancellationToken.None);
        await removal.PurgeAsync(CancellationToken.None);
        foreach (var kind in Enum.GetValues<BlobKind>())
            await _bench.Storage.Segments.PutAsync(new BlobKey(store, kind, "late"), new byte[10]);
        await SweepAsync();
        Assert.Equal(0, await CountAsync(store));
    }

    [Fact]
    public async Task One_store_that_cannot_be_swept_does_not_keep_the_others_from_it()
    {
        var stores = new[] { await _bench.MakeStoreAsync(), await _bench.MakeStoreAsync() };
        foreach (var store in stores)
            await _bench.Side.PutAsync(store, "b", Samples.Rows(5, 1));
        _clock.Advance(_bench.Options.SweepAfter);
        await SweepAsync(_bench.With(new FaultPlan { FailingCall = 1, Fault = Fault.Before, Counts = call => call == "list Segment" }));
        Assert.Equal([0, 1], new[] { await CountAsync(stores[0]), await CountAsync(stores[1]) }.Order());
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private Task SweepAsync(Side? side = null)
    {
        side ??= _bench.Side;
        return new Sweeper(side.Catalog, side.Blobs, side.Services, _bench.Options, _clock, NullLogger<Sweeper>.Instance).SweepAsync(CancellationToken.None);
    }

    private async Task<List<string>> SegmentsAsync(StoreId store) =>
        [.. (await _bench.Storage.Segments.ListAsync(store, BlobKind.Segment, "", null, 100)).Select(blob => SegmentName.Parse(blob.Key.Id)!.Value.BatchKey)];

    private async Task<int> CountAsync(StoreId store)
    {
        var count = 0;
        foreach (var kind in Enum.GetValues<BlobKind>())
            count += (await _bench.Storage.Segments.ListAsync(store, kind, "", null, 100)).Count;
        return count;
    }
}
