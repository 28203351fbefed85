using System.Numerics;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>
/// The moment tree (mechanisms, section 6.1), released at every node: whatever range of blocks is asked for is added up from at most 2 log2(blocks) nodes. Its ladder is
/// calibrated for all nodes of a full tree together, so a tier that is opened is paid for all ranges.
/// </summary>
/// <remarks>
/// Released nodes are stored in the order in which they are complete, blocks in slot order and each node after its children, several to a page. Whatever is bounded here is
/// bounded when a store is defined: a publish never finds out that it does not fit.
/// </remarks>
internal sealed class TreeModel : ReleasedModel
{
    /// <summary>The most blocks: what a publish keeps of each, besides sums, is a few bytes.</summary>
    public const long MostBlocks = 1L << 20;

    /// <summary>The largest node, in bytes: it travels in one message.</summary>
    public const long LargestNodeBytes = 32L << 20;

    /// <summary>The most bytes of exact sums that a publish holds: one node per level.</summary>
    public const long LargestOpenBytes = 256L << 20;

    /// <summary>The most bytes that all nodes of a full tree take at all tiers.</summary>
    public const long LargestStoredBytes = 8L << 30;

    private const long PageBytes = 32L << 10;
    private const long LargestSmall = 1 << 20;

    /// <exception cref="ArgumentException">A tree that is too large to be served.</exception>
    public TreeModel(StoreDefinition definition, MomentTreeParameters tree)
        : base(definition, tree.Moments.Schema)
    {
        Tree = tree;
        var bytes = tree.Moments.Dimension * (long)sizeof(long);
        NodesPerPage = (int)Math.Max(1, PageBytes / bytes);
        SchemaFactory.Require(
            tree.Tree.Leaves <= MostBlocks,
            $"a capacity of {Schema.Capacity} in blocks of {tree.BlockRows} makes {tree.Tree.Leaves} blocks, and at most {MostBlocks} are served: use larger blockRows");
        SchemaFactory.Require(bytes <= LargestNodeBytes, $"levels all: a node would take {bytes} bytes, and at most {LargestNodeBytes} are served: use a smaller degree");
        SchemaFactory.Require(
            tree.Tree.Levels * bytes <= LargestOpenBytes,
            $"levels all: the {tree.Tree.Levels} nodes above a block would take {tree.Tree.Levels * bytes} bytes, and at most {LargestOpenBytes} are held: use larger blockRows or a smaller degree");
    }

    /// <summary>The tree over the store's blocks.</summary>
    public MomentTreeParameters Tree { get; }

    /// <summary>The parameters of one node.</summary>
    public MomentParameters Moments => Tree.Moments;

    public override bool IsSmall => Moments.Dimension <= LargestSmall;

    /// <summary>The integers of one node.</summary>
    public override long Dimension => Moments.Dimension;

    public override long ProductsPerQuery => Moments.Dimension;

    public override long ProductsPerRow => Moments.Dimension;

    /// <summary>How many nodes are stored together.</summary>
    public int NodesPerPage { get; }

    /// <summary>The error of answers from the whole, which is one node. A range of blocks has that of its rows times the root of the number of its nodes.</summary>
    public override ErrorEstimate ErrorAt(long rows, Epsilon epsilon, int queries) => MomentEstimator.ErrorAt(Tree, rows, epsilon, Delta);

    public override ErrorEstimate EpsilonFor(long rows, double typicalNoise, int queries) => MomentEstimator.EpsilonFor(Tree, rows, typicalNoise, Delta);

    /// <summary>What the noise is bound to: of a continual release its frame, since its rows are bound block by block.</summary>
    public override byte[] Bind(NoiseLadder ladder, long slots, ReadOnlySpan<byte> rows) =>
        Tree.IsContinual ? FrameOf(ladder, rows).Digest.ToArray() : MomentManifest.Digest(Tree, ladder, slots, rows);

    /// <summary>What a continual release fixes before its first row.</summary>
    /// <param name="ladder">Its ladder.</param>
    /// <param name="manifest">The digest of its manifest, which names it.</param>
    public ContinualFrame FrameOf(NoiseLadder ladder, ReadOnlySpan<byte> manifest) => new(Tree, ladder, manifest);

    public override void AddTo(ExactSums sums, RowSet rows, bool clip, CancellationToken cancellationToken) => MomentModel.AddTo(Moments, sums, rows, clip, cancellationToken);

    /// <summary>The slots below a node of a release.</summary>
    public long SlotsOf(long node, long slots)
    {
        var (from, to) = Tree.Tree.LeavesOf(node);
        return Math.Min(to * Tree.BlockRows, slots) - from * Tree.BlockRows;
    }

    /// <summary>How many nodes a finished tree of so many blocks has.</summary>
    public long NodeCount(long blocks) => CompletedBefore(blocks - 1) + Tree.Tree.Levels;

    /// <summary>Where a node stands in the order in which the nodes of a finished tree are complete.</summary>
    public long IndexOf(long node, long blocks)
    {
        // A node is complete with its last block, or with the last of all; of those that are complete together, the deeper come first.
        var last = Math.Min(Tree.Tree.LeavesOf(node).To, blocks) - 1;
        return CompletedBefore(last) + Tree.Tree.Depth - Tree.Tree.LevelOf(node);
    }

    public override PrivacyStatement Describe(PrivacyClaim claim) => Describe(
        claim, MomentModel.FiguresOf(Moments) with { Sensitivity = Tree.Sensitivity.Real.Value, SensitivitySteps = Tree.Sensitivity.Integer, Dimension = Tree.Dimension }) with
    {
        Levels = Tree.Tree.Levels,
        BlockRows = Tree.BlockRows,
        Blocks = Tree.Tree.Leaves,
        Nodes = Tree.Tree.Nodes,
        Continual = Tree.IsContinual
            ? $"rows keep arriving, up to {Schema.Capacity} slots; the noise of every node is calibrated for all {Tree.Tree.Nodes} nodes of a full tree together, so a tier that is opened is paid for all blocks to come; the count of slots is public"
            : null,
        NotProtected = [.. claim.NotProtected, .. AlsoNotProtected()],
    };

    private IEnumerable<string> AlsoNotProtected()
    {
        // The sensitivity is that of one slot's row: a slot less moves every later row.
        if (Schema.Adjacency == Adjacency.AddRemove)
            yield return "a row that is left out: a row that is not there must be sent as a null slot, or all later rows move to other blocks";
        if (Tree.IsContinual)
            yield return "when blocks close, and so how many slots were filled by when: that is public, and must not depend on rows";
    }

    protected override NoiseLadder Calibrate(IReadOnlyList<double> epsilons)
    {
        SchemaFactory.RequireLadder(epsilons);
        var bytes = (Int128)Tree.Dimension * sizeof(long) * epsilons.Count;
        SchemaFactory.Require(
            bytes <= LargestStoredBytes,
            $"levels all: the {Tree.Tree.Nodes} nodes of a full tree would take {bytes} bytes at {epsilons.Count} tiers, and at most {LargestStoredBytes} are stored: use larger blockRows, a smaller degree or fewer tiers");
        return Tree.Calibrate([.. epsilons.Select(Epsilon.Budget)], Delta);
    }

    /// <summary>The nodes that are complete with the first blocks: one for each, and one more wherever a block ends a subtree.</summary>
    private static long CompletedBefore(long blocks) => 2 * blocks - BitOperations.PopCount((ulong)blocks);
}
