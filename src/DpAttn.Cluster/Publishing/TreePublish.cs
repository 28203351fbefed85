using DpAttn.Attention;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The second half of a publish of all levels: takes the shards' exact sums block by block, adds them to nodes, adds each node's noise once and stores it. In memory are the blocks of one
/// message, one exact node per level at most, and a page of noised nodes; nothing grows with the rows or with the tree.
/// </summary>
internal sealed class TreePublish(StoreId store, ReleaseDocument release, ReleaseManifest manifest, TreeModel model, ISegmentStore blobs, ScanScheduler scans, FanOut fanOut)
{
    /// <param name="shards">The shards, whose sums are finished.</param>
    /// <param name="noise">The noise under the release's key.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <returns>For each tier, the list of its pages.</returns>
    public async Task<IReadOnlyList<NodeDocument>> RunAsync(IShardSums shards, INoiseSource noise, Action<double> progress, CancellationToken cancellationToken)
    {
        var ladder = model.LadderOf(release.Ladder);
        var blocks = release.Blocks ?? throw new StorageCorruptException("the release does not say how many blocks it has");
        if (blocks != model.Tree.ExtentOf(release.Slots).Blocks)
            throw new StorageCorruptException("the release has another number of blocks than its slots fill");
        var map = new SlotMap(manifest, model.Tree.BlockRows);
        var climb = new NodeClimb(model.Tree, blocks);
        var pages = new NodePages(store, release, model, blobs);
        var atOnce = Math.Max(1, LongBlock.MostValues / model.Dimension);
        for (long from = 0; from < blocks; from += atOnce)
        {
            var to = Math.Min(blocks, from + atOnce);
            var sums = await GatherAsync(shards, map, from, to, cancellationToken);
            for (var block = from; block < to; block++)
            {
                var size = (int)model.Dimension;
                var leaf = new MomentMatrix(model.Moments, sums.AsSpan((int)(block - from) * size, size).ToArray(), model.SlotsOf(model.Tree.Tree.LeafNode(block), release.Slots));
                var nodes = await scans.RunWhenFreeAsync(
                    () => climb.Push(leaf).Select(node => ReleasedNode.Publish(model.Tree, node, ladder, noise)).ToArray(), cancellationToken);
                foreach (var node in nodes)
                    await pages.AddAsync(node, cancellationToken);
                progress((double)(block + 1) / (blocks + 1));
            }
        }
        return await pages.FinishAsync(cancellationToken);
    }

    /// <summary>The exact sums of some blocks, of all shards that have slots in them, or a failure.</summary>
    private async Task<long[]> GatherAsync(IShardSums shards, SlotMap map, long from, long to, CancellationToken cancellationToken)
    {
        var size = (int)model.Dimension;
        var total = new long[(int)(to - from) * size];
        var blocks = new SortedDictionary<int, List<long>>();
        foreach (var part in map.Parts(from, to))
        {
            var shard = manifest.Segments[part.Segment].Shard;
            if (!blocks.TryGetValue(shard, out var known))
                blocks.Add(shard, known = []);
            if (known.Count == 0 || known[^1] != part.Block)
                known.Add(part.Block);
        }
        await fanOut.RunAsync(
            [.. blocks.Keys],
            (shard, token) => shards.ReadBlocksAsync(shard, from, to, token),
            (shard, sums) =>
            {
                var values = sums.ToArray(blocks[shard].Count * size, $"shard {shard}");
                for (var i = 0; i < blocks[shard].Count; i++)
                {
                    var block = total.AsSpan((int)(blocks[shard][i] - from) * size, size);
                    for (var j = 0; j < size; j++)
                        block[j] = checked(block[j] + values[i * size + j]);
                }
            },
            cancellationToken);
        return total;
    }
}
