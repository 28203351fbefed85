using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// Error at an epsilon and epsilon for an error, from the schema and a public row count alone. Costs nothing. The typical noise is that of a query in the far corner of its region (of a ball: on its
/// rim), over rows at the centre of theirs, for a coordinate near 0.
/// </summary>
public static class DistanceTreeEstimator
{
    /// <summary>The error of answers from a release at an epsilon.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="rows">n: the row count under replace-one, the publicly stated one under add-remove.</param>
    /// <param name="epsilon">The tier.</param>
    /// <param name="delta">The store's delta.</param>
    /// <exception cref="ArgumentException">A number outside its range.</exception>
    public static ErrorEstimate ErrorAt(DistanceTreeParameters parameters, long rows, Epsilon epsilon, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        var ladder = DistanceTreeRelease.CalibrateNoise(parameters, [epsilon], delta);
        return Describe(parameters, rows, epsilon, delta, ladder.Tiers[0].Variance.Sigma.Value * Unit(parameters));
    }

    /// <summary>The smallest epsilon whose typical noise is at most a target.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The target is not finite and above 0, needs an epsilon above 200, or so little that delta alone covers it.</exception>
    public static ErrorEstimate EpsilonFor(DistanceTreeParameters parameters, long rows, double typicalNoise, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        var sigma = typicalNoise * rows / Typical(parameters);
        var epsilon = EpsilonTarget.For(typicalNoise, sigma, (double)parameters.Sensitivity.Integer * Unit(parameters), delta);
        return Describe(parameters, rows, epsilon, delta, sigma);
    }

    private static ErrorEstimate Describe(DistanceTreeParameters parameters, long rows, Epsilon epsilon, Delta delta, double sigma)
    {
        var bound = parameters.Schema.Values.BoundingRadius;
        var worst = double.PositiveInfinity;
        var error = parameters.ErrorBound;
        var smallest = (1 - error.Below - error.Alpha - error.Grid) * DeterministicMath.Exp(parameters.LowestExponent);
        if (parameters.Schema.Adjacency == Adjacency.ReplaceOne && smallest > 0)
        {
            var spread = sigma * MedianOfNormals.Deviation(parameters.Copies) * LargestNorm(parameters);
            worst = spread * Math.Sqrt(1 + bound * bound / (parameters.Gamma * parameters.Gamma)) / (rows * smallest);
        }
        return new ErrorEstimate(epsilon, delta, sigma * Typical(parameters) / rows, worst, error.Answer);
    }

    /// <summary>The deviation of an answer's coordinate times the rows, per deviation of a node's noise: the plan's norm over the kernel.</summary>
    private static double Typical(DistanceTreeParameters parameters)
    {
        var schema = parameters.Schema;
        var query = new double[schema.KeyDimension];
        var exponent = 0.0;
        for (var j = 0; j < query.Length; j++)
        {
            query[j] = !schema.Queries.IsBox ? schema.Queries.Radius / Math.Sqrt(query.Length)
                : Math.Abs(schema.Queries.Low[j]) > Math.Abs(schema.Queries.High[j]) ? schema.Queries.Low[j] : schema.Queries.High[j];
            exponent += schema.Scale * query[j] * schema.Keys.Centre[j];
        }
        var plan = DistanceTreeQueryPlan.For(parameters, query, clip: true);
        return plan.Norm * MedianOfNormals.Deviation(parameters.Copies) * DeterministicMath.Exp(-exponent);
    }

    /// <summary>An upper bound of a plan's norm over all queries: every part at its own worst.</summary>
    private static double LargestNorm(DistanceTreeParameters parameters)
    {
        double querySquare = 0, squares = 0;
        for (var a = 1; a < parameters.Features; a++)
        {
            var grid = parameters.Grids[a];
            long low = grid.StepOf(parameters.QueryRanges[a].Low), high = grid.StepOf(parameters.QueryRanges[a].High);
            var reach = Math.Max(Math.Abs(low), Math.Abs(high)) * grid.Spacing;
            querySquare += reach * reach;
            if (parameters.IsExact)
            {
                squares += Squared(reach / parameters.Scales.Unit);
                continue;
            }
            // From outside the grid at most 1/alpha + 2 nodes of a level are taken, each at the largest distance or nearer.
            var inside = low >= grid.LowStep && high < grid.LowStep + parameters.GridCells;
            double distance = Math.Max(grid.LowStep + parameters.GridCells - 1 - low, high - grid.LowStep);
            // And the root itself, which counts against the sum of weights.
            querySquare += inside ? 0 : Squared(distance * grid.Spacing);
            for (var level = 1; level <= grid.Shape.Depth; level++)
            {
                var sum = inside
                    ? parameters.PlanBounds!.SquaredDistances[level]
                    : 2 * Math.Min(1L << level, 1 / parameters.Alpha + 2) * Squared(distance * distance);
                squares += Squared(grid.Spacing * grid.Spacing / 2 / parameters.Scales.Node(a, level)) * sum;
            }
        }
        var count = parameters.IsExact ? 1 : 1 + querySquare / 2;
        if (!parameters.IsExact)
            squares += Squared(0.5 / parameters.Scales.SquareSteps);
        return Math.Sqrt(squares + Squared(count / parameters.Scales.Count));
    }

    private static double Squared(double x) => x * x;

    private static double Unit(DistanceTreeParameters parameters) => Math.ScaleB(1.0, -parameters.ValueExponent);
}
