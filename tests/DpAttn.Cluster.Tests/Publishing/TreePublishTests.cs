using System.Security.Cryptography;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace DpAttn.Cluster.Tests;

/// <summary>Publishes of the moment tree with levels all: every node is stored, several to a page.</summary>
public sealed class TreePublishTests() : PublishJobContract(Samples.AllLevels)
{
    [Fact]
    public async Task Every_node_is_stored_in_pages_that_the_release_names_through_lists()
    {
        var (store, release) = await PublishedAsync();
        var document = await Bench.Side.ReadReleaseAsync(store, release);
        var model = (TreeModel)(await Bench.Side.Directory.ReadAsync(store))!.Model;
        // 78 slots in blocks of 4 under 16 levels: 20 + 10 + 5 + 3 + 2 + 11 nodes, 48 to a page.
        Assert.Equal((20L, 51L, 48), (document.Blocks!.Value, model.NodeCount(20), model.NodesPerPage));
        var blobs = await Bench.Storage.Segments.ListAsync(store, BlobKind.Node, "", null, 100);
        Assert.Equal(3 * (1 + 2), blobs.Count);
        foreach (var list in document.Nodes)
        {
            var digests = (await Bench.Storage.Segments.ReadPartsAsync(store, BlobKind.Node, list.Blob, list.Bytes))!;
            for (var page = 0; page < 2; page++)
                Assert.Equal(SHA256.HashData((await Bench.Storage.Segments.ReadAsync(new BlobKey(store, BlobKind.Node, NodePages.PageId(list.Blob, page))))!), digests[(32 * page)..(32 * (page + 1))]);
        }
        Assert.Empty(await Bench.Storage.Segments.ListAsync(store, BlobKind.ShardSums, "", null, 10));
    }

    /// <summary>Each node has noise of its own at each tier, drawn at one address.</summary>
    [Fact]
    public async Task Every_node_and_tier_draws_noise_at_an_address_of_its_own()
    {
        var store = await MakeAsync();
        var release = await Bench.Side.FreezeAsync(store);
        var noise = new RecordingNoises();
        await Bench.With(new FaultPlan(), noise).PublishAsync(store, release);
        Assert.Equal(3 * 51, noise.Drawn.Count);
        Assert.Equal(3 * 51, noise.OnePerAddress().Count);
    }

    [Fact]
    public async Task The_page_that_another_process_stored_first_is_the_one_that_is_served()
    {
        var store = await MakeAsync();
        var release = await Bench.Side.FreezeAsync(store);
        var document = await Bench.Side.ReadReleaseAsync(store, release);
        var model = (TreeModel)(await Bench.Side.Directory.ReadAsync(store))!.Model;
        var first = Enumerable.Range(0, 3 * (int)model.Dimension).Select(i => (long)i).ToArray();
        await Bench.Storage.Segments.PutPartsAsync(store, BlobKind.Node, NodePages.PageId(ReleaseBook.NodeId(document, 1), 1), NodeCodec.Encode(first, document.Slots));
        Assert.Equal(PublishOutcome.Published, await Bench.Side.PublishAsync(store, release));
        var nodes = await Bench.Side.ReadNodesAsync(store, release);
        Assert.Equal(first, nodes[1][^first.Length..]);
        Assert.NotEqual(first, nodes[0][^first.Length..]);
    }

    [Fact]
    public async Task A_list_that_another_process_stored_and_that_names_other_pages_fails_the_release()
    {
        var store = await MakeAsync();
        var release = await Bench.Side.FreezeAsync(store);
        await Bench.Storage.Segments.PutPartsAsync(store, BlobKind.Node, ReleaseBook.NodeId(await Bench.Side.ReadReleaseAsync(store, release), 2), new byte[64]);
        Assert.Equal(PublishOutcome.Failed, await Bench.Side.PublishAsync(store, release));
        Assert.Contains("tier 2 was stored by two writers that disagree", (await Bench.Side.ReadReleaseAsync(store, release)).Failure);
        foreach (var kind in new[] { BlobKind.ShardSums, BlobKind.Node })
            Assert.Empty(await Bench.Storage.Segments.ListAsync(store, kind, "", null, 10));
    }

