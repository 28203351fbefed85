using System.Numerics;
using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The public parameters of a moment tree whose every node is released: blocks of slots, the tree above them, and the sensitivity of all its nodes
/// together. A leaf is a block of <see cref="BlockRows"/> slots in slot order; a node holds the integer moment matrix of its rows.
/// </summary>
/// <remarks>
/// The capacity fixes the number of blocks (rounded up to a power of two) and so the number of levels, whether the store is ever full or not: the price of
/// the levels is public and does not grow. A block, once assigned, never moves (mechanisms, sections 1 and 6.1).
/// </remarks>
public sealed class MomentTreeParameters
{
    /// <summary>The most slots of one block.</summary>
    public const int LargestBlockRows = 1 << 30;

    private MomentTreeParameters(MomentParameters moments, int blockRows, bool isContinual, SlotFilling slots, TreeShape tree)
    {
        (Moments, BlockRows, IsContinual, Slots, Tree) = (moments, blockRows, isContinual, slots, tree);
        Sensitivity = MomentTreeSensitivity.For(moments.Sensitivity, tree.Levels);
    }

    /// <summary>The parameters of one node's matrix.</summary>
    public MomentParameters Moments { get; }

    /// <summary>Slots per block, a power of two.</summary>
    public int BlockRows { get; }

    /// <summary>Whether rows keep arriving, and a node is released when its last row is in.</summary>
    public bool IsContinual { get; }

    /// <summary>How rows come to their slots; only a continual store has to state it.</summary>
    public SlotFilling Slots { get; }

    /// <summary>The tree over the blocks.</summary>
    public TreeShape Tree { get; }

    /// <summary>The sensitivity of all nodes together.</summary>
    public MomentTreeSensitivity Sensitivity { get; }

    /// <summary>How many integers all nodes of a full tree have: nodes x r x (dv + 1).</summary>
    public long Dimension => Tree.Nodes * Moments.Dimension;

    /// <summary>The most nodes that a range of blocks is added up from: 2 log2(blocks), and 1 for a single block.</summary>
    public int MostNodes => Math.Max(1, 2 * Tree.Depth);

    /// <summary>A tree for a schema.</summary>
    /// <param name="moments">The parameters of one node's matrix; their schema states capacity and adjacency.</param>
    /// <param name="blockRows">Slots per block, a power of two: the grain of ranges, and how often a continual store releases.</param>
    /// <param name="isContinual">Whether rows keep arriving under the one release.</param>
    /// <param name="slots">How rows come to their slots: a continual store under add-remove must state <see cref="SlotFilling.PublicSchedule"/>.</param>
    /// <exception cref="ArgumentException">
    /// A block size that is no power of two or does not fit, a schedule stated where nothing arrives, or a continual store under add-remove without one.
    /// </exception>
    public static MomentTreeParameters Create(MomentParameters moments, int blockRows, bool isContinual = false, SlotFilling slots = SlotFilling.OnArrival)
    {
        ArgumentNullException.ThrowIfNull(moments);
        if (blockRows is < 1 or > LargestBlockRows || !BitOperations.IsPow2(blockRows))
            throw new ArgumentOutOfRangeException(nameof(blockRows), blockRows, $"blockRows must be a power of two between 1 and {LargestBlockRows}");
        if (!Enum.IsDefined(slots))
            throw new ArgumentOutOfRangeException(nameof(slots), slots, "slots must be filled on arrival or on a public schedule");
        if (!isContinual && slots != SlotFilling.OnArrival)
            throw new ArgumentException("only a continual store states how its slots are filled", nameof(slots));
        if (isContinual && moments.Schema.Adjacency == Adjacency.AddRemove && slots != SlotFilling.PublicSchedule)
            throw new ArgumentException("a continual store under add-remove needs slots that are filled on a public schedule: were they filled as rows arrive, one row less would move every later row to another block", nameof(slots));
        var blocks = (moments.Schema.Capacity - 1) / blockRows + 1;
        if (blocks > 1L << TreeShape.LargestDepth || (UInt128)TreeShape.For(blocks).Nodes * (UInt128)moments.Dimension > long.MaxValue)
            throw new ArgumentException($"a capacity of {moments.Schema.Capacity} slots in blocks of {blockRows} makes {blocks} blocks, more than a tree of such matrices can have; use larger blocks", nameof(blockRows));
        return new MomentTreeParameters(moments, blockRows, isContinual, slots, TreeShape.For(blocks));
    }

