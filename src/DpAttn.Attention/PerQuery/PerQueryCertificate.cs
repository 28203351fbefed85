using System.Runtime.Intrinsics;

namespace DpAttn.Attention;

/// <summary>
/// The certified bound of what a key of a ball can weigh for a batch of queries in different directions (<see cref="PerQuerySensitivity"/> has its proof):
/// max_l [1 + sum_(j != l) exp(-2 |s_j| B (1 - cos(theta_lj / 2)))]. Lanes are queries, in the same operations and order at every width: noise is calibrated to it.
/// </summary>
internal static class PerQueryCertificate
{
    /// <summary>The most products m^2 d that a request gets before it is paid for; beyond them sqrt(m) counts.</summary>
    public const long MostProducts = 1L << 28;

    private const int Lanes = 8;
    private const double RoundUp = 1 + 1e-12;

    /// <summary>At least the supremum over keys of sum_l kappa'_l^2, everything rounded upwards; null where all queries are 0 or too many.</summary>
    public static double? Square(PerQueryExponents queries)
    {
        long m = queries.Count;
        if (m < 2 || m * m * queries.Dimension > MostProducts)
            return null;
        var padded = (queries.Count + Lanes - 1) / Lanes * Lanes;
        var columns = new double[(long)padded * queries.Dimension];
        var norms = new double[padded];
        queries.Norms.CopyTo(norms, 0);
        for (var l = 0; l < queries.Count; l++)
        {
            var s = queries.Of(l);
            for (var i = 0; i < s.Length; i++)
                columns[i * padded + l] = s[i];
        }
        var squares = new double[padded];
        var largest = 0.0;
        for (var l = 0; l < queries.Count; l++)
        {
            if (norms[l] == 0)
                continue;
            for (var j = 0; j < padded; j += Lanes)
                LargestSquares(queries, l, columns, norms, j).CopyTo(squares, j);
            var sum = 1.0;
            for (var j = 0; j < queries.Count; j++)
            {
                if (j != l)
                    sum += squares[j];
            }
            largest = Math.Max(largest, sum);
        }
        return largest == 0 ? null : largest * RoundUp;
    }

    /// <summary>
    /// For eight queries j, at least exp(-2 |s_j| B (1 - cos(theta_lj / 2))): the cosine is taken too large by more than its own error, the norm in the exponent too
    /// small. A query 0 has every angle, and the square 1.
    /// </summary>
    private static Vector512<double> LargestSquares(PerQueryExponents queries, int l, double[] columns, double[] norms, int j)
    {
        int d = queries.Dimension, stride = norms.Length;
        var s = queries.Of(l);
        var dots = Vector512<double>.Zero;
        for (var i = 0; i < d; i++)
            dots += Vector512.Create(s[i]) * Vector512.LoadUnsafe(ref columns[i * stride + j]);
        Vector512<double> one = Vector512.Create(1.0), norm = Vector512.LoadUnsafe(ref norms[j]);
        var products = norm * Vector512.Create(norms[l]);
        var isZero = Vector512.Equals(products, Vector512<double>.Zero);
        var cosines = dots / Vector512.ConditionalSelect(isZero, one, products) + Vector512.Create((2 * d + 16) * DeterministicMath.Ulp);
        var halves = Vector512.Sqrt(Vector512.MaxNative(Vector512<double>.Zero, (one + cosines) * Vector512.Create(0.5))) * Vector512.Create(RoundUp);
        halves = Vector512.ConditionalSelect(isZero, one, Vector512.MinNative(one, halves));
        var reach = norm * Vector512.Create(-2 * queries.KeyRadius * (1 - 1e-12 - (d + 8) * DeterministicMath.Ulp));
        return PerQueryPanels.Exp(reach * (one - halves)) * Vector512.Create(RoundUp);
    }
}
