using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>One tier of one node of a tree, noise in it: what is stored, and what ranges are added up from.</summary>
public sealed class ReleasedNode
{
    private ReleasedNode(MomentTreeParameters tree, long node, ReleasedMoments moments) => (Tree, Node, Moments) = (tree, node, moments);

    /// <summary>The tree.</summary>
    public MomentTreeParameters Tree { get; }

    /// <summary>The node.</summary>
    public long Node { get; }

    /// <summary>Its noised sums.</summary>
    public ReleasedMoments Moments { get; }

    /// <summary>A node that was stored.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="ladder">The ladder of its release.</param>
    /// <param name="node">The node.</param>
    /// <param name="tier">The tier.</param>
    /// <param name="slots">The slots below it.</param>
    /// <param name="values">Its integers, r x (dv + 1).</param>
    /// <exception cref="ArgumentException">No such node or tier, another number of integers, or no slots.</exception>
    public static ReleasedNode Restore(MomentTreeParameters tree, NoiseLadder ladder, long node, int tier, long slots, ReadOnlySpan<long> values)
    {
        ArgumentNullException.ThrowIfNull(tree);
        tree.RequireLadder(ladder);
        _ = tree.Tree.LevelOf(node);
        ArgumentOutOfRangeException.ThrowIfNegative(tier);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tier, ladder.Best);
        ArgumentOutOfRangeException.ThrowIfLessThan(slots, 1);
        if (values.Length != tree.Moments.Dimension)
            throw new ArgumentException($"a node of this tree has {tree.Moments.Dimension} integers, not {values.Length}", nameof(values));
        return new ReleasedNode(tree, node, new ReleasedMoments(tree.Moments, tier, ladder.Tiers[tier].Variance, slots, values.ToArray()));
    }

    /// <summary>
    /// Adds noise to a node whose last row is in: every tier of the ladder, the noisiest first. In a tree that is released at once, one key serves all nodes, each at its
    /// own address (<see cref="MomentManifest.Digest(MomentTreeParameters, NoiseLadder, long, ReadOnlySpan{byte})"/>); in a continual one, each has the key of its
    /// <see cref="NodeManifest"/>. The caller answers for it that the sums are those of exactly the frozen rows.
    /// </summary>
    /// <exception cref="ArgumentException">A node of another tree, one without slots, or a ladder calibrated for something else.</exception>
    public static IReadOnlyList<ReleasedNode> Publish(MomentTreeParameters tree, MomentNode exact, NoiseLadder ladder, ReleaseKey key, int threads = 1) =>
        Publish(tree, exact, ladder, new KeyedNoise(key, threads));

    internal static IReadOnlyList<ReleasedNode> Publish(MomentTreeParameters tree, MomentNode exact, NoiseLadder ladder, INoiseSource noise)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(exact);
        ArgumentNullException.ThrowIfNull(noise);
        tree.RequireLadder(ladder);
        _ = tree.Tree.LevelOf(exact.Node);
        if (!ReferenceEquals(exact.Sums.Parameters, tree.Moments))
            throw new ArgumentException("the node's sums were made with other parameters", nameof(exact));
        if (exact.Sums.Slots == 0)
            throw new ArgumentException("a node without slots is not released: it is publicly empty", nameof(exact));
        return [.. MomentRelease.AddNoise(exact.Sums, ladder, exact.Node, noise).Select(moments => new ReleasedNode(tree, exact.Node, moments))];
    }
}
