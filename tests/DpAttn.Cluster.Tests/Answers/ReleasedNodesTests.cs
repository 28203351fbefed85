using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>The cache of released nodes: bounded in bytes, loaded once, without memory of failures.</summary>
public sealed class ReleasedNodesTests : IAsyncDisposable
{
    private readonly Bench _bench = new(configure: options => options.NodeCacheBytes = 1 << 20);

    [Fact]
    public async Task A_tier_is_loaded_once_however_many_ask_at_once()
    {
        var (store, release) = await PublishAsync();
        var plan = new FaultPlan { Counts = call => call == "read Node" };
        var nodes = NodesOf(_bench.With(plan));
        var answerers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => nodes.GetAsync(store, release, 1, CancellationToken.None)));
        Assert.Single(answerers.Distinct());
        Assert.Equal(1, plan.Calls);
    }

    [Fact]
    public async Task Bytes_are_bounded_and_the_least_recently_used_go_first()
    {
        var size = await SizeOfOneAsync();
        _bench.Options.NodeCacheBytes = 3 * size;
        var (store, release) = await PublishAsync();
        var (other, otherRelease) = await PublishAsync();
        var plan = new FaultPlan { Counts = call => call == "read Node" };
        var nodes = NodesOf(_bench.With(plan));
        for (var tier = 0; tier < 3; tier++)
            await nodes.GetAsync(store, release, tier, CancellationToken.None);
        Assert.Equal(3 * size, nodes.Bytes);
        await nodes.GetAsync(store, release, 0, CancellationToken.None);
        await nodes.GetAsync(other, otherRelease, 0, CancellationToken.None);
        Assert.Equal(3 * size, nodes.Bytes);
        Assert.Equal(4, plan.Calls);
        await nodes.GetAsync(store, release, 0, CancellationToken.None);
        await nodes.GetAsync(store, release, 2, CancellationToken.None);
        Assert.Equal(4, plan.Calls);
        await nodes.GetAsync(store, release, 1, CancellationToken.None);
        Assert.Equal(5, plan.Calls);
    }

    [Fact]
    public async Task A_node_that_alone_exceeds_the_bound_answers_and_is_the_only_one_kept()
    {
        var size = await SizeOfOneAsync();
        _bench.Options.NodeCacheBytes = size - 1;
        var (store, release) = await PublishAsync();
        var nodes = NodesOf(_bench.Side);
        for (var tier = 0; tier < 3; tier++)
        {
            await nodes.GetAsync(store, release, tier, CancellationToken.None);
            Assert.Equal(size, nodes.Bytes);
        }
    }

    [Fact]
    public async Task The_accounting_holds_under_racing_loads_failures_and_evictions()
    {
        var size = await SizeOfOneAsync();
        _bench.Options.NodeCacheBytes = 2 * size;
        var stores = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PublishAsync()));
        var nodes = NodesOf(_bench.Side);
        await Parallel.ForEachAsync(Enumerable.Range(0, 400), async (i, _) =>
        {
            var (store, release) = stores[i * 7 % 4];
            try
            {
                await nodes.GetAsync(store, release, i * 13 % 5, CancellationToken.None);
            }
            catch (ProblemException e)
            {
                Assert.Equal(ProblemCodes.NotFound, e.Code);
            }
            Assert.InRange(nodes.Bytes, 0, 2 * size);
        });
        Assert.Equal(2 * size, nodes.Bytes);
    }

    [Fact]
    public async Task A_failure_is_told_to_all_who_waited_and_is_not_remembered()
    {
        var (store, release) = await PublishAsync();
        using var asked = new ManualResetEventSlim();
        // Not before all have asked: who comes later begins anew.
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Before, Counts = call => call == "read Node" && asked.Wait(TimeSpan.FromSeconds(10)) };
        var nodes = NodesOf(_bench.With(plan));
        var first = Task.WhenAll(Enumerable.Range(0, 5).Select(_ => nodes.GetAsync(store, release, 0, CancellationToken.None)).ToArray());
        asked.Set();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => first);
        Assert.Equal(0, nodes.Bytes);
        await nodes.GetAsync(store, release, 0, CancellationToken.None);
    }

    [Fact]
    public async Task A_failure_that_nobody_waited_for_is_not_remembered_either()
    {
        var (store, release) = await PublishAsync();
        var catalogPlan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "catalog read release" };
        var side = _bench.With(catalogPlan);
        var blobPlan = new FaultPlan { FailingCall = 1, Fault = Fault.Before, Counts = call => call == "read Node" };
        var nodes = new ReleasedNodes(side.Catalog, new FaultySegments(_bench.Storage.Segments, blobPlan), side.Directory, _bench.Options);
        using var caller = new CancellationTokenSource();
        var waiting = nodes.GetAsync(store, release, 0, caller.Token);
        await catalogPlan.Hanging;
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        catalogPlan.Release();
        await Wait.UntilAsync(() => Task.FromResult(blobPlan.HasFailed));
        await Wait.UntilAsync(async () =>
        {
            try
            {
                await nodes.GetAsync(store, release, 0, CancellationToken.None);
                return true;
            }
            catch (StorageUnavailableException)
            {
                return false;
            }
        });
    }

    [Fact]
    public async Task A_caller_that_gives_up_does_not_take_the_load_from_the_others()
    {
        var (store, release) = await PublishAsync();
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "read Node" };
        var nodes = NodesOf(_bench.With(plan));
        using var caller = new CancellationTokenSource();
        var leaving = nodes.GetAsync(store, release, 0, caller.Token);
        var staying = nodes.GetAsync(store, release, 0, CancellationToken.None);
        await plan.Hanging;
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        plan.Release();
        Assert.NotNull(await staying);
        Assert.Equal(1, plan.Calls);
    }

    [Fact]
    public async Task Only_tiers_of_published_releases_are_loaded()
    {
        var (store, release) = await PublishAsync();
        var nodes = NodesOf(_bench.Side);
        foreach (var (id, tier) in new[] { (release, -1), (release, 3), ("r000099", 0), ("", 0) })
            Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => nodes.GetAsync(store, id.Length == 0 ? "x" : id, tier, CancellationToken.None))).Code);
        await _bench.Side.Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None);
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => nodes.GetAsync(store, release, 0, CancellationToken.None))).Code);
    }

    [Fact]
    public async Task A_release_that_is_retired_while_its_node_is_read_is_not_found_and_not_taken_for_damaged()
    {
        var (store, release) = await PublishAsync();
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Held, Counts = call => call == "read Node" };
        var reading = NodesOf(_bench.With(plan)).GetAsync(store, release, 0, CancellationToken.None);
        await plan.Hanging;
        await _bench.Side.Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None);
        plan.Release();
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => reading)).Code);
    }

    [Fact]
    public async Task A_node_that_is_missing_or_another_one_is_refused()
    {
        var (store, release) = await PublishAsync();
        var document = await _bench.Side.ReadReleaseAsync(store, release);
        var node = document.Nodes[0];
        await _bench.Storage.Segments.DeleteAsync(store, BlobKind.Node, node.Blob);
        var nodes = NodesOf(_bench.Side);
        Assert.Contains("missing", (await Assert.ThrowsAsync<StorageCorruptException>(() => nodes.GetAsync(store, release, 0, CancellationToken.None))).Message);
        await _bench.Storage.Segments.PutPartsAsync(store, BlobKind.Node, node.Blob, new byte[node.Bytes]);
        Assert.Contains("not the one", (await Assert.ThrowsAsync<StorageCorruptException>(() => nodes.GetAsync(store, release, 0, CancellationToken.None))).Message);
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private ReleasedNodes NodesOf(Side side) => new(side.Catalog, side.Blobs, side.Directory, _bench.Options);

    private async Task<long> SizeOfOneAsync()
    {
        var (store, release) = await PublishAsync();
        var nodes = NodesOf(_bench.Side);
        await nodes.GetAsync(store, release, 0, CancellationToken.None);
        return nodes.Bytes;
    }

    private async Task<(StoreId Store, string Release)> PublishAsync()
    {
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(20, 1));
        var release = await _bench.Side.FreezeAsync(store);
        Assert.Equal(PublishOutcome.Published, await _bench.Side.PublishAsync(store, release));
        return (store, release);
    }
}
