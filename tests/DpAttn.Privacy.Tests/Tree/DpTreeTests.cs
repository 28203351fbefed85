using System.Numerics;
using System.Security.Cryptography;
using CsCheck;

namespace DpAttn.Privacy.Tests;

public class DpTreeTests
{
    private static readonly TreeShape Shape = new(6);
    private static readonly NoiseLadder Ladder = NoiseLadder.Calibrate(BigInteger.One << 34, 64, [new Epsilon(0.5), new Epsilon(1), new Epsilon(4)], new Delta(1e-6));
    private static readonly KeyedNoise Source = Noise(0);

    [Fact]
    public void Without_noise_a_query_is_the_sum_of_its_leaves() => Gen.Select(Gen.Int[0, 8], Gen.Int[1, 5], Gen.Int[0, int.MaxValue]).Sample((depth, width, seed) =>
    {
        var (shape, random) = (new TreeShape(depth), new Random(seed));
        var leaves = Leaves(shape, width, random);
        var tree = DpTree.ForEvaluation(TreeSums.Over(shape, width, leaves));
        for (var i = 0; i < 20; i++)
        {
            var from = random.NextInt64(shape.Leaves + 1);
            var to = from + random.NextInt64(shape.Leaves - from + 1);
            var sum = new long[width];
            var nodes = tree.Query(from, to, sum);
            Assert.Equal(shape.NodesOf(from, to).Count, nodes);
            Assert.Equal(Brute(leaves, width, from, to), sum);
        }
    }, iter: 100);

    [Fact]
    public void Sums_are_the_same_from_an_array_leaf_by_leaf_and_from_parts_in_any_order()
    {
        const int Width = 3;
        var random = new Random(5);
        var leaves = Leaves(Shape, Width, random);
        var whole = TreeSums.Over(Shape, Width, leaves);
        var parts = Enumerable.Range(0, 4).Select(_ => new TreeSums(Shape, Width)).ToArray();
        foreach (var leaf in Enumerable.Range(0, (int)Shape.Leaves).OrderBy(_ => random.Next()))
        {
            // Every leaf in two pieces of two parts.
            long[] piece = [random.Next(), -random.Next(), 7], rest = [.. leaves.AsSpan(leaf * Width, Width).ToArray().Zip(piece, (x, y) => x - y)];
            parts[random.Next(4)].AddToLeaf(leaf, piece);
            parts[random.Next(4)].AddToLeaf(leaf, rest);
        }
        var total = new TreeSums(Shape, Width);
        foreach (var part in parts.OrderBy(_ => random.Next()))
            total.Add(part);
        for (long node = 1; node <= Shape.Nodes; node++)
            Assert.Equal(Read(whole, node), Read(total, node));
    }

    [Fact]
    public void A_change_of_one_leaf_changes_the_whole_tree_by_the_root_of_the_number_of_levels()
    {
        for (var depth = 0; depth <= 6; depth++)
        {
            var shape = new TreeShape(depth);
            for (long leaf = 0; leaf < shape.Leaves; leaf++)
            {
                var change = new TreeSums(shape, 2);
                change.AddToLeaf(leaf, [3, -4]);
                var squares = Enumerable.Range(1, (int)shape.Nodes).Sum(node => Read(change, node).Sum(x => x * x));
                Assert.Equal(25 * shape.Levels, squares);
            }
        }
    }

    [Fact]
    public void A_node_has_the_same_noise_however_often_and_wherever_it_is_read()
    {
        var sums = TreeSums.Over(Shape, 4, new long[Shape.Leaves * 4]);
        var tree = new DpTree(sums, new LadderTreeNoise(Source, Ladder, "test", 1));
        var again = new DpTree(sums, new LadderTreeNoise(Noise(0), Ladder, "test", 1));
        for (long node = 1; node <= Shape.Nodes; node++)
        {
            Assert.Equal(Read(tree, node), Read(tree, node));
            Assert.Equal(Read(tree, node), Read(again, node));
        }
        // A query is the sum of its noised nodes: nothing new is drawn.
        var query = new long[4];
        tree.Query(3, 61, query);
        Assert.Equal(Enumerable.Range(0, 4).Select(i => Shape.NodesOf(3, 61).Sum(node => Read(tree, node)[i])), query);
    }

    [Fact]
    public void No_two_nodes_trees_or_tiers_share_their_noise()
    {
        var seen = new HashSet<long>();
        var zeros = TreeSums.Over(Shape, 2, new long[Shape.Leaves * 2]);
        foreach (var first in new[] { 0, 2 * Shape.Leaves, 4 * Shape.Leaves })
        {
            for (var tier = 0; tier < Ladder.TierCount; tier++)
            {
                for (long node = 1; node <= Shape.Nodes; node++)
                {
                    // 2,286 draws wider than 2^32: an equal pair by chance has probability below 3e-4; the secret is fixed.
                    foreach (var value in Read(new DpTree(zeros, new LadderTreeNoise(Source, Ladder, "test", tier, first)), node))
                        Assert.True(seen.Add(value));
                }
            }
        }
    }

