namespace DpAttn.Attention;

/// <summary>
/// DPTreeSoftmaxAdaptive of the seed paper (arXiv 2407.14717, appendix H): l copies of <see cref="DpTreeSoftmax"/> with independent noise and the median of their answers, column by column.
/// The paper takes O(r log(d R / (epsilon_s p_f))) copies so that every answer to every adaptive query is good with probability 1 - p_f.
/// </summary>
/// <remarks>
/// Privacy under adaptive queries does not need the copies: all nodes are one release, whatever is asked of it. Nor does accuracy gain by them when they share one budget: each copy's deviation grows
/// by sqrt(l), and the median of l gives back less than that (1.22 times one copy's deviation at nine, sqrt(pi/2) for many). One copy is the default. Copies repeat the same exact sums, which are kept
/// once; their noise is recomputed.
/// </remarks>
public sealed class DpTreeSoftmaxAdaptive
{
    private readonly IDistanceTreeParts _parts;

    /// <summary>The structure over a release's noised parts.</summary>
    public DpTreeSoftmaxAdaptive(IDistanceTreeParts parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        _parts = parts;
    }

    /// <summary>Init: the structure without noise over rows. Not private: for evaluation and tests.</summary>
    internal static DpTreeSoftmaxAdaptive ForEvaluation(DistanceTreeSums sums) => new(new ExactDistanceTree(DistanceTreeNodes.Over(sums)));

    /// <summary>Query: as for <see cref="DpTreeSoftmax.Query(ReadOnlySpan{double})"/>, the median over the copies in every column.</summary>
    /// <exception cref="QueryRejectedException">NaN, infinity, or outside the query region.</exception>
    /// <exception cref="ArgumentException">The wrong dimension.</exception>
    public (double Normaliser, double[] Sums) Query(ReadOnlySpan<double> query) => Query(DistanceTreeQueryPlan.For(_parts.Parameters, query));

    /// <summary>The same for a query that was planned.</summary>
    public (double Normaliser, double[] Sums) Query(DistanceTreeQueryPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return DpTreeSoftmax.Decode(_parts.Parameters, Medians(plan.Evaluate(_parts), _parts.Parameters.Copies));
    }

    internal static double[] Medians(double[] totals, int copies)
    {
        if (copies == 1)
            return totals;
        var columns = totals.Length / copies;
        var (medians, column) = (new double[columns], new double[copies]);
        for (var c = 0; c < columns; c++)
        {
            for (var copy = 0; copy < copies; copy++)
                column[copy] = totals[copy * columns + c];
            Array.Sort(column);
            medians[c] = column[copies / 2];
        }
        return medians;
    }
}
