namespace DpAttn.Attention;

/// <summary>
/// DPTreeSoftmax of the seed paper (arXiv 2407.14717, appendix I): the weighted softmax sum sum_i w_i exp(scale &lt;q, k_i&gt;) from distances of feature vectors, for one copy and all columns of
/// weights. The paper claims O(n r) for init, O(alpha^-1 r log^2 n) for a query, a relative error of alpha + eps_s, and an additive error of
/// O(epsilon^-1 alpha^-1/2 R^2s R_w r^3/2) up to logarithms.
/// </summary>
/// <remarks>
/// The columns are (gamma, v_1 .. v_dv): column 0 is the softmax normaliser, which has weight 1 for every row. The paper adds the two scalar sums, of w and of w |P|^2, without noise;
/// here they are parts like any other, under the same joint sensitivity (<see cref="DistanceTreeSensitivity"/>). Identity and error: <see cref="DistanceTreeQueryPlan"/>,
/// <see cref="DistanceTreeErrorBound"/>.
/// </remarks>
public sealed class DpTreeSoftmax
{
    private readonly IDistanceTreeParts _parts;
    private readonly int _copy;

    /// <summary>The structure over a release's noised parts.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The release has no such copy.</exception>
    public DpTreeSoftmax(IDistanceTreeParts parts, int copy = 0)
    {
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentOutOfRangeException.ThrowIfNegative(copy);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(copy, parts.Parameters.Copies);
        (_parts, _copy) = (parts, copy);
    }

    /// <summary>Init: the structure without noise over rows. Not private: for evaluation and tests.</summary>
    internal static DpTreeSoftmax ForEvaluation(DistanceTreeSums sums) => new(new ExactDistanceTree(DistanceTreeNodes.Over(sums)));

    /// <summary>Query: the normaliser sum_i exp(scale &lt;q, k_i&gt;) and the dv sums with the columns of values as weights.</summary>
    /// <exception cref="QueryRejectedException">NaN, infinity, or outside the query region.</exception>
    /// <exception cref="ArgumentException">The wrong dimension.</exception>
    public (double Normaliser, double[] Sums) Query(ReadOnlySpan<double> query) => Query(DistanceTreeQueryPlan.For(_parts.Parameters, query));

    /// <summary>The same for a query that was planned.</summary>
    public (double Normaliser, double[] Sums) Query(DistanceTreeQueryPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var columns = _parts.Parameters.Columns;
        return Decode(_parts.Parameters, plan.Evaluate(_parts).AsSpan(_copy * columns, columns));
    }

    /// <summary>Steps of values to values, and gamma's to rows.</summary>
    internal static (double Normaliser, double[] Sums) Decode(DistanceTreeParameters parameters, ReadOnlySpan<double> steps)
    {
        var unit = Math.ScaleB(1.0, -parameters.ValueExponent);
        var sums = new double[steps.Length - 1];
        for (var j = 0; j < sums.Length; j++)
            sums[j] = steps[j + 1] * unit;
        return (steps[0] / parameters.GammaSteps, sums);
    }
}