    /// <summary>127 nodes of 40 numbers and 40 secrets: a mean square with a deviation of 0.32 %; six of them are 1.9 %. Secrets are fixed.</summary>
    [Fact]
    public void A_node_has_its_tiers_variance_and_a_query_that_times_its_number_of_nodes()
    {
        const int Width = 40;
        var zeros = TreeSums.Over(Shape, Width, new long[Shape.Leaves * Width]);
        for (var tier = 0; tier < Ladder.TierCount; tier++)
        {
            var variance = (double)Ladder.Tiers[tier].Variance.Value;
            double nodes = 0, queries = 0;
            for (var secret = 0; secret < 40; secret++)
            {
                var tree = new DpTree(zeros, new LadderTreeNoise(Noise(secret), Ladder, "test", tier));
                for (long node = 1; node <= Shape.Nodes; node++)
                    nodes += Read(tree, node).Sum(x => (double)x * x) / (variance * Width * Shape.Nodes * 40);
                var query = new long[Width];
                var count = tree.Query(1, 63, query);
                queries += query.Sum(x => (double)x * x) / (count * variance * Width * 40);
            }
            Assert.InRange(nodes, 0.981, 1.019);
            Assert.False(nodes * 0.7 is >= 0.981 and <= 1.019);
            // 1,600 numbers: a deviation of 3.5 %.
            Assert.InRange(queries, 0.79, 1.21);
            Assert.False(queries * 1.3 * 1.3 is >= 0.79 and <= 1.21);
            Assert.False(queries * 0.7 * 0.7 is >= 0.79 and <= 1.21);
        }
    }

    [Fact]
    public void A_lower_tier_is_the_better_one_plus_fresh_noise()
    {
        var zeros = TreeSums.Over(Shape, 8, new long[Shape.Leaves * 8]);
        long[] At(int tier, long node) => Read(new DpTree(zeros, new LadderTreeNoise(Source, Ladder, "test", tier)), node);
        for (long node = 1; node <= Shape.Nodes; node++)
        {
            for (var tier = 0; tier < Ladder.Best; tier++)
            {
                var fresh = new long[8];
                Source.Fill(new NoiseAddress("test", tier, node, Ladder.Tiers[tier].Increment), fresh);
                Assert.Equal(At(tier + 1, node).Zip(fresh, (x, g) => x + g), At(tier, node));
            }
        }
    }

    [Fact]
    public void Impossible_sums_and_noises_are_refused()
    {
        var sums = new TreeSums(Shape, 2);
        Refused("width", () => new TreeSums(Shape, 0));
        Refused("one array holds at most", () => new TreeSums(new TreeShape(35), 1));
        Refused("64 leaves of 2 integers take 128, not 127", () => TreeSums.Over(Shape, 2, new long[127]));
        Refused("2 integers, not 3", () => sums.AddToLeaf(0, [1, 2, 3]));
        Refused("2 integers, not 1", () => sums.Read(1, new long[1]));
        Refused("from 1 (the root) to 127", () => sums.Read(0, new long[2]));
        Refused("different shapes", () => sums.Add(new TreeSums(new TreeShape(5), 2)));
        Refused("different shapes", () => sums.Add(new TreeSums(Shape, 3)));
        Refused("2 integers, not 1", () => DpTree.ForEvaluation(sums).Query(0, 1, new long[1]));
        Refused("tier", () => new LadderTreeNoise(Source, Ladder, "test", 3));
        Refused("tier", () => new LadderTreeNoise(Source, Ladder, "test", -1));
        Refused("firstAddress", () => new LadderTreeNoise(Source, Ladder, "test", 0, -1));
        Refused("mechanism", () => new LadderTreeNoise(Source, Ladder, "", 0));
        Assert.Throws<ArgumentNullException>(() => new DpTree(sums, null!));
        Assert.Throws<ArgumentNullException>(() => new DpTree(null!, new LadderTreeNoise(Source, Ladder, "test", 0)));
        sums.AddToLeaf(1, [long.MaxValue, 0]);
        Assert.Throws<OverflowException>(() => sums.AddToLeaf(1, [1, 0]));
    }

    private static KeyedNoise Noise(int number) => new(ReleaseKey.Derive(SHA256.HashData(BitConverter.GetBytes(number)), new byte[32]));

    private static long[] Leaves(TreeShape shape, int width, Random random) =>
        [.. Enumerable.Range(0, (int)shape.Leaves * width).Select(_ => random.NextInt64(-1L << 40, 1L << 40))];

    private static long[] Brute(long[] leaves, int width, long from, long to)
    {
        var sum = new long[width];
        for (var leaf = from; leaf < to; leaf++)
        {
            for (var i = 0; i < width; i++)
                sum[i] += leaves[leaf * width + i];
        }
        return sum;
    }

    private static long[] Read(ITreeValues tree, long node)
    {
        var values = new long[tree.Width];
        tree.Read(node, values);
        return values;
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
