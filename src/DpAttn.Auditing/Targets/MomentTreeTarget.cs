using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing;

/// <summary>
/// A moment tree with every level released at once: <see cref="ReleasedNode"/> by <see cref="ReleasedNode"/> under the one key of the release, as <see cref="MomentTreeRelease"/> has them. Its view is the path
/// from the first slot's leaf to the root, and that leaf's sibling.
/// </summary>
internal sealed class MomentTreeTarget : AuditTarget
{
    private readonly MomentTreeParameters _tree;
    private readonly NoiseLadder _ladder;
    private readonly MomentNode[][] _nodes;
    private readonly byte[][] _digests;

    /// <summary>A target; the schema's capacity is filled.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="ladder">The ladder; its best tier is the claim.</param>
    /// <param name="pair">The neighbours; the worst ones where none are given.</param>
    public MomentTreeTarget(MomentTreeParameters tree, NoiseLadder ladder, NeighbourPair? pair = null)
        : base("moment-tree levels-all", tree.Moments.Schema.Adjacency, ladder.Tiers[ladder.Best].Epsilon, ladder.Delta)
    {
        (_tree, _ladder) = (tree, ladder);
        pair ??= Worst(tree);
        _digests = [.. new[] { pair.First, pair.Second }.Select(rows => MomentManifest.Digest(tree, ladder, rows.Count, RowDigest.Of(rows)))];
        MomentNode[][] all = [Nodes(tree, pair.First), Nodes(tree, pair.Second)];
        long[] seen = [.. Seen(tree)];
        _nodes = [.. all.Select(nodes => nodes.Where(node => seen.Contains(node.Node)).ToArray())];
        StateExact(Concatenated(_nodes[0]), Concatenated(_nodes[1]), ladder.TierCount, ladder.Sensitivity);
    }

    private protected override void Release(bool second, ReadOnlySpan<byte> secret, Span<long> released)
    {
        var side = second ? 1 : 0;
        var noise = Noise(ReleaseKey.Derive(secret, _digests[side]));
        var (nodes, length) = (_nodes[side], (int)_tree.Moments.Dimension);
        for (var i = 0; i < nodes.Length; i++)
        {
            foreach (var tier in ReleasedNode.Publish(_tree, nodes[i], _ladder, noise))
                tier.Moments.Values.CopyTo(released[((tier.Moments.Tier * nodes.Length + i) * length)..]);
        }
    }

    /// <summary>The worst row changes in the first slot of a full store.</summary>
    internal static NeighbourPair Worst(MomentTreeParameters tree) => WorstNeighbours.Farthest(
        WorstNeighbours.Candidates(tree.Moments.Schema, (int)tree.Moments.Schema.Capacity), rows => MomentAccumulator.Sum(tree.Moments, rows).Sums);

    /// <summary>The first leaf and all above it, and the leaf beside it.</summary>
    internal static IEnumerable<long> Seen(MomentTreeParameters tree)
    {
        foreach (var node in tree.Tree.PathOf(0))
            yield return node;
        if (tree.Tree.Leaves > 1)
            yield return tree.Tree.LeafNode(1);
    }

    private static MomentNode[] Nodes(MomentTreeParameters tree, RowSet rows) => [.. MomentTreeSums.Of(tree, MomentTreeSums.Cut(tree, rows))];

    private static long[] Concatenated(MomentNode[] nodes) => [.. nodes.SelectMany(node => node.Sums.Sums)];
}
