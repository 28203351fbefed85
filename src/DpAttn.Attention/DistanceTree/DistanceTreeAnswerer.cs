using MathNet.Numerics.Distributions;

namespace DpAttn.Attention;

/// <summary>
/// Answers queries from the noised parts of a distance-tree release: post-processing only, so any number of adaptive queries costs nothing more. Thread-safe where the source is.
/// </summary>
/// <remarks>
/// <para>N_j and D are weighted sums of parts whose integers all have the same noise, so both have the deviation sigma |c|, c the plan's weights, times that of the median of l normal variables;
/// columns are independent. Deviation and interval follow as in mechanisms, section 7, with |c| for |phi_q|.</para>
/// <para>Whether an answer could be the mean is decided from the average of the copies, whose variance is exact: that of a difference of medians is not.</para>
/// </remarks>
public sealed class DistanceTreeAnswerer
{
    private readonly IDistanceTreeParts _parts;
    private readonly DistanceTreeParameters _parameters;
    private readonly double _median;
    private readonly double _indistinguishablePoint;

    /// <summary>Answers from a source of noised parts.</summary>
    public DistanceTreeAnswerer(IDistanceTreeParts parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        (_parts, _parameters) = (parts, parts.Parameters);
        _median = MedianOfNormals.Deviation(_parameters.Copies);
        _indistinguishablePoint = ChiSquared.InvCDF(_parameters.Schema.ValueDimension, 0.95);
    }

    private DistanceTreeAnswerer(DistanceTreeAnswerer other, IDistanceTreeParts parts) =>
        (_parts, _parameters, _median, _indistinguishablePoint) = (parts, other._parameters, other._median, other._indistinguishablePoint);

    /// <summary>Answers from another source of the same parameters' parts, such as those of one batch; what follows from the parameters is not computed anew.</summary>
    /// <exception cref="ArgumentException">Parts of other parameters.</exception>
    public DistanceTreeAnswerer From(IDistanceTreeParts parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        return ReferenceEquals(parts.Parameters, _parameters)
            ? new DistanceTreeAnswerer(this, parts)
            : throw new ArgumentException("the parts are of other parameters", nameof(parts));
    }

    /// <summary>The noise-free answers of exact sums. Not private: for evaluation and tests.</summary>
    internal static DistanceTreeAnswerer ForEvaluation(DistanceTreeSums sums) => new(new ExactDistanceTree(DistanceTreeNodes.Over(sums)));

    /// <summary>Answers one query.</summary>
    /// <param name="query">d numbers within the schema's query region.</param>
    /// <param name="clip">Whether a query outside is moved to the nearest point inside instead of being refused.</param>
    /// <exception cref="QueryRejectedException">NaN, infinity, or outside the query region without clipping.</exception>
    /// <exception cref="ArgumentException">The wrong dimension.</exception>
    public AttentionAnswer Answer(ReadOnlySpan<double> query, bool clip = false) => Answer(DistanceTreeQueryPlan.For(_parameters, query, clip));

    /// <summary>Answers a batch, each query on its own.</summary>
    /// <param name="queries">m x d.</param>
    /// <param name="clip">As for one query.</param>
    /// <exception cref="QueryRejectedException">The first query that breaks the bounds; none is answered.</exception>
    public AttentionAnswer[] Answer(Matrix<double> queries, bool clip = false)
    {
        ArgumentNullException.ThrowIfNull(queries);
        var plans = Enumerable.Range(0, queries.Rows).Select(i => DistanceTreeQueryPlan.For(_parameters, queries.Row(i), clip, i)).ToArray();
        return [.. plans.Select(Answer)];
    }

