using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

public class TreeEstimatorTests
{
    private static readonly MomentTreeParameters Tree = MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(3, 4, 2048), 2), 128);

    [Fact]
    public void A_range_has_the_noise_of_one_node_times_the_root_of_their_number_and_the_epsilon_for_it_gives_it()
    {
        var root = MomentEstimator.ErrorAt(Tree.Moments, 1000, new Epsilon(1), TestRows.Delta);
        for (var nodes = 1; nodes <= Tree.MostNodes; nodes++)
        {
            var at = MomentEstimator.ErrorAt(Tree, 1000, new Epsilon(1), TestRows.Delta, nodes);
            // 16 blocks, five levels.
            Assert.Equal(root.TypicalNoise * Math.Sqrt(5 * nodes), at.TypicalNoise, root.TypicalNoise * 1e-6);
            Assert.Equal(root.WorstNoise * Math.Sqrt(5 * nodes), at.WorstNoise, root.WorstNoise * 1e-6);
            Assert.Equal(root.KernelErrorBound, at.KernelErrorBound);
            var back = MomentEstimator.EpsilonFor(Tree, 1000, at.TypicalNoise, TestRows.Delta, nodes);
            Assert.Equal(1, back.Epsilon.Value, 1e-7);
            Assert.Equal(at.TypicalNoise, back.TypicalNoise, 1e-12);
        }
    }

    /// <summary>800 secrets of 4 columns: a root mean square with a deviation of 1.25 %; six of them are 7.5 % (secrets are fixed).</summary>
    [Fact]
    public void The_typical_noise_of_a_range_is_the_one_that_is_measured()
    {
        var rows = RowSet.Create(new Matrix<double>(2048, 3), new Matrix<double>(2048, 4));
        var ladder = Tree.Calibrate([new Epsilon(2)], TestRows.Delta);
        var exact = MomentTreeSums.Of(Tree, MomentTreeSums.Cut(Tree, rows)).ToDictionary(node => node.Node);
        var squares = 0.0;
        for (var secret = 0; secret < 800; secret++)
        {
            var key = ReleaseKey.Derive(ContinualPipeline.Secret(secret), new byte[32]);
            var range = ReleasedRange.Of(Tree, Tree.ExtentOf(2048), 1, 14, node => ReleasedNode.Publish(Tree, exact[node], ladder, key)[0]).Moments;
            Assert.Equal(5, range.Nodes);
            squares += new MomentAnswerer(range).Answer([0, 0.6, -0.8]).Output.Sum(x => x * x);
        }
        var estimate = MomentEstimator.ErrorAt(Tree, 13 * 128, new Epsilon(2), TestRows.Delta, nodes: 5);
        var ratio = Math.Sqrt(squares / 800 / 4) / estimate.TypicalNoise * Tree.Moments.Kernel.Evaluate(0);
        Assert.InRange(ratio, 0.925, 1.075);
        Assert.False(ratio * 0.7 is >= 0.925 and <= 1.075);
        Assert.False(ratio * 1.3 is >= 0.925 and <= 1.075);
    }

    [Fact]
    public void Estimates_of_ranges_that_cannot_be_are_refused()
    {
        Refused("rows", () => MomentEstimator.ErrorAt(Tree, 0, new Epsilon(1), TestRows.Delta));
        Refused("nodes", () => MomentEstimator.ErrorAt(Tree, 10, new Epsilon(1), TestRows.Delta, 0));
        Refused("nodes", () => MomentEstimator.ErrorAt(Tree, 10, new Epsilon(1), TestRows.Delta, 9));
        Refused("rows", () => MomentEstimator.EpsilonFor(Tree, 0, 1, TestRows.Delta));
        Refused("nodes", () => MomentEstimator.EpsilonFor(Tree, 10, 1, TestRows.Delta, 9));
        Refused("epsilon must lie in (0, 200]", () => MomentEstimator.ErrorAt(Tree, 10, new Epsilon(201), TestRows.Delta));
        foreach (var target in new[] { 1e-6, 1e-300, double.Epsilon })
            Refused("this error needs an epsilon of", () => MomentEstimator.EpsilonFor(Tree, 10, target, TestRows.Delta));
        Refused("the target error must be finite and above 0", () => MomentEstimator.EpsilonFor(Tree, 10, double.NaN, TestRows.Delta));
        Assert.Throws<ArgumentNullException>(() => MomentEstimator.ErrorAt((MomentTreeParameters)null!, 10, new Epsilon(1), TestRows.Delta));
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
