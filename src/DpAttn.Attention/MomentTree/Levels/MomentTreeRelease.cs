using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// A release of every node of a moment tree at once (<c>levels: all</c>), held in memory: the whole, and any range of blocks, at every tier of a ladder. What does not fit
/// is released node by node (<see cref="MomentTreeSums"/>, <see cref="ReleasedNode.Publish(MomentTreeParameters, MomentNode, NoiseLadder, ReleaseKey, int)"/>).
/// </summary>
public sealed class MomentTreeRelease
{
    /// <summary>The most bytes that one release holds in memory.</summary>
    public const long LargestBytes = 1L << 30;

    private readonly Dictionary<long, IReadOnlyList<ReleasedNode>> _nodes;

    private MomentTreeRelease(MomentTreeParameters tree, NoiseLadder ladder, TreeExtent extent, Dictionary<long, IReadOnlyList<ReleasedNode>> nodes) =>
        (Tree, Ladder, Extent, _nodes) = (tree, ladder, extent, nodes);

    /// <summary>The tree.</summary>
    public MomentTreeParameters Tree { get; }

    /// <summary>The ladder.</summary>
    public NoiseLadder Ladder { get; }

    /// <summary>The blocks that hold slots.</summary>
    public TreeExtent Extent { get; }

    /// <summary>
    /// Publishes all rows under a fresh or stored secret. The key of the noise is bound to the rows, bit by bit, and to everything public: the same secret can never put
    /// the same noise on two different row sets.
    /// </summary>
    /// <param name="tree">The tree; not a continual one.</param>
    /// <param name="rows">The rows in slot order.</param>
    /// <param name="ladder">The ladder, from <see cref="MomentTreeParameters.Calibrate"/>.</param>
    /// <param name="secret">32 secret bytes, fresh for every release.</param>
    /// <param name="clip">As for <see cref="MomentAccumulator.Sum"/>.</param>
    /// <param name="threads">How many threads sum and draw; no bit depends on it.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="RowRejectedException">A row breaks the bounds.</exception>
    /// <exception cref="ArgumentException">A continual tree, another ladder, more than <see cref="LargestBytes"/>, or as for <see cref="MomentAccumulator.Sum"/>.</exception>
    public static MomentTreeRelease Publish(
        MomentTreeParameters tree, RowSet rows, NoiseLadder ladder, ReadOnlySpan<byte> secret, bool clip = false, int threads = 1, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(ladder);
        var key = ReleaseKey.Derive(secret, MomentManifest.Digest(tree, ladder, rows.Count, RowDigest.Of(rows, clip)));
        return Publish(tree, rows, ladder, new KeyedNoise(key, threads), clip, threads, cancellationToken);
    }

    internal static MomentTreeRelease Publish(
        MomentTreeParameters tree, RowSet rows, NoiseLadder ladder, INoiseSource noise, bool clip = false, int threads = 1, CancellationToken cancellationToken = default)
    {
        if (tree.IsContinual)
            throw new ArgumentException("the nodes of a continual tree are released as its blocks close, never all at once", nameof(tree));
        tree.RequireLadder(ladder);
        MomentMatrix.RequireCapacity(tree.Moments, rows.Count);
        var extent = tree.ExtentOf(rows.Count);
        RequireFits(tree, ladder, extent);
        var nodes = new Dictionary<long, IReadOnlyList<ReleasedNode>>();
        foreach (var node in MomentTreeSums.Of(tree, MomentTreeSums.Cut(tree, rows), clip, threads, cancellationToken))
            nodes.Add(node.Node, ReleasedNode.Publish(tree, node, ladder, noise));
        return new MomentTreeRelease(tree, ladder, extent, nodes);
    }

    /// <summary>The released nodes of a tier.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such tier.</exception>
    public IReadOnlyDictionary<long, ReleasedNode> Nodes(int tier)
    {
        RequireTier(tier);
        return _nodes.ToDictionary(node => node.Key, node => node.Value[tier]);
    }

    /// <summary>All rows: the root, one node.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such tier.</exception>
    public ReleasedRange Whole(int tier) => Range(tier, 0, Extent.Blocks);

    /// <summary>A range of blocks.</summary>
    /// <param name="tier">The tier that was opened.</param>
    /// <param name="from">The first block.</param>
    /// <param name="to">The block after the last.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such tier, or an empty range, or one that leaves the blocks that hold slots.</exception>
    public ReleasedRange Range(int tier, long from, long to)
    {
        RequireTier(tier);
        return ReleasedRange.Of(Tree, Extent, from, to, node => _nodes[node][tier]);
    }

    private static void RequireFits(MomentTreeParameters tree, NoiseLadder ladder, TreeExtent extent)
    {
        // Fewer than two nodes per block, and a path to the root.
        var bytes = (UInt128)(2 * extent.Blocks + tree.Tree.Levels) * (UInt128)tree.Moments.Dimension * (UInt128)(ladder.TierCount * sizeof(long));
        if (bytes > LargestBytes)
            throw new ArgumentException($"the nodes of {extent.Blocks} blocks at {ladder.TierCount} tiers would take up to {bytes} bytes, and at most {LargestBytes} are held; release them node by node, or use larger blocks", nameof(tree));
    }

    private void RequireTier(int tier)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tier);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tier, Ladder.Best);
    }
}