    /// <summary>Answers a query that was planned.</summary>
    /// <exception cref="ArgumentException">A plan of other parameters.</exception>
    public AttentionAnswer Answer(DistanceTreeQueryPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (!ReferenceEquals(plan.Parameters, _parameters))
            throw new ArgumentException("the query was planned for other parameters", nameof(plan));
        var totals = plan.Evaluate(_parts);
        var (denominator, numerators) = DpTreeSoftmax.Decode(_parameters, DpTreeSoftmaxAdaptive.Medians(totals, _parameters.Copies));

        var values = _parameters.Schema.Values;
        var floor = _parameters.Schema.Adjacency == Adjacency.AddRemove ? 0 : Math.Max(0, _parts.Slots * plan.LowestKernel);
        var output = new double[numerators.Length];
        var deviations = new double[numerators.Length];
        var intervals = new NoiseInterval[numerators.Length];
        if (!(denominator > 0) && floor == 0)
        {
            // Nothing bounds the denominator from below: the centre of the value bound, and the whole range.
            Array.Fill(deviations, double.PositiveInfinity);
            Array.Fill(intervals, NoiseInterval.Whole(values.LargestEntry));
            return new AttentionAnswer(output, deviations, intervals, plan.ErrorBound.Answer, true) { SlotsCovered = _parts.Slots };
        }
        var floored = Math.Max(denominator, floor);
        var gamma = Math.ScaleB(_parameters.GammaSteps, -_parameters.ValueExponent);
        var spread = Unit * _median * plan.Norm;
        for (var j = 0; j < output.Length; j++)
        {
            // Deviation and interval are those of the unclipped, unfloored quotient; only the estimate is floored and clipped.
            var ratio = numerators[j] / denominator;
            output[j] = numerators[j] / floored;
            deviations[j] = denominator > 0 ? spread * Math.Sqrt(1 + ratio * ratio / (gamma * gamma)) / denominator : double.PositiveInfinity;
            intervals[j] = NoiseInterval.Fieller(numerators[j], denominator, NoiseInterval.NormalPoint * spread, gamma, values.LargestEntry);
        }
        values.ClipEstimate(output);
        return new AttentionAnswer(output, deviations, intervals, plan.ErrorBound.Answer, IsIndistinguishable(plan, totals, gamma)) { SlotsCovered = _parts.Slots };
    }

    /// <summary>The deviation of one integer's noise, in the units of values.</summary>
    private double Unit => _parts.Deviation * Math.ScaleB(1.0, -_parameters.ValueExponent);

    /// <summary>Mechanisms, section 7: dv |o - m|^2 against its variance, m the released mean value; the query that attends evenly weighs the sum of weights alone.</summary>
    private bool IsIndistinguishable(DistanceTreeQueryPlan plan, double[] totals, double gamma)
    {
        var counts = new long[totals.Length];
        _parts.Read(DistanceTreeParameters.CountPart, counts);
        var even = 1.0 / _parameters.MultiplierOf(DistanceTreeParameters.CountPart);
        var (denominator, numerators) = DpTreeSoftmax.Decode(_parameters, Averages(totals));
        var (count, sums) = DpTreeSoftmax.Decode(_parameters, Averages(Array.ConvertAll(counts, x => even * x)));
        if (!(denominator > 0 && count > 0) || plan.RestNorm == 0)
            return true;
        double constant = plan.CountWeight / denominator, rest = plan.RestNorm / denominator, mean = even / count;
        double variance = 0, distance = 0;
        for (var j = 0; j < numerators.Length; j++)
        {
            double o = numerators[j] / denominator, m = sums[j] / count;
            var weighted = o * constant - m * mean;
            variance += (constant - mean) * (constant - mean) + rest * rest + (weighted * weighted + o * o * rest * rest) / (gamma * gamma);
            distance += (o - m) * (o - m);
        }
        return numerators.Length * distance <= _indistinguishablePoint * variance * Unit * Unit / _parameters.Copies;
    }

    private double[] Averages(double[] totals)
    {
        var averages = new double[_parameters.Columns];
        for (var k = 0; k < totals.Length; k++)
            averages[k % averages.Length] += totals[k] / _parameters.Copies;
        return averages;
    }
}
