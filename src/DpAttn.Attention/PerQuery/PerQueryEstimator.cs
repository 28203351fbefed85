using System.Numerics;
using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>Error at an epsilon and epsilon for an error of a per-query request, from the schema and a public row count alone. Costs nothing.</summary>
/// <remarks>
/// Typical noise is that of an output coordinate near 0 for a query on the rim of its region that the rows attend to evenly, sigma e^M / n with M = scale |q| B_k; worst noise that of
/// rows that all lie at the far end, sigma sqrt(1 + B_v^2/gamma^2) e^(2M) / n, infinite under add-remove. Queries that most rows are near to do far better, and a batch of queries
/// in different directions may do better than its sqrt(m) tells here.
/// </remarks>
public static class PerQueryEstimator
{
    /// <summary>The error of a request at an epsilon.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="rows">n: the row count under replace-one, the publicly stated one under add-remove.</param>
    /// <param name="epsilon">What the request may cost.</param>
    /// <param name="delta">The store's delta.</param>
    /// <param name="queries">Different queries in the request.</param>
    public static ErrorEstimate ErrorAt(PerQueryParameters parameters, long rows, Epsilon epsilon, Delta delta, int queries = 1)
    {
        Require(parameters, rows, queries);
        var variance = NoiseLadder.Calibrate(SensitivityOf(parameters, queries), (long)queries * parameters.Columns, [epsilon], delta).Tiers[0].Variance;
        parameters.RequireNoOverflow(variance);
        return Describe(parameters, rows, epsilon, delta, variance.Sigma.Value * Unit(parameters));
    }

    /// <summary>The smallest epsilon whose typical noise is at most a target.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="rows">n, as for <see cref="ErrorAt"/>.</param>
    /// <param name="typicalNoise">The target.</param>
    /// <param name="delta">The store's delta.</param>
    /// <param name="queries">Different queries in the request.</param>
    /// <exception cref="ArgumentOutOfRangeException">The target is not finite and above 0, needs an epsilon above 200, or so little that delta alone covers it.</exception>
    public static ErrorEstimate EpsilonFor(PerQueryParameters parameters, long rows, double typicalNoise, Delta delta, int queries = 1)
    {
        Require(parameters, rows, queries);
        var sigma = typicalNoise * rows / Widening(parameters);
        var epsilon = EpsilonTarget.For(typicalNoise, sigma, (double)SensitivityOf(parameters, queries) * Unit(parameters), delta);
        return Describe(parameters, rows, epsilon, delta, sigma);
    }

    private static void Require(PerQueryParameters parameters, long rows, int queries)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(queries, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(queries, Math.Min(PerQueryParameters.MostQueries, PerQueryParameters.MostNumbers / parameters.Columns));
    }

    private static BigInteger SensitivityOf(PerQueryParameters parameters, int queries) => PerQuerySensitivity.OfPlain(parameters, queries);

    private static ErrorEstimate Describe(PerQueryParameters parameters, long rows, Epsilon epsilon, Delta delta, double sigma)
    {
        var schema = parameters.Schema;
        double bound = schema.Values.BoundingRadius, widening = Widening(parameters);
        var worst = schema.Adjacency == Adjacency.ReplaceOne
            ? sigma * Math.Sqrt(1 + bound * bound / (parameters.Gamma * parameters.Gamma)) * widening * widening / rows
            : double.PositiveInfinity;
        return new ErrorEstimate(epsilon, delta, sigma * widening / rows, worst, 0);
    }

    /// <summary>e^M; infinite beyond the range of doubles.</summary>
    private static double Widening(PerQueryParameters parameters) =>
        parameters.LargestExponent <= DeterministicMath.LargestExponent ? DeterministicMath.Exp(parameters.LargestExponent) : double.PositiveInfinity;

    private static double Unit(PerQueryParameters parameters) => Math.ScaleB(1.0, -(parameters.KernelExponent + parameters.ValueExponent));
}
