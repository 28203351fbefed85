using CsCheck;

namespace DpAttn.Privacy.Tests;

public class TreeShapeTests
{
    private static readonly Gen<(TreeShape Shape, long From, long To)> Ranges = Gen.Select(Gen.Int[0, 12], Gen.Double.Unit, Gen.Double.Unit, (depth, a, b) =>
    {
        var shape = new TreeShape(depth);
        long x = (long)(a * (shape.Leaves + 1)), y = (long)(b * (shape.Leaves + 1));
        return (shape, Math.Min(x, y), Math.Max(x, y));
    });

    [Fact]
    public void The_nodes_of_a_range_hold_each_of_its_leaves_once_from_left_to_right_and_nothing_else() => Ranges.Sample(c =>
    {
        var at = c.From;
        foreach (var node in c.Shape.NodesOf(c.From, c.To))
        {
            var (from, to) = c.Shape.LeavesOf(node);
            Assert.Equal(at, from);
            at = to;
        }
        Assert.Equal(c.To, at);
    }, iter: 2000);

    [Fact]
    public void A_range_needs_at_most_two_nodes_per_level_and_a_prefix_one_per_bit()
    {
        for (var depth = 0; depth <= 7; depth++)
        {
            var shape = new TreeShape(depth);
            var most = 0;
            for (long from = 0; from <= shape.Leaves; from++)
            {
                for (var to = from; to <= shape.Leaves; to++)
                    most = Math.Max(most, shape.NodesOf(from, to).Count);
                Assert.Equal(long.PopCount(from), shape.NodesOfPrefix(from).Count);
            }
            // The worst range leaves out one leaf on each side; the statement's 2 log2 m holds with room for one leaf and two.
            Assert.Equal(Math.Max(1, 2 * depth - 2), most);
            Assert.True(most <= Math.Max(1, 2 * depth));
        }
    }

    /// <summary>No cover by nodes is smaller: found by trying every node that fits at the left end (a shorter one never helps).</summary>
    [Fact]
    public void No_smaller_set_of_nodes_covers_a_range()
    {
        var shape = new TreeShape(5);
        for (long from = 0; from < shape.Leaves; from++)
        {
            for (var to = from + 1; to <= shape.Leaves; to++)
            {
                var fewest = new long[to + 1];
                for (var at = to - 1; at >= from; at--)
                {
                    fewest[at] = long.MaxValue;
                    foreach (var node in shape.PathOf(at))
                    {
                        var (left, right) = shape.LeavesOf(node);
                        if (left == at && right <= to)
                            fewest[at] = Math.Min(fewest[at], 1 + fewest[right]);
                    }
                }
                Assert.Equal(fewest[from], shape.NodesOf(from, to).Count);
            }
        }
    }

    [Fact]
    public void A_leaf_lies_under_as_many_nodes_as_there_are_levels()
    {
        for (var depth = 0; depth <= 6; depth++)
        {
            var shape = new TreeShape(depth);
            for (long leaf = 0; leaf < shape.Leaves; leaf++)
            {
                var holding = Enumerable.Range(1, (int)shape.Nodes).Where(node => shape.LeavesOf(node) is var (from, to) && from <= leaf && leaf < to).Select(node => (long)node);
                Assert.Equal(holding.OrderDescending(), shape.PathOf(leaf));
                Assert.Equal(shape.Levels, shape.PathOf(leaf).Length);
            }
        }
    }

    [Fact]
    public void Every_node_is_completed_by_the_last_of_its_leaves_and_once()
    {
        for (var depth = 0; depth <= 8; depth++)
        {
            var shape = new TreeShape(depth);
            var seen = new HashSet<long>();
            for (long leaf = 0; leaf < shape.Leaves; leaf++)
            {
                foreach (var node in shape.NodesCompletedBy(leaf))
                {
                    Assert.Equal(leaf + 1, shape.LeavesOf(node).To);
                    Assert.True(seen.Add(node));
                }
                // What a prefix needs is complete by then.
                Assert.All(shape.NodesOfPrefix(leaf + 1), node => Assert.Contains(node, seen));
            }
            Assert.Equal(shape.Nodes, seen.Count);
        }
    }

    [Fact]
    public void A_subtrees_own_numbers_lead_to_the_nodes_over_its_leaves() => Gen.Select(Gen.Int[0, 9], Gen.Double.Unit, Gen.Double.Unit).Sample((depth, a, b) =>
    {
        var shape = new TreeShape(depth);
        var root = 1 + (long)(a * shape.Nodes);
        var below = new TreeShape(depth - shape.LevelOf(root));
        var node = 1 + (long)(b * below.Nodes);
        var (first, _) = shape.LeavesOf(root);
        var (from, to) = below.LeavesOf(node);
        Assert.Equal((first + from, first + to), shape.LeavesOf(shape.NodeInSubtree(root, node)));
        Assert.Throws<ArgumentOutOfRangeException>(() => shape.NodeInSubtree(root, below.Nodes + 1));
    }, iter: 1000);

    [Fact]
    public void Levels_count_from_the_root_and_numbers_from_one()
    {
        var shape = new TreeShape(3);
        Assert.Equal((4, 8L, 15L), (shape.Levels, shape.Leaves, shape.Nodes));
        Assert.Equal([0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3], Enumerable.Range(1, 15).Select(node => shape.LevelOf(node)));
        Assert.Equal((0L, 8L), shape.LeavesOf(1));
        Assert.Equal(13, shape.LeafNode(5));
        Assert.Equal(1, new TreeShape(0).NodesOf(0, 1).Single());
        Assert.Empty(shape.NodesOf(3, 3));
    }

    [Fact]
    public void The_smallest_tree_for_a_number_of_leaves_is_half_full_at_least()
    {
        for (long leaves = 1; leaves < 3000; leaves++)
        {
            var shape = TreeShape.For(leaves);
            Assert.True(shape.Leaves >= leaves && (leaves == 1 || shape.Leaves / 2 < leaves));
        }
        Assert.Equal(TreeShape.LargestDepth, TreeShape.For(1L << TreeShape.LargestDepth).Depth);
    }

    [Fact]
    public void Impossible_trees_nodes_leaves_and_ranges_are_refused()
    {
        var shape = new TreeShape(4);
        Refused("between 0 and 40", () => new TreeShape(-1));
        Refused("between 0 and 40", () => new TreeShape(41));
        Refused("between 1 and 2^40 leaves", () => TreeShape.For(0));
        Refused("between 1 and 2^40 leaves", () => TreeShape.For((1L << 40) + 1));
        foreach (var node in new long[] { 0, -1, 32, long.MaxValue })
        {
            Refused("from 1 (the root) to 31", () => shape.LevelOf(node));
            Refused("from 1 (the root) to 31", () => shape.LeavesOf(node));
            Refused("from 1 (the root) to 31", () => shape.NodeInSubtree(node, 1));
        }
        foreach (var leaf in new long[] { -1, 16 })
        {
            Refused("from 0 to 15", () => shape.LeafNode(leaf));
            Refused("from 0 to 15", () => shape.PathOf(leaf));
            Refused("from 0 to 15", () => shape.NodesCompletedBy(leaf));
        }
        foreach (var (from, to) in new (long, long)[] { (-1, 3), (0, 17), (5, 4), (17, 17) })
            Refused("must lie within [0, 16)", () => shape.NodesOf(from, to));
    }

    private static void Refused(string message, Func<object> act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