    [Fact]
    public async Task Sums_that_another_process_stored_and_that_are_not_these_fail_the_release()
    {
        var store = await MakeAsync();
        var release = await Bench.Side.FreezeAsync(store);
        var document = await Bench.Side.ReadReleaseAsync(store, release);
        var manifest = await Bench.Side.Services.Releases(store).ReadManifestAsync(document, (await Bench.Side.Directory.ReadAsync(store))!.Document, CancellationToken.None);
        var id = $"{ShardSum.BlobId(release, document.Manifest, manifest.Segments[0].Shard)}-000000";
        // Too short for the blocks of that shard: no node of it can be trusted.
        await Bench.Storage.Segments.PutPartsAsync(store, BlobKind.ShardSums, id, NodeCodec.Encode([1, 2, 3], 3));
        Assert.Equal(PublishOutcome.Failed, await Bench.Side.PublishAsync(store, release));
        Assert.Contains("ShardSums", (await Bench.Side.ReadReleaseAsync(store, release)).Failure);
    }

    [Fact]
    public async Task A_shard_that_sends_too_little_stops_the_publish_before_any_noise()
    {
        var store = await MakeAsync();
        var release = await Bench.Side.FreezeAsync(store);
        var noise = new RecordingNoises();
        var side = Bench.With(new FaultPlan(), noise);
        var few = await Assert.ThrowsAsync<ProblemException>(() => side.Services.Publish(store, release).RunAsync(new FewSums(side.ShardsOf(store, release)), CancellationToken.None));
        Assert.Equal(ProblemCodes.ShardUnavailable, few.Code);
        Assert.Matches("shard [0-2] sent [0-9]+ sums where [0-9]+ belong", few.Message);
        Assert.Empty(noise.Drawn);
        Assert.Equal(ReleaseDocument.Publishing, (await Bench.Side.ReadReleaseAsync(store, release)).State);
    }

    [Fact]
    public async Task A_range_of_a_page_that_is_missing_or_another_is_refused_and_others_are_answered()
    {
        var (store, release) = await PublishedAsync();
        var list = (await Bench.Side.ReadReleaseAsync(store, release)).Nodes[1];
        var page = new BlobKey(store, BlobKind.Node, NodePages.PageId(list.Blob, 1));
        var bytes = (await Bench.Storage.Segments.ReadAsync(page))!;
        await Bench.Storage.Segments.DeleteAsync(store, BlobKind.Node, page.Id);
        var nodes = new ReleasedNodes(Bench.Side.Catalog, Bench.Side.Blobs, Bench.Side.Directory, Bench.Options);
        async Task<string> RefusedAsync() => (await Assert.ThrowsAsync<StorageCorruptException>(() => nodes.GetAsync(store, release, 1, null, CancellationToken.None))).Message;
        Assert.Contains("page 1 of tier 1", await RefusedAsync());
        Assert.NotNull(await nodes.GetAsync(store, release, 1, new BlockRange(0, 3), CancellationToken.None));
        bytes[^1] ^= 1;
        await Bench.Storage.Segments.PutAsync(page, bytes);
        Assert.Contains("is not the one that was published", await RefusedAsync());
        await Bench.Storage.Segments.DeleteAsync(store, BlobKind.Node, list.Blob);
        await Bench.Storage.Segments.PutAsync(new BlobKey(store, BlobKind.Node, list.Blob), new byte[list.Bytes]);
        Assert.Contains("tier 1 of release r000001 is not the one", await RefusedAsync());
        Assert.NotNull(await nodes.GetAsync(store, release, 0, null, CancellationToken.None));
    }

    [Fact]
    public async Task A_range_reads_few_pages_and_the_cache_of_ranges_is_bounded()
    {
        var (store, release) = await PublishedAsync();
        var plan = new FaultPlan { Counts = call => call == "read Node" };
        var side = Bench.With(plan);
        var nodes = new ReleasedNodes(side.Catalog, side.Blobs, side.Directory, Bench.Options);
        await nodes.GetAsync(store, release, 0, new BlockRange(0, 1), CancellationToken.None);
        // The list and one page.
        Assert.Equal(2, plan.Calls);
        var one = nodes.Bytes;
        Bench.Options.NodeCacheBytes = 5 * one;
        for (var to = 1; to <= 20; to++)
        {
            await nodes.GetAsync(store, release, 0, new BlockRange(0, to), CancellationToken.None);
            Assert.InRange(nodes.Bytes, one, 5 * one);
        }
        var calls = plan.Calls;
        await nodes.GetAsync(store, release, 0, new BlockRange(0, 20), CancellationToken.None);
        Assert.Equal(calls, plan.Calls);
        await nodes.GetAsync(store, release, 0, new BlockRange(0, 2), CancellationToken.None);
        Assert.True(plan.Calls > calls);
    }

