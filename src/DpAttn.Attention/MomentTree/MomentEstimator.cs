using System.Numerics;
using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>What an answer's error will be, before anything is spent.</summary>
/// <param name="Epsilon">The epsilon.</param>
/// <param name="Delta">The delta it is stated at.</param>
/// <param name="TypicalNoise">
/// The noise deviation of an output coordinate near 0, for a query on the rim of its region that the rows attend to evenly: sigma sqrt(A) / n, or sigma e^M / n under
/// per-query, M = scale |q| B_k.
/// </param>
/// <param name="WorstNoise">The same for the smallest denominator that the bounds allow and a coordinate at B_v; infinite under add-remove.</param>
/// <param name="KernelErrorBound">The bound of the polynomial's part, in l2 norm; no epsilon lowers it. 0 under per-query.</param>
public sealed record ErrorEstimate(Epsilon Epsilon, Delta Delta, double TypicalNoise, double WorstNoise, double KernelErrorBound);

/// <summary>Error at an epsilon and epsilon for an error, from the schema and a public row count alone. Costs nothing.</summary>
public static class MomentEstimator
{
    /// <summary>The error of answers from a release at an epsilon.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="rows">n: the row count under replace-one, the publicly stated one under add-remove.</param>
    /// <param name="epsilon">The tier.</param>
    /// <param name="delta">The store's delta.</param>
    public static ErrorEstimate ErrorAt(MomentParameters parameters, long rows, Epsilon epsilon, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        return Describe(parameters, rows, epsilon, delta, SigmaOf(parameters, MomentRelease.CalibrateNoise(parameters, [epsilon], delta)));
    }

    /// <summary>The error of answers from a sum of released nodes of a tree.</summary>
    /// <param name="tree">The tree's parameters.</param>
    /// <param name="rows">The rows that the range covers, as for the other overload.</param>
    /// <param name="epsilon">The tier: the whole tree's, paid once.</param>
    /// <param name="delta">The store's delta.</param>
    /// <param name="nodes">How many nodes the range is added up from, at most <see cref="MomentTreeParameters.MostNodes"/>; 1 for a whole tree that is released at once.</param>
    public static ErrorEstimate ErrorAt(MomentTreeParameters tree, long rows, Epsilon epsilon, Delta delta, int nodes = 1)
    {
        RequireRange(tree, rows, nodes);
        return Describe(tree.Moments, rows, epsilon, delta, SigmaOf(tree.Moments, tree.CalibrateNoise([epsilon], delta)) * Math.Sqrt(nodes));
    }

    /// <summary>The smallest epsilon whose typical noise is at most a target.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The target is not finite and above 0, needs an epsilon above 200, or so little that delta alone covers it.</exception>
    public static ErrorEstimate EpsilonFor(MomentParameters parameters, long rows, double typicalNoise, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        return EpsilonFor(parameters, parameters.Sensitivity.Integer, rows, typicalNoise, delta, 1);
    }

    /// <summary>The smallest epsilon of a tree whose typical noise on a range is at most a target.</summary>
    /// <exception cref="ArgumentOutOfRangeException">As for the other overload, or a number of nodes that no range has.</exception>
    public static ErrorEstimate EpsilonFor(MomentTreeParameters tree, long rows, double typicalNoise, Delta delta, int nodes = 1)
    {
        RequireRange(tree, rows, nodes);
        return EpsilonFor(tree.Moments, tree.Sensitivity.Integer, rows, typicalNoise, delta, nodes);
    }

    private static ErrorEstimate EpsilonFor(MomentParameters parameters, BigInteger sensitivity, long rows, double typicalNoise, Delta delta, int nodes)
    {
        var sigma = typicalNoise * rows / Math.Sqrt(parameters.Kernel.MagnitudeSum);
        var epsilon = EpsilonTarget.For(typicalNoise, sigma, (double)sensitivity * Unit(parameters) * Math.Sqrt(nodes), delta);
        return Describe(parameters, rows, epsilon, delta, sigma);
    }

    private static void RequireRange(MomentTreeParameters tree, long rows, int nodes)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(nodes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(nodes, tree.MostNodes);
    }

    private static ErrorEstimate Describe(MomentParameters parameters, long rows, Epsilon epsilon, Delta delta, double sigma)
    {
        var schema = parameters.Schema;
        double bound = schema.Values.BoundingRadius, spread = sigma * Math.Sqrt(parameters.Kernel.MagnitudeSum);
        var worst = double.PositiveInfinity;
        if (schema.Adjacency == Adjacency.ReplaceOne)
        {
            var smallest = rows * (1 - parameters.Kernel.RelativeError) * parameters.SmallestKernel(schema.LargestQueryNorm);
            worst = spread * Math.Sqrt(1 + bound * bound / (parameters.Gamma * parameters.Gamma)) / smallest;
        }
        return new ErrorEstimate(epsilon, delta, spread / rows, worst, parameters.Kernel.AnswerErrorPerUnit * bound);
    }

    private static double SigmaOf(MomentParameters parameters, NoiseLadder ladder) => ladder.Tiers[0].Variance.Sigma.Value * Unit(parameters);

    private static double Unit(MomentParameters parameters) =>
        Math.ScaleB(1.0, -(parameters.FeatureExponent + parameters.ValueExponent));
}
