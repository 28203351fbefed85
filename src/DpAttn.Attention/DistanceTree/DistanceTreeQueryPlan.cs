namespace DpAttn.Attention;

/// <summary>
/// What one query needs and what it does with it: the parts whose noised sums it adds up, and their weights. A function of the public parameters and the query alone; whoever holds
/// the sums elsewhere asks once for all parts that it misses.
/// </summary>
/// <remarks>
/// <para>DPTreeSoftmax's identity (mechanisms, section 6.2), constant feature apart and with the rounded features of both sides in every sum:
/// <c>sum_i w_i exp(scale &lt;q, k_i&gt;) ~ W + (sum_i w_i |P(k_i)|^2 + |P(q)|^2 W - sum_i w_i |P(q) - P(k_i)|^2)/2</c>. A query has one part for W, which is the root of every tree too, one for the
/// sum of squares, and O(log(m)/alpha) nodes for each of the r - 1 features.</para>
/// <para>In the exact variant squares cancel between the sums, and W + sum_a P(q)_a (sum_i w_i P(k_i)_a) is left: r parts.</para>
/// </remarks>
public sealed class DistanceTreeQueryPlan
{
    private readonly List<long> _parts = [];
    private readonly List<double> _weights = [];

    private DistanceTreeQueryPlan(DistanceTreeParameters parameters, ReadOnlySpan<double> query)
    {
        Parameters = parameters;
        var features = new double[parameters.Features];
        parameters.Taylor.Expand(query, features);
        double alpha = 0, grid = 0, rounding = parameters.IsExact ? 0 : 0.25 / parameters.Scales.SquareSteps;
        // No row's kernel is below this, intervals and rounding included.
        LowestKernel = 1;
        for (var a = 1; a < features.Length; a++)
        {
            var points = parameters.Grids[a];
            var rounded = points.StepOf(features[a]) * points.Spacing;
            grid += Math.Abs(rounded - features[a]) * points.Spacing * points.LargestStep + Math.Abs(features[a]) * points.Spacing / 2
                + Math.Abs(rounded) * parameters.FeatureRounding;
            LowestKernel += Math.Min(rounded * points.LowStep, rounded * points.HighStep) * points.Spacing;
            rounding += Math.Abs(rounded) * parameters.FeatureRounding;
        }
        if (parameters.IsExact)
            AddExact(features);
        else
            AddTrees(features, out alpha);
        var (lowest, largest) = DistanceTreeDomain.Exponents(parameters.Schema, query);
        ErrorBound = DistanceTreeErrorBound.From(parameters, lowest, largest, alpha, grid);
        LowestKernel = Math.Max(LowestKernel - alpha - rounding, (1 - ErrorBound.Below - ErrorBound.Alpha - ErrorBound.Grid) * DeterministicMath.Exp(lowest)) * (1 - 1e-9) - 1e-9;
        for (var i = 1; i < _weights.Count; i++)
            RestNorm += _weights[i] * _weights[i];
        RestNorm = Math.Sqrt(RestNorm);
    }

    /// <summary>The mechanism's public parameters.</summary>
    public DistanceTreeParameters Parameters { get; }

    /// <summary>The parts that are summed, each once, in the order of the sum. The first is the sum of weights.</summary>
    public IReadOnlyList<long> Parts => _parts;

    /// <summary>How far the noise-free answer to this query may be from exact attention.</summary>
    public DistanceTreeErrorBound ErrorBound { get; }

    /// <summary>The deviation of a column's sum, in steps of its values, when every integer has noise of deviation 1.</summary>
    public double Norm => Math.Sqrt(CountWeight * CountWeight + RestNorm * RestNorm);

    /// <summary>What one step of each part counts, in steps of values.</summary>
    internal IReadOnlyList<double> Weights => _weights;

    /// <summary>What one step of the sum of weights counts.</summary>
    internal double CountWeight => _weights[0];

    /// <summary>The norm of all other weights.</summary>
    internal double RestNorm { get; }

    /// <summary>What a row adds to the noise-free denominator at least; 0 or less says nothing.</summary>
    internal double LowestKernel { get; }

    /// <summary>The plan of a query.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="query">d numbers within the schema's query region.</param>
    /// <param name="clip">Whether a query outside is moved to the nearest point inside instead of being refused.</param>
    /// <param name="number">The query's number in its batch, for error messages.</param>
    /// <exception cref="QueryRejectedException">NaN, infinity, or outside the query region without clipping.</exception>
    /// <exception cref="ArgumentException">The wrong dimension.</exception>
    public static DistanceTreeQueryPlan For(DistanceTreeParameters parameters, ReadOnlySpan<double> query, bool clip = false, long number = 0)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var schema = parameters.Schema;
        if (query.Length != schema.KeyDimension)
            throw new ArgumentException($"query {number} has {query.Length} dimensions; the schema states {schema.KeyDimension}", nameof(query));
        var inside = query.ToArray();
        QueryRejectedException.ThrowIf(schema.Queries.TryCentre(inside, clip), schema.Queries, number);
        for (var j = 0; j < inside.Length; j++)
            inside[j] += schema.Queries.Centre[j];
        return new DistanceTreeQueryPlan(parameters, inside);
    }

    /// <summary>The weighted sums of all parts, copy by copy and column by column, in steps of values: the order of the sum is part of its value.</summary>
    internal double[] Evaluate(IDistanceTreeParts parts)
    {
        var length = Parameters.Copies * Parameters.Columns;
        var (totals, noised) = (new double[length], new long[length]);
        for (var i = 0; i < _parts.Count; i++)
        {
            parts.Read(_parts[i], noised);
            var weight = _weights[i];
            for (var k = 0; k < length; k++)
                totals[k] += weight * noised[k];
        }
        return totals;
    }

    private void AddExact(double[] features)
    {
        Add(DistanceTreeParameters.CountPart, 1);
        for (var a = 1; a < features.Length; a++)
        {
            var grid = Parameters.Grids[a];
            Add(Parameters.PartOf(a, 1), grid.StepOf(features[a]) * grid.Spacing / Parameters.Scales.Unit);
        }
    }

    private void AddTrees(double[] features, out double alpha)
    {
        var count = 1.0;
        alpha = 0;
        List<DistanceInterval> intervals = [];
        _parts.Add(DistanceTreeParameters.CountPart);
        _weights.Add(0);
        _parts.Add(DistanceTreeParameters.SquarePart);
        _weights.Add(0.5 / Parameters.Scales.SquareSteps);
        for (var a = 1; a < features.Length; a++)
        {
            var grid = Parameters.Grids[a];
            var step = grid.StepOf(features[a]);
            var unit = grid.Spacing * grid.Spacing / 2;
            count += unit * ((double)step * step);
            DistanceIntervals.Collect(grid.Shape, Parameters.Alpha, step - grid.LowStep, intervals);
            var reach = 0.0;
            foreach (var interval in intervals)
            {
                reach = Math.Max(reach, interval.SquareReach);
                if (interval.Node == 1)
                    count -= unit * interval.SquareMiddle;
                else
                    Add(Parameters.PartOf(a, interval.Node), -unit * interval.SquareMiddle);
            }
            alpha += unit * reach;
        }
        _weights[0] = count / Parameters.MultiplierOf(DistanceTreeParameters.CountPart);
    }

    // A part at distance 0 is not asked for.
    private void Add(long part, double coefficient)
    {
        if (coefficient == 0)
            return;
        _parts.Add(part);
        _weights.Add(coefficient / Parameters.MultiplierOf(part));
    }
}
