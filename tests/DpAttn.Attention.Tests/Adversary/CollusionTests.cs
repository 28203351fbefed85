using DpAttn.Privacy;
using Columns = MathNet.Numerics.LinearAlgebra.Vector<double>;
using Dense = MathNet.Numerics.LinearAlgebra.Matrix<double>;

namespace DpAttn.Attention.Tests;

/// <summary>
/// Whoever holds several tiers of a release, one user over time or many who pool theirs, has nothing sharper than the best of them: the best linear estimate from all tiers, generalised least squares under the
/// noise's own covariance, has the best tier's variance. Were the tiers' noises independent, it would gain a third at three tiers; such a build is the companion.
/// </summary>
public class CollusionTests
{
    private const int Secrets = 300;
    private static readonly Epsilon[] Tiers = [new(0.5), new(1), new(2)];
    private static readonly StoreSchema Schema = TestRows.BoxSchema(3, 3, 300, 0.5);
    private static readonly RowSet Rows = TestRows.Rows(Schema, 300, 4);

    public static TheoryData<string> Mechanisms => new("moment root", "moment node", "distance tree");

    /// <summary>
    /// The gain is estimated from N draws (300 releases of some dozen numbers, 12,000 and more): for nested tiers it is about a chi-square of two degrees of freedom over N. 40/N has probability 2e-9; secrets are fixed.
    /// </summary>
    [Theory]
    [MemberData(nameof(Mechanisms))]
    public void The_best_estimate_from_all_tiers_is_the_best_tier(string mechanism)
    {
        var (gain, draws) = Gain(mechanism);
        TestContext.Current.TestOutputHelper?.WriteLine($"{mechanism}: gain {gain:G3} from {draws} draws");
        Assert.InRange(gain, 0, 40.0 / draws);
    }

    [Theory]
    [MemberData(nameof(Mechanisms))]
    public void Tiers_with_independent_noise_would_be_averaged_and_are_caught(string mechanism)
    {
        // Var_best / Var_t is about (epsilon_t / epsilon_best)^2: a sixteenth and a fourth.
        var (gain, draws) = Gain(mechanism, independent: true);
        Assert.InRange(gain, 0.2, 0.5);
        Assert.True(gain > 40.0 / draws);
    }

    /// <summary>Two users of one tier hold the same numbers: pooling them is holding one.</summary>
    [Fact]
    public void Two_users_of_one_tier_hold_the_same_numbers()
    {
        var parameters = MomentParameters.Create(Schema, 2);
        var ladder = MomentRelease.Calibrate(parameters, Tiers, TestRows.Delta);
        var exact = MomentAccumulator.Sum(parameters, Rows);
        var (one, other) = (MomentRelease.Publish(exact, ladder, new byte[32]), MomentRelease.Publish(exact, ladder, new byte[32], threads: 2));
        for (var tier = 0; tier < Tiers.Length; tier++)
            Assert.Equal(one.Tiers[tier].Matrix, other.Tiers[tier].Matrix);
    }

    /// <summary>By how much the best estimate's variance is below the best tier's, relative to it, and from how many numbers that was found.</summary>
    private static (double Gain, long Draws) Gain(string mechanism, bool independent = false)
    {
        var covariance = Dense.Build.Dense(Tiers.Length, Tiers.Length);
        var draws = 0L;
        for (var secret = 0; secret < Secrets; secret++)
        {
            // The planted fault: every tier is published for itself.
            var tiers = independent
                ? [.. Enumerable.Range(0, Tiers.Length).Select(t => Noises(mechanism, PerQueryRequests.Noise(secret * Tiers.Length + t))[t])]
                : Noises(mechanism, PerQueryRequests.Noise(secret));
            for (var k = 0; k < tiers[0].Length; k++, draws++)
            {
                for (var s = 0; s < Tiers.Length; s++)
                {
                    for (var t = 0; t < Tiers.Length; t++)
                        covariance[s, t] += tiers[s][k] * tiers[t][k];
                }
            }
        }
        covariance /= draws;
        var ones = Columns.Build.Dense(Tiers.Length, 1);
        var least = 1 / ones.DotProduct(covariance.Inverse() * ones);
        return (covariance[Tiers.Length - 1, Tiers.Length - 1] / least - 1, draws);
    }

    /// <summary>Released minus exact, per tier, in deviations of the best tier.</summary>
    private static double[][] Noises(string mechanism, INoiseSource noise)
    {
        if (mechanism == "distance tree")
        {
            var (exact, nodes, ladder) = Distances.Value;
            var parts = new long[] { 0, 1, exact.Parameters.PartOf(1, 2), exact.Parameters.PartOf(2, 3), exact.Parameters.PartOf(3, 9) };
            var tiers = DistanceTreeRelease.Publish(exact, ladder, noise).Tiers;
            return [.. tiers.Select(tier => parts.SelectMany(part => Difference(tier, nodes, part)).Select(x => x / tiers[^1].Deviation).ToArray())];
        }
        if (mechanism == "moment node")
        {
            var (tree, node, ladder) = Node.Value;
            var tiers = ReleasedNode.Publish(tree, node, ladder, noise);
            return [.. tiers.Select(tier => tier.Moments.Values.Select((x, k) => (x - node.Sums.Sums[k]) / tiers[^1].Moments.Deviation.Value).ToArray())];
        }
        var (sums, rootLadder) = Root.Value;
        var released = MomentRelease.Publish(sums, rootLadder, noise).Tiers;
        return [.. released.Select(tier => tier.Values.Select((x, k) => (x - sums.Sums[k]) / released[^1].Deviation.Value).ToArray())];
    }

    private static readonly Lazy<(MomentMatrix, NoiseLadder)> Root = new(() =>
    {
        var parameters = MomentParameters.Create(Schema, 2);
        return (MomentAccumulator.Sum(parameters, Rows), MomentRelease.Calibrate(parameters, Tiers, TestRows.Delta));
    });

    private static readonly Lazy<(MomentTreeParameters, MomentNode, NoiseLadder)> Node = new(() =>
    {
        var tree = MomentTreeParameters.Create(MomentParameters.Create(Schema, 2), 64);
        return (tree, new MomentNode(3, MomentAccumulator.Sum(tree.Moments, Rows.Slice(0, 44))), tree.Calibrate(Tiers, TestRows.Delta));
    });

    private static readonly Lazy<(DistanceTreeSums, DistanceTreeNodes, NoiseLadder)> Distances = new(() =>
    {
        var parameters = DistanceTreeParameters.Create(Schema, 2, 0.5, 8, 3);
        var exact = DistanceTreeSums.Sum(parameters, Rows);
        return (exact, DistanceTreeNodes.Over(exact), DistanceTreeRelease.Calibrate(parameters, Tiers, TestRows.Delta));
    });

    private static IEnumerable<double> Difference(ReleasedDistanceTree tier, DistanceTreeNodes nodes, long part)
    {
        var parameters = tier.Parameters;
        var (noised, exact) = (new long[parameters.Columns * parameters.Copies], nodes.Read([part]));
        tier.Read(part, noised);
        return noised.Select((x, k) => (double)(x - parameters.MultiplierOf(part) * exact[k % parameters.Columns]));
    }
}
