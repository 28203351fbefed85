using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>What a tree is refused for before there is any row, and which nodes answer what.</summary>
public class MomentTreeParametersTests
{
    private static readonly Epsilon[] Noisy = [new(1e-3)];

    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(64, 64, 1, 1)]
    [InlineData(65, 64, 2, 2)]
    [InlineData(1000, 8, 128, 8)]
    [InlineData(65_536, 256, 256, 9)]
    public void The_capacity_fixes_blocks_and_levels(long capacity, int blockRows, long blocks, int levels)
    {
        var tree = Tree(capacity, blockRows);
        Assert.Equal((blocks, levels), (tree.Tree.Leaves, tree.Tree.Levels));
        Assert.Equal((2 * blocks - 1) * tree.Moments.Dimension, tree.Dimension);
        Assert.Equal(new TreeExtent((capacity - 1) / blockRows + 1, true), tree.ExtentOf(capacity));
        Assert.Equal(new TreeExtent(1, true), tree.ExtentOf(1));
    }

    [Fact]
    public void Impossible_trees_are_refused_by_name_and_bound()
    {
        foreach (var blockRows in new[] { 0, -1, 3, 12, int.MaxValue })
            Refused("blockRows must be a power of two between 1 and 1073741824", () => Tree(100, blockRows));
        Refused("a capacity of 1000000000000000 slots in blocks of 1 makes 1000000000000000 blocks", () => MomentTreeParameters.Create(Unchecked(1_000_000_000_000_000), 1));
        Refused("use larger blocks", () => MomentTreeParameters.Create(Unchecked(1L << 62), 1 << 20));
        Refused("only a continual store states how its slots are filled", () => Tree(100, 8, slots: SlotFilling.PublicSchedule));
        Refused("slots must be filled on arrival or on a public schedule", () => Tree(100, 8, isContinual: true, slots: (SlotFilling)7));
        Assert.Throws<ArgumentNullException>(() => MomentTreeParameters.Create(null!, 8));
    }

    /// <summary>One row less would move all later rows to other slots: see "Shifted slots are no neighbours" of the sensitivity tests.</summary>
    [Fact]
    public void Continual_with_add_remove_needs_a_public_schedule()
    {
        Refused("a continual store under add-remove needs slots that are filled on a public schedule", () => Tree(100, 8, Adjacency.AddRemove, isContinual: true));
        Assert.Equal(SlotFilling.PublicSchedule, Tree(100, 8, Adjacency.AddRemove, isContinual: true, slots: SlotFilling.PublicSchedule).Slots);
        _ = Tree(100, 8, Adjacency.AddRemove);
        _ = Tree(100, 8, isContinual: true);
        _ = Tree(100, 8, isContinual: true, slots: SlotFilling.PublicSchedule);
    }

    [Fact]
    public void A_ladder_is_that_of_all_nodes_and_one_of_the_root_alone_is_refused()
    {
        var tree = Tree(1000, 8);
        Epsilon[] tiers = [new(0.5), new(2)];
        var ladder = tree.Calibrate(tiers, TestRows.Delta);
        Assert.Equal(tree.Sensitivity.Integer, ladder.Sensitivity);
        Assert.Equal(tree.Dimension, ladder.Dimension);
        // Eight levels: eight times the variance.
        var root = MomentRelease.Calibrate(tree.Moments, tiers, TestRows.Delta);
        Assert.Equal(8, (double)ladder.Tiers[1].Variance.Value / (double)root.Tiers[1].Variance.Value, 1e-6);
        var rows = TestRows.Rows(tree.Moments.Schema, 100, 1);
        Refused("the ladder was calibrated for another sensitivity or dimension", () => MomentTreeRelease.Publish(tree, rows, root, ReleaseKey.NewSecret()));
        Refused("the ladder was calibrated for another sensitivity or dimension", () => MomentRelease.Publish(MomentAccumulator.Sum(tree.Moments, rows), ladder, ReleaseKey.NewSecret()));
        Refused("a ladder needs at least one tier", () => tree.Calibrate([], TestRows.Delta));
        Refused("epsilon must lie in (0, 200]", () => tree.Calibrate([new Epsilon(201)], TestRows.Delta));
        Refused("delta must be at least 2^-100", () => tree.Calibrate([new Epsilon(1)], new Delta(1e-40)));
    }

    [Fact]
    public void A_ladder_under_which_a_sum_of_nodes_could_overflow_is_refused_and_without_the_sum_it_would_fit()
    {
        // The largest capacity whose sums leave room for one node's noise, by bisection.
        long fits = 1, fitsNot = 1L << 40;
        while (fitsNot - fits > 1)
        {
            var middle = (fits + fitsNot) / 2;
            (fits, fitsNot) = FitsOneNode(middle) ? (middle, fitsNot) : (fits, middle);
        }
        Refused("could overflow the 64-bit sums", () => Tree(fits, 1 << 16).Calibrate(Noisy, TestRows.Delta));
        _ = Tree(fits / 2, 1 << 16).Calibrate(Noisy, TestRows.Delta);

        static bool FitsOneNode(long capacity)
        {
            try
            {
                var tree = Tree(capacity, 1 << 16);
                tree.Moments.RequireNoOverflow(tree.CalibrateNoise(Noisy, TestRows.Delta).Tiers[0].Variance);
                return true;
            }
            catch (ArgumentException e) when (e.Message.Contains("could overflow"))
            {
                return false;
            }
        }
    }

    /// <summary>Every range of trees of up to 16 blocks, filled so far or finished: each slot-holding block once, nothing else, released nodes only, few of them.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(13)]
    [InlineData(16)]
    public void A_range_is_added_up_from_few_released_nodes_that_hold_exactly_its_blocks(int blocks)
    {
        var tree = Tree(16 * 4, 4);
        foreach (var extent in new[] { new TreeExtent(blocks, true), new TreeExtent(blocks, false) })
        {
            for (var from = 0; from < blocks; from++)
            {
                for (var to = from + 1; to <= blocks; to++)
                {
                    var nodes = tree.NodesOf(from, to, extent);
                    Assert.InRange(nodes.Count, 1, tree.MostNodes);
                    Assert.All(nodes, node => Assert.True(tree.IsReleased(node, extent)));
                    var held = nodes.SelectMany(node => Enumerable.Range((int)tree.Tree.LeavesOf(node).From, (int)(tree.Tree.LeavesOf(node).To - tree.Tree.LeavesOf(node).From)));
                    Assert.Equal(Enumerable.Range(from, to - from), held.Where(block => block < blocks).Order());
                }
            }
            Assert.True(tree.NodesOf(0, blocks, extent).Count <= 1 + tree.Tree.Depth);
        }
        Assert.Equal([1], tree.NodesOf(0, blocks, new TreeExtent(blocks, true)));
    }

    [Fact]
    public void A_range_that_is_empty_or_leaves_what_is_released_is_refused_with_the_bound()
    {
        var tree = Tree(16 * 4, 4);
        foreach (var (from, to) in new[] { (0, 0), (3, 3), (3, 2), (-1, 2), (0, 6), (5, 6), (0, 17) })
            Refused($"at least one of the 5 blocks released so far, and no other; [{from}, {to}) does not", () => tree.NodesOf(from, to, new TreeExtent(5, false)));
        Refused("blocks released so far", () => tree.NodesOf(0, 1, default));
        Refused("slots", () => tree.ExtentOf(0));
        Refused("slots", () => tree.ExtentOf(65));
    }

    /// <summary>Closing after closing: nodes are released exactly once, exactly when their last row is in.</summary>
    [Theory]
    [InlineData(16)]
    [InlineData(11)]
    [InlineData(1)]
    public void Every_node_is_completed_exactly_once_and_not_before_its_last_block(int blocks)
    {
        var tree = Tree(16 * 4, 4, isContinual: true);
        var released = new HashSet<long>();
        for (var block = 0; block < blocks; block++)
        {
            var isLast = block == blocks - 1;
            foreach (var node in tree.NodesCompletedBy(block, isLast))
                Assert.True(released.Add(node));
            var extent = new TreeExtent(block + 1, isLast);
            Assert.Equal(Enumerable.Range(1, (int)tree.Tree.Nodes).Select(n => (long)n).Where(node => tree.IsReleased(node, extent)), released.Order());
        }
        Assert.Contains(1, released);
    }

    private static MomentTreeParameters Tree(
        long capacity, int blockRows, Adjacency adjacency = Adjacency.ReplaceOne, bool isContinual = false, SlotFilling slots = SlotFilling.OnArrival) =>
        MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(3, 2, capacity, adjacency: adjacency), 2), blockRows, isContinual, slots);

    private static MomentParameters Unchecked(long capacity)
    {
        var schema = TestRows.BallSchema(3, 2, capacity);
        return MomentParameters.CreateUnchecked(schema, KernelPolynomial.Fit(KernelMethod.Minimax, schema.Interval, 2));
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
