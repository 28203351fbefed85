using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Continual stores on a bench: growth with shards in this process, and what must come of it.</summary>
internal static class Continuals
{
    public const int BlockRows = 4;

    public static StoreDefinition Definition(long capacity = 64, int shards = 2, string adjacency = "replace-one") => Samples.Definition(shards, adjacency, capacity) with
    {
        Mechanism = new MechanismDefinition(Levels: "all", BlockRows: BlockRows, Continual: true, Slots: adjacency == "add-remove" ? "public-schedule" : null),
    };

    /// <summary>Lets a release grow as an activation would.</summary>
    public static Task<GrowthOutcome> GrowAsync(this Side side, StoreId store, string release) =>
        side.Services.Growth(store, release).RunAsync(new LocalBlocks(side, store), CancellationToken.None);

    public static async Task<ContinualState> StateAsync(this Side side, StoreId store, string release) => (await side.ReadReleaseAsync(store, release)).Continual!;

    public static async Task<byte[]> SecretAsync(this Side side, StoreId store, string release) => side.Services.Releases(store).ReadSecret(await side.ReadReleaseAsync(store, release));

    /// <summary>The frozen blocks.</summary>
    public static async Task<List<BlockDocument>> BlocksAsync(this Side side, StoreId store, string release)
    {
        var blocks = new List<BlockDocument>();
        await foreach (var block in side.Catalog.ListAsync(Documents.Block, Documents.BlocksOf(store, release)))
            blocks.Add(block.Value);
        return blocks;
    }

    /// <summary>Every stored node, by node and tier.</summary>
    public static async Task<Dictionary<(long Node, int Tier), ReleasedNode>> NodesAsync(this Side side, StoreId store, string release)
    {
        var document = await side.ReadReleaseAsync(store, release);
        var model = (TreeModel)(await side.Directory.ReadAsync(store))!.Model;
        var nodes = new ContinualNodes(store, document, model, side.Blobs);
        var found = new Dictionary<(long, int), ReleasedNode>();
        for (var node = 1L; node < 2 * model.Tree.Tree.Leaves; node++)
        {
            for (var tier = 0; tier < document.Ladder.Count; tier++)
            {
                if (await nodes.ReadAsync(node, tier) is { } stored)
                    found.Add((node, tier), stored);
            }
        }
        return found;
    }

    /// <summary>
    /// What the library makes of the frozen blocks, past the classes of the cluster: exactly the nodes that are complete, each with the sums of exactly its rows and the noise
    /// of the key of its own manifest.
    /// </summary>
    /// <param name="side">The storage.</param>
    /// <param name="store">The store.</param>
    /// <param name="release">The release.</param>
    /// <param name="secret">Its secret.</param>
    /// <param name="rows">The rows of each block.</param>
    public static async Task RequireNodesAsync(this Side side, StoreId store, string release, byte[] secret, IReadOnlyList<RowSet> rows)
    {
        var document = await side.ReadReleaseAsync(store, release);
        var model = (TreeModel)(await side.Directory.ReadAsync(store))!.Model;
        var (tree, ladder) = (model.Tree, model.LadderOf(document.Ladder));
        var blocks = await side.BlocksAsync(store, release);
        Assert.Equal(rows.Select(block => block.Count), blocks.Select(block => block.Slots));
        var frame = new ContinualFrame(tree, ladder, Convert.FromHexString(document.Manifest));
        var frozen = blocks.Select(block => new BlockManifest(block.Block, block.FirstSlot, block.Slots, Convert.FromHexString(block.Content))).ToList();
        var extent = new TreeExtent(blocks.Count, blocks.Count > 0 && frame.IsLast(frozen[^1]));
        var stored = await side.NodesAsync(store, release);
        for (var node = 1L; node < 2 * tree.Tree.Leaves; node++)
        {
            if (!tree.IsReleased(node, extent))
            {
                Assert.DoesNotContain((node, 0), stored.Keys);
                continue;
            }
            var (from, to) = tree.Tree.LeavesOf(node);
            var exact = MomentMatrix.Empty(tree.Moments);
            for (var block = from; block < Math.Min(to, blocks.Count); block++)
                exact.Add(MomentAccumulator.Sum(tree.Moments, rows[(int)block]));
            foreach (var expected in ReleasedNode.Publish(tree, new MomentNode(node, exact), ladder, Manifest(frame, frozen, node).Key(secret)))
                Assert.Equal(expected.Moments.Values, stored[(node, expected.Moments.Tier)].Moments.Values);
        }
    }

    private static NodeManifest Manifest(ContinualFrame frame, List<BlockManifest> frozen, long node)
    {
        var (from, to) = frame.Tree.Tree.LeavesOf(node);
        if (to - from == 1)
            return NodeManifest.Of(frame, frozen[(int)from]);
        return NodeManifest.Of(Manifest(frame, frozen, 2 * node), (from + to) / 2 < frozen.Count ? Manifest(frame, frozen, 2 * node + 1) : null);
    }

    /// <summary>The shards of a store in this process, as grains would hold them.</summary>
    public sealed class LocalBlocks(Side side, StoreId store) : IShardBlocks
    {
        private readonly Dictionary<(int, string), ExactSums> _sums = [];

        public async Task<SegmentSlice> SliceAsync(int shard, SliceCommand command, CancellationToken cancellationToken) =>
            await side.Services.Blocks(store, shard).SliceAsync(command, await ModelAsync(), cancellationToken);

        public async Task<ShardProgress> SumAsync(int shard, BlockSumCommand command, CancellationToken cancellationToken)
        {
            try
            {
                var sums = await side.Services.Blocks(store, shard).ComputeAsync(command, await ModelAsync(), null, cancellationToken);
                lock (_sums)
                    _sums[(shard, command.Key)] = sums;
                return new ShardProgress(1, 1, IsDone: true, sums.Slots, null);
            }
            catch (StorageCorruptException e)
            {
                return new ShardProgress(0, 1, IsDone: false, 0, e.Message);
            }
        }

        public Task<LongBlock> ReadAsync(int shard, string key, int start, int count, CancellationToken cancellationToken)
        {
            lock (_sums)
                return Task.FromResult(new LongBlock(_sums[(shard, key)].Values.AsSpan(start, count).ToArray()));
        }

        public Task ForgetAsync(int shard, string key, CancellationToken cancellationToken)
        {
            lock (_sums)
                _sums.Remove((shard, key));
            return Task.CompletedTask;
        }

        private async Task<TreeModel> ModelAsync() => (TreeModel)(await side.Directory.ReadAsync(store))!.Model;
    }
}
