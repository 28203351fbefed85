using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Reads released nodes of a tier of a release of all levels, each page checked against the tier's list, and the list against the release.</summary>
internal sealed class StoredTree(StoreId store, ReleaseDocument release, TreeModel model, ISegmentStore blobs)
{
    /// <summary>The nodes, or none: what a range is added up from.</summary>
    /// <exception cref="StorageCorruptException">A page is missing, or not the one that was published.</exception>
    public async Task<IReadOnlyDictionary<long, ReleasedNode>> ReadAsync(int tier, IReadOnlyList<long> nodes)
    {
        var list = release.Nodes[tier];
        var name = $"tier {tier} of release {release.Id}";
        var digests = await blobs.ReadNodeAsync(store, list.Blob, list.Bytes, Convert.FromHexString(list.Digest), name);
        var blocks = release.Blocks ?? throw new StorageCorruptException($"release {release.Id} does not say how many blocks it has");
        var count = model.NodeCount(blocks);
        if (digests.Length != (count + model.NodesPerPage - 1) / model.NodesPerPage * SHA256.HashSizeInBytes)
            throw new StorageCorruptException($"{name} lists another number of pages than it has");
        var ladder = model.LadderOf(release.Ladder);
        var read = new Dictionary<long, ReleasedNode>();
        foreach (var onPage in nodes.GroupBy(node => model.IndexOf(node, blocks) / model.NodesPerPage))
        {
            var held = Math.Min(model.NodesPerPage, count - onPage.Key * model.NodesPerPage) * model.Dimension;
            var digest = digests.AsMemory((int)onPage.Key * SHA256.HashSizeInBytes, SHA256.HashSizeInBytes);
            var bytes = await blobs.ReadNodeAsync(store, NodePages.PageId(list.Blob, onPage.Key), NodeCodec.LengthOf(held), digest, $"page {onPage.Key} of {name}");
            var (values, _) = NodeCodec.Decode(bytes, held);
            foreach (var node in onPage)
            {
                var start = (int)(model.IndexOf(node, blocks) % model.NodesPerPage * model.Dimension);
                read.Add(node, ReleasedNode.Restore(model.Tree, ladder, node, tier, model.SlotsOf(node, release.Slots), values.AsSpan(start, (int)model.Dimension)));
            }
        }
        return read;
    }
}
