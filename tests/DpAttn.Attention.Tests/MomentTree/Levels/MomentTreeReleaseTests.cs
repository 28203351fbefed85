using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

public class MomentTreeReleaseTests
{
    private static readonly MomentTreeParameters Tree = MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(4, 3, 256, 0.8), 2), 16);
    private static readonly NoiseLadder Ladder = Tree.Calibrate([new Epsilon(0.5), new Epsilon(2), new Epsilon(8)], TestRows.Delta);
    private static readonly RowSet Rows = TestRows.Rows(Tree.Moments.Schema, 256, 3);

    /// <summary>The same tree, the same noise: the paper's DPTree over the leaves' exact sums gives every range of every tier, bit for bit.</summary>
    [Fact]
    public void A_release_is_a_DpTree_over_the_leaves_with_the_ladders_noise()
    {
        var key = ReleaseKey.Derive(SHA256.HashData("tree"u8), new byte[32]);
        var release = MomentTreeRelease.Publish(Tree, Rows, Ladder, new KeyedNoise(key));
        var width = (int)Tree.Moments.Dimension;
        var leaves = MomentTreeSums.Of(Tree, MomentTreeSums.Cut(Tree, Rows)).Where(node => node.Node >= 16).OrderBy(node => node.Node).SelectMany(node => node.Sums.Sums).ToArray();
        var exact = TreeSums.Over(Tree.Tree, width, leaves);
        for (var tier = 0; tier < 3; tier++)
        {
            var dpTree = new DpTree(exact, new LadderTreeNoise(new KeyedNoise(key), Ladder, MomentRelease.Mechanism, tier));
            foreach (var (from, to) in new[] { (0, 16), (0, 7), (3, 4), (5, 14), (1, 15), (8, 16) })
            {
                var sums = new long[width];
                var nodes = dpTree.Query(from, to, sums);
                var range = release.Range(tier, from, to);
                Assert.Equal(sums, range.Moments.Values);
                Assert.Equal((nodes, (to - from) * 16L, tier), (range.Moments.Nodes, range.Moments.Slots, range.Moments.Tier));
                Assert.Equal((from, to), (range.From, range.To));
            }
        }
    }

    /// <summary>
    /// Ranges of 1 to 6 nodes: mean square of noised minus exact over (number of nodes) sigma^2. At least 27,000 independent values a range, a deviation of at most sqrt(2/27000) = 0.9 %;
    /// 6 % is more than six of them (two-sided 2e-9 or less; secrets are fixed).
    /// </summary>
    [Theory]
    [InlineData(0, 16, 1)]
    [InlineData(0, 8, 1)]
    [InlineData(3, 4, 1)]
    [InlineData(0, 7, 3)]
    [InlineData(1, 15, 6)]
    public void The_noise_of_a_range_grows_with_the_root_of_its_nodes(int from, int to, int nodes)
    {
        var ratio = MeanSquare(from, to) / nodes;
        Assert.InRange(ratio, 0.94, 1.06);
        Assert.False(ratio * 0.7 * 0.7 is >= 0.94 and <= 1.06);
        Assert.False(ratio * 1.3 * 1.3 is >= 0.94 and <= 1.06);
        // Forgetting one node is seen too.
        Assert.False(ratio * nodes / (nodes + 1) is >= 0.94 and <= 1.06);
    }

    /// <summary>
    /// Root mean square of answers from a range minus the noise-free ones, over the stated deviations, within 5 %: 300 secrets of 3 columns and many directions, a
    /// deviation of at most 2.4 % (secrets are fixed: one outcome for ever). The epsilon is large, so that the quotient is linear in the noise.
    /// </summary>
    [Theory]
    [InlineData(0, 16)]
    [InlineData(2, 13)]
    [InlineData(5, 6)]
    public void Answers_from_a_range_have_the_noise_that_they_state_and_say_what_they_cover(int from, int to)
    {
        var ladder = Tree.Calibrate([new Epsilon(60)], TestRows.Delta);
        var exact = MomentAccumulator.Sum(Tree.Moments, Rows.Slice(from * 16, (to - from) * 16));
        var queries = Queries(40);
        var noiseFree = MomentAnswerer.ForEvaluation(exact).Answer(queries);
        double measured = 0, stated = 0;
        for (var secret = 0; secret < 300; secret++)
        {
            var answerer = new MomentAnswerer(MomentTreeRelease.Publish(Tree, Rows, ladder, Secret(secret)).Range(0, from, to).Moments);
            Assert.Equal((to - from) * 16, answerer.Slots);
            var answers = answerer.Answer(queries);
            for (var i = 0; i < answers.Length; i++)
            {
                Assert.Equal((to - from) * 16, answers[i].SlotsCovered);
                for (var j = 0; j < 3; j++)
                {
                    measured += Math.Pow(answers[i].Output[j] - noiseFree[i].Output[j], 2);
                    stated += Math.Pow(answers[i].NoiseDeviation[j], 2);
                }
            }
        }
        var ratio = Math.Sqrt(measured / stated);
        TestContext.Current.TestOutputHelper!.WriteLine($"measured over stated noise: {ratio:F4}");
        Assert.InRange(ratio, 0.95, 1.05);
        Assert.False(ratio * 0.7 is >= 0.95 and <= 1.05);
        Assert.False(ratio * 1.3 is >= 0.95 and <= 1.05);
    }

    /// <summary>3,000 secrets: a share of 95 % has a deviation of 0.4 %, six of them are 2.4 % (two-sided 2e-9; secrets are fixed).</summary>
    [Fact]
    public void Ninety_five_percent_of_releases_cover_the_noise_free_answer_of_a_range()
    {
        const int Secrets = 3000;
        var tree = MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(2, 1, 256), 2), 16);
        var rows = TestRows.Rows(tree.Moments.Schema, 256, 7);
        double[] query = [0.6, -0.7];
        var truth = MomentAnswerer.ForEvaluation(MomentAccumulator.Sum(tree.Moments, rows.Slice(16, 14 * 16))).Answer(query).Output[0];
        var ladder = tree.Calibrate([new Epsilon(4)], TestRows.Delta);
        int covered = 0, tooNarrow = 0;
        for (var secret = 0; secret < Secrets; secret++)
        {
            var range = MomentTreeRelease.Publish(tree, rows, ladder, Secret(secret)).Range(0, 1, 15).Moments;
            Assert.Equal(6, range.Nodes);
            covered += Covers(range) ? 1 : 0;
            // A range that forgets the number of its nodes is caught by the same count.
            tooNarrow += Covers(new ReleasedMoments(tree.Moments, 0, range.Variance, range.Slots, range.Values)) ? 1 : 0;
        }
        Assert.InRange(covered / (double)Secrets, 0.926, 0.974);
        Assert.InRange(tooNarrow / (double)Secrets, 0, 0.8);

        bool Covers(ReleasedMoments moments) => new MomentAnswerer(moments).Answer(query).Intervals[0].Contains(truth);
    }

    /// <summary>Values all alike: about 94.6 % of the answers of a range are flagged (3,000 secrets, 6 deviations of 0.41 %), of the same sums with the noise of one node alone far fewer.</summary>
    [Fact]
    public void The_flag_of_a_range_knows_its_nodes()
    {
        const int Secrets = 3000;
        var tree = MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(2, 2, 4096), 2), 256);
        var keys = TestRows.Make(tree.Moments.Schema, 4096, 8).Keys;
        var values = new Matrix<double>(4096, 2);
        for (var i = 0; i < 4096; i++)
            values[i, 0] = 0.5;
        var ladder = tree.Calibrate([new Epsilon(4)], TestRows.Delta);
        var nodes = MomentTreeSums.Of(tree, MomentTreeSums.Cut(tree, RowSet.Create(keys, values))).ToArray();
        int flagged = 0, flaggedAsOne = 0;
        for (var secret = 0; secret < Secrets; secret++)
        {
            var key = ReleaseKey.Derive(Secret(secret), new byte[32]);
            var range = ReleasedRange.Of(tree, tree.ExtentOf(4096), 1, 15, node => ReleasedNode.Publish(tree, nodes.Single(n => n.Node == node), ladder, key)[0]).Moments;
            flagged += Flag(range) ? 1 : 0;
            flaggedAsOne += Flag(new ReleasedMoments(tree.Moments, 0, range.Variance, range.Slots, range.Values)) ? 1 : 0;
        }
        Assert.InRange(flagged / (double)Secrets, 0.946 - 0.025, 0.946 + 0.025);
        Assert.InRange(flaggedAsOne / (double)Secrets, 0, 0.7);

        static bool Flag(ReleasedMoments moments) => new MomentAnswerer(moments).Answer([0.9, -0.3]).IsIndistinguishableFromMean!.Value;
    }

    [Fact]
    public void The_denominators_public_bound_is_that_of_the_rows_covered()
    {
        double[] query = [0.5, 0.5, -0.5, 0.5];
        var ladder = Tree.Calibrate([new Epsilon(0.2)], TestRows.Delta);
        var floor = 16 * (1 - Tree.Moments.Kernel.RelativeError) * Math.Exp(-0.8 * Tree.Moments.Schema.Keys.BoundingRadius);
        var floored = 0;
        for (var secret = 0; secret < 60; secret++)
        {
            var answerer = new MomentAnswerer(MomentTreeRelease.Publish(Tree, Rows, ladder, Secret(secret)).Range(0, 9, 10).Moments);
            var (numerators, denominator) = answerer.Moments(query);
            var expected = numerators.Select(n => n / Math.Max(denominator, floor)).ToArray();
            Tree.Moments.Schema.Values.ClipEstimate(expected);
            Assert.All(expected.Zip(answerer.Answer(query).Output), pair => Assert.Equal(pair.First, pair.Second, 1e-9));
            floored += denominator < floor ? 1 : 0;
        }
        Assert.InRange(floored, 10, 50);
    }

    [Fact]
    public void One_secret_gives_one_release_and_other_rows_get_other_noise_in_every_node()
    {
        var first = MomentTreeRelease.Publish(Tree, Rows, Ladder, Secret(1));
        var again = MomentTreeRelease.Publish(Tree, Rows, Ladder, Secret(1), threads: 2);
        var (keys, values) = TestRows.Make(Tree.Moments.Schema, 256, 3);
        values[255, 0] = -values[255, 0];
        var other = MomentTreeRelease.Publish(Tree, RowSet.Create(keys, values), Ladder, Secret(1));
        for (var tier = 0; tier < 3; tier++)
        {
            Assert.Equal(31, first.Nodes(tier).Count);
            foreach (var (node, released) in first.Nodes(tier))
            {
                Assert.Equal(released.Moments.Values, again.Nodes(tier)[node].Moments.Values);
                // Were the noise the same, the difference would be that of one row: below 2^37 in one node of each level and 0 in the others.
                Assert.All(released.Moments.Values.Zip(other.Nodes(tier)[node].Moments.Values), pair => Assert.True(Math.Abs(pair.First - pair.Second) > 1000, "noise cancelled"));
            }
        }
        // Clipping is part of what is frozen, and so are blocks.
        Assert.NotEqual(first.Whole(0).Moments.Values, MomentTreeRelease.Publish(Tree, Rows, Ladder, Secret(1), clip: true).Whole(0).Moments.Values);
    }

    [Fact]
    public void A_part_filled_tree_releases_the_nodes_that_hold_rows_and_answers_all_of_them_from_the_root()
    {
        var release = MomentTreeRelease.Publish(Tree, Rows.Slice(0, 150), Ladder, Secret(2));
        Assert.Equal(new TreeExtent(10, true), release.Extent);
        var extent = release.Extent;
        Assert.Equal(Enumerable.Range(1, 31).Select(n => (long)n).Where(node => Tree.IsReleased(node, extent)), release.Nodes(0).Keys.Order());
        var whole = release.Whole(2);
        Assert.Equal((1, 150L), (whole.Moments.Nodes, whole.Moments.Slots));
        // Block 9 holds 6 rows; blocks 8 and 9 are one node that reaches to the end.
        Assert.Equal((1, 22L), (release.Range(2, 8, 10).Moments.Nodes, release.Range(2, 8, 10).Moments.Slots));
        Assert.Equal(6, release.Range(2, 9, 10).Moments.Slots);
        Assert.Throws<ArgumentOutOfRangeException>(() => release.Range(2, 9, 11));
    }

    [Fact]
    public void A_tree_of_one_block_has_the_noise_of_a_root_release()
    {
        var tree = MomentTreeParameters.Create(Tree.Moments, 256);
        var ladder = tree.Calibrate([new Epsilon(1)], TestRows.Delta);
        Assert.Equal(MomentRelease.Calibrate(Tree.Moments, [new Epsilon(1)], TestRows.Delta).Tiers[0], ladder.Tiers[0]);
        Assert.Equal(1, MomentTreeRelease.Publish(tree, Rows, ladder, Secret(3)).Whole(0).Moments.Nodes);
    }

    [Fact]
    public void What_does_not_belong_together_is_refused()
    {
        var release = MomentTreeRelease.Publish(Tree, Rows, Ladder, Secret(4));
        var continual = MomentTreeParameters.Create(Tree.Moments, 16, isContinual: true);
        Refused("never all at once", () => MomentTreeRelease.Publish(continual, Rows, continual.Calibrate([new Epsilon(1)], TestRows.Delta), Secret(4)));
        Refused("exceed the store's capacity of 256", () => MomentTreeRelease.Publish(Tree, TestRows.Rows(Tree.Moments.Schema, 257, 1), Ladder, Secret(4)));
        Refused("tier", () => release.Range(3, 0, 1));
        Refused("tier", () => release.Nodes(-1));
        Refused("at least one of the 16 blocks released so far", () => release.Range(0, 16, 17));
        Refused("node 24 of blocks [8, 9) is missing: no sum of a part is answered", () => ReleasedRange.Of(Tree, release.Extent, 8, 9, _ => null));
        Refused("node 25 was given where node 24 of this tree belongs", () => ReleasedRange.Of(Tree, release.Extent, 8, 9, _ => release.Nodes(0)[25]));
        Refused("nodes of different tiers or releases cannot be added", () => ReleasedRange.Of(Tree, release.Extent, 1, 3, node => release.Nodes((int)node % 2)[node]));
        Refused("was given where node 24 of this tree belongs", () => ReleasedRange.Of(Tree, release.Extent, 8, 9, node =>
            ReleasedNode.Restore(continual, continual.Calibrate([new Epsilon(1)], TestRows.Delta), node, 0, 1, new long[Tree.Moments.Dimension])));
        Refused("it is publicly empty", () => ReleasedNode.Publish(Tree, new MomentNode(3, MomentMatrix.Empty(Tree.Moments)), Ladder, ReleaseKey.Derive(Secret(1), new byte[32])));
        Refused("were made with other parameters", () => ReleasedNode.Publish(Tree, new MomentNode(3, MomentMatrix.Empty(MomentParameters.Create(Tree.Moments.Schema, 3))), Ladder, ReleaseKey.Derive(Secret(1), new byte[32])));
        Refused("nodes are numbered from 1 (the root) to 31", () => ReleasedNode.Publish(Tree, new MomentNode(32, MomentMatrix.Empty(Tree.Moments)), Ladder, ReleaseKey.Derive(Secret(1), new byte[32])));

        // 2^20 blocks of 26 MB at 8 tiers.
        var wide = MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(64, 1500, 1 << 20), 2), 1);
        Refused("release them node by node, or use larger blocks", () => MomentTreeRelease.Publish(
            wide, TestRows.Rows(wide.Moments.Schema, 30, 1), wide.Calibrate([new Epsilon(1), new Epsilon(2)], TestRows.Delta), Secret(4)));
    }

    [Fact]
    public void A_stored_node_is_restored_as_it_was_and_a_damaged_one_is_refused()
    {
        var node = MomentTreeRelease.Publish(Tree, Rows, Ladder, Secret(5)).Nodes(1)[6];
        var restored = ReleasedNode.Restore(Tree, Ladder, 6, 1, node.Moments.Slots, node.Moments.Values);
        Assert.Equal(node.Moments.Values, restored.Moments.Values);
        Assert.Equal((node.Node, node.Moments.Tier, node.Moments.Variance, node.Moments.Slots, 1), (restored.Node, restored.Moments.Tier, restored.Moments.Variance, restored.Moments.Slots, restored.Moments.Nodes));
        Refused("a node of this tree has 60 integers, not 59", () => ReleasedNode.Restore(Tree, Ladder, 6, 1, 1, new long[59]));
        Refused("nodes are numbered", () => ReleasedNode.Restore(Tree, Ladder, 32, 1, 1, new long[60]));
        Refused("tier", () => ReleasedNode.Restore(Tree, Ladder, 6, 3, 1, new long[60]));
        Refused("slots", () => ReleasedNode.Restore(Tree, Ladder, 6, 1, 0, new long[60]));
        Refused("another sensitivity", () => ReleasedNode.Restore(Tree, MomentRelease.Calibrate(Tree.Moments, [new Epsilon(1)], TestRows.Delta), 6, 0, 1, new long[60]));
    }

    /// <summary>The mean square of a range's noise, in variances of one node.</summary>
    private static double MeanSquare(int from, int to)
    {
        const int Secrets = 450;
        var sums = MomentAccumulator.Sum(Tree.Moments, Rows.Slice(from * 16, (to - from) * 16)).Sums;
        var exact = MomentTreeSums.Of(Tree, MomentTreeSums.Cut(Tree, Rows)).ToDictionary(node => node.Node);
        double squares = 0;
        for (var secret = 0; secret < Secrets; secret++)
        {
            var key = ReleaseKey.Derive(Secret(secret), new byte[32]);
            var range = ReleasedRange.Of(Tree, Tree.ExtentOf(256), from, to, node => ReleasedNode.Publish(Tree, exact[node], Ladder, key)[2]).Moments.Values;
            for (var i = 0; i < sums.Length; i++)
                squares += Math.Pow(range[i] - sums[i], 2);
        }
        return squares / Secrets / sums.Length / (double)Ladder.Tiers[2].Variance.Value;
    }

    private static Matrix<double> Queries(int count)
    {
        var queries = new Matrix<double>(count, 4);
        var random = new Random(12);
        for (var i = 0; i < count; i++)
            TestRows.PointIn(Tree.Moments.Schema.Queries, random).CopyTo(queries.Row(i));
        return queries;
    }

    private static byte[] Secret(int number) => SHA256.HashData(BitConverter.GetBytes(number));

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