    /// <summary>How far a release of so many slots fills the tree: slots fill blocks in their order, and nothing comes after.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No slots, or more than the capacity.</exception>
    public TreeExtent ExtentOf(long slots)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(slots, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(slots, Moments.Schema.Capacity);
        return new TreeExtent((slots - 1) / BlockRows + 1, true);
    }

    /// <summary>
    /// The fewest released nodes that hold exactly the blocks [from, to). A range up to the end of a finished tree may use nodes that reach beyond it: nothing is there.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An empty range, or one that leaves the blocks that are released.</exception>
    public IReadOnlyList<long> NodesOf(long from, long to, TreeExtent extent)
    {
        if (from < 0 || from >= to || to > extent.Blocks)
            throw new ArgumentOutOfRangeException(nameof(from), $"rows: a range of blocks [from, to) must hold at least one of the {extent.Blocks} blocks released so far, and no other; [{from}, {to}) does not");
        var nodes = Tree.NodesOf(from, extent.IsFinished && to == extent.Blocks ? Tree.Leaves : to);
        return [.. nodes.Where(node => Tree.LeavesOf(node).From < extent.Blocks)];
    }

    /// <summary>Whether a node is released once a tree is filled so far: its last row is in, and there is one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tree has no such node.</exception>
    public bool IsReleased(long node, TreeExtent extent)
    {
        var (from, to) = Tree.LeavesOf(node);
        return from < extent.Blocks && (extent.IsFinished || to <= extent.Blocks);
    }

    /// <summary>
    /// The nodes whose last row is in when a block closes, from its leaf upward: over the life of a store each node that holds a slot comes exactly once.
    /// </summary>
    /// <param name="block">The block that closes.</param>
    /// <param name="isLast">Whether the store is full with it: then every node above it is complete.</param>
    /// <exception cref="ArgumentOutOfRangeException">The tree has no such block.</exception>
    public IReadOnlyList<long> NodesCompletedBy(long block, bool isLast) => isLast ? Tree.PathOf(block) : Tree.NodesCompletedBy(block);

    /// <summary>Calibrates a ladder for all nodes together, and refuses one under which a sum of nodes could overflow.</summary>
    /// <param name="tiers">The tiers' epsilons, strictly increasing: what opening a tier of the whole tree costs, once.</param>
    /// <param name="delta">The store's delta.</param>
    /// <exception cref="ArgumentException">As for <see cref="MomentRelease.Calibrate"/>.</exception>
    public NoiseLadder Calibrate(IReadOnlyList<Epsilon> tiers, Delta delta)
    {
        var ladder = CalibrateNoise(tiers, delta);
        RequireLadder(ladder);
        return ladder;
    }

    internal NoiseLadder CalibrateNoise(IReadOnlyList<Epsilon> tiers, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(tiers);
        return NoiseLadder.Calibrate(Sensitivity.Integer, Dimension, [.. tiers.Select(tier => Epsilon.Budget(tier.Value))], Delta.Claimed(delta.Value));
    }

    /// <summary>Refuses a ladder that was calibrated for something else, such as the root alone.</summary>
    internal void RequireLadder(NoiseLadder ladder)
    {
        ArgumentNullException.ThrowIfNull(ladder);
        if (ladder.Sensitivity != Sensitivity.Integer || ladder.Dimension != Dimension)
            throw new ArgumentException("the ladder was calibrated for another sensitivity or dimension", nameof(ladder));
        Moments.RequireNoOverflow(ladder.Tiers[0].Variance, MostNodes);
    }
}