    [Fact]
    public async Task Ranges_that_are_none_are_refused_where_they_would_be_read()
    {
        var (store, release) = await PublishedAsync();
        var nodes = new ReleasedNodes(Bench.Side.Catalog, Bench.Side.Blobs, Bench.Side.Directory, Bench.Options);
        foreach (var rows in new BlockRange[] { new(0, 21), new(3, 3), new(-1, 2) })
            Assert.Equal(ProblemCodes.InvalidRequest, (await Assert.ThrowsAsync<ProblemException>(() => nodes.GetAsync(store, release, 0, rows, CancellationToken.None))).Code);
    }

    [Fact]
    public async Task Nodes_outlive_the_sweep_and_go_with_the_release()
    {
        Bench.Options.SweepAfter = TimeSpan.Zero;
        var (store, release) = await PublishedAsync();
        var expected = await Bench.Side.ReadNodesAsync(store, release);
        var document = await Bench.Side.ReadReleaseAsync(store, release);
        var sweeper = new Sweeper(Bench.Side.Catalog, Bench.Side.Blobs, Bench.Side.Services, Bench.Options, Bench.Clock, NullLogger<Sweeper>.Instance);
        // What a process that stopped after it was published left.
        await Bench.Storage.Segments.PutAsync(new BlobKey(store, BlobKind.ShardSums, $"{ShardSum.BlobId(release, document.Manifest, 0)}-000000"), new byte[8]);
        await sweeper.SweepAsync(CancellationToken.None);
        Assert.Equal(expected, await Bench.Side.ReadNodesAsync(store, release));
        Assert.Empty(await Bench.Storage.Segments.ListAsync(store, BlobKind.ShardSums, "", null, 10));
        await Bench.Side.Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None);
        Assert.Empty(await Bench.Storage.Segments.ListAsync(store, BlobKind.Node, "", null, 10));
        // A coordinator that was slow stored one once more.
        await Bench.Storage.Segments.PutAsync(new BlobKey(store, BlobKind.Node, NodePages.PageId(ReleaseBook.NodeId(document, 0), 0)), new byte[8]);
        await sweeper.SweepAsync(CancellationToken.None);
        Assert.Empty(await Bench.Storage.Segments.ListAsync(store, BlobKind.Node, "", null, 10));
    }

    [Theory]
    [InlineData(Fault.Before)]
    [InlineData(Fault.After)]
    public async Task Retiring_that_stops_at_any_call_of_the_storage_is_completed_by_its_repetition(Fault fault)
    {
        for (var call = 1; ; call++)
        {
            var (store, release) = await PublishedAsync();
            var plan = new FaultPlan { FailingCall = call, Fault = fault };
            try
            {
                await Bench.With(plan).Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None);
            }
            catch (Exception e) when (e is StorageException or ProblemException)
            {
                await Bench.Side.Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None);
            }
            Assert.Equal(ReleaseDocument.Retired, (await Bench.Side.ReadReleaseAsync(store, release)).State);
            Assert.Empty(await Bench.Storage.Segments.ListAsync(store, BlobKind.Node, "", null, 10));
            if (!plan.HasFailed)
                break;
            Assert.True(call < 50);
        }
    }

    private async Task<(StoreId Store, string Release)> PublishedAsync()
    {
        var store = await MakeAsync();
        var release = await Bench.Side.FreezeAsync(store);
        Assert.Equal(PublishOutcome.Published, await Bench.Side.PublishAsync(store, release));
        return (store, release);
    }

    /// <summary>Shards that leave out the last block of what they are asked for.</summary>
    private sealed class FewSums(IShardSums shards) : IShardSums
    {
        public Task<ShardProgress> SumAsync(int shard, CancellationToken cancellationToken) => shards.SumAsync(shard, cancellationToken);

        public Task<LongBlock> ReadAsync(int shard, int start, int count, CancellationToken cancellationToken) => shards.ReadAsync(shard, start, count, cancellationToken);

        public async Task<PartSums> ReadBlocksAsync(int shard, long from, long to, CancellationToken cancellationToken)
        {
            var sums = await shards.ReadBlocksAsync(shard, from, to, cancellationToken);
            return PartSums.Of(sums.Blocks[0].Values[..^84]);
        }

        public Task ForgetAsync(int shard, CancellationToken cancellationToken) => shards.ForgetAsync(shard, cancellationToken);
    }
}
