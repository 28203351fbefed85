using DpAttn.Attention;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>The released nodes of a continual release: a blob for each tier of each, inserted if absent when its last row is in, and taken as it is read back.</summary>
internal sealed class ContinualNodes(StoreId store, ReleaseDocument release, TreeModel model, ISegmentStore blobs)
{
    private readonly NoiseLadder _ladder = model.LadderOf(release.Ladder);

    /// <summary>The id of a node's blob.</summary>
    public static string BlobId(ReleaseDocument release, int tier, long node) => $"{ReleaseBook.NodeId(release, tier)}-{node}";

    /// <summary>A node, or null if it is not stored.</summary>
    /// <exception cref="StorageCorruptException">What is stored is no node of this release.</exception>
    public async Task<ReleasedNode?> ReadAsync(long node, int tier, CancellationToken cancellationToken = default)
    {
        var id = BlobId(release, tier, node);
        var length = NodeCodec.LengthOf(model.Dimension);
        // Parts are stored in order, so a node that was stored in part has no last one.
        var last = SegmentStoreExtensions.PartsOf(store, BlobKind.Node, id, length)[^1];
        if (await blobs.ReadAsync(last, cancellationToken) is null)
            return null;
        var bytes = await blobs.ReadPartsAsync(store, BlobKind.Node, id, length, cancellationToken);
        return bytes is null ? null : Restore(node, tier, bytes);
    }

    /// <summary>Stores a node unless it is stored.</summary>
    /// <returns>What is stored.</returns>
    public async Task<ReleasedNode> PutAsync(ReleasedNode node, CancellationToken cancellationToken)
    {
        var tier = node.Moments.Tier;
        var bytes = NodeCodec.Encode(node.Moments.Values, node.Moments.Slots);
        var stored = await blobs.StoreNodeAsync(store, BlobId(release, tier, node.Node), bytes, $"node {node.Node} at tier {tier}", cancellationToken);
        return Restore(node.Node, tier, stored);
    }

    /// <summary>Nodes that make a range: all of them, or a failure.</summary>
    /// <exception cref="StorageCorruptException">One that was released is missing, or is none of this release.</exception>
    public async Task<IReadOnlyDictionary<long, ReleasedNode>> ReadAsync(int tier, IReadOnlyList<long> nodes)
    {
        var read = new Dictionary<long, ReleasedNode>();
        foreach (var node in nodes)
            read.Add(node, await ReadAsync(node, tier) ?? throw new StorageCorruptException($"node {node} of release {release.Id} is missing at tier {tier}"));
        return read;
    }

    private ReleasedNode Restore(long node, int tier, byte[] bytes)
    {
        var (values, slots) = NodeCodec.Decode(bytes, model.Dimension);
        try
        {
            return ReleasedNode.Restore(model.Tree, _ladder, node, tier, slots, values);
        }
        catch (ArgumentException e)
        {
            throw new StorageCorruptException($"node {node} of release {release.Id} at tier {tier} is none of its tree", e);
        }
    }
}
