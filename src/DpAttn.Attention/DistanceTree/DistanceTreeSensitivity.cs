using System.Numerics;
using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The joint l2 sensitivity of everything that a distance-tree release holds: every tree node, column and scalar sum, and the copies. One Gaussian mechanism
/// releases it; there is no composition.
/// </summary>
/// <remarks>
/// <para><b>A row's contribution</b> is f(k) (x) u to each of the l copies: f has the multiplier of every node on the paths of its features' cells, one node a level, that of
/// the sum of weights, and the rounded |P(k)|^2; in the exact variant the features' own integers. u = (gamma, v) in steps. All of it is integers, so no real
/// number has to be compared with its rounding: |f|^2 is at most F, the sum of squared multipliers and of the largest squares, reached at the corner of a box that does not go
/// below 0, and every row has the same number of nodes.</para>
/// <para><b>Replace-one.</b> <c>|x - x'|^2 = |f|^2 |u|^2 + |f'|^2 |u'|^2 - 2 &lt;f, f'&gt; &lt;u, u'&gt;</c>. With g the integer of gamma and V = 2^bu B_v + sqrt(dv)/2 at least the norm of a rounded
/// value, |u|^2 is at most g^2 + V^2 and &lt;u, u'&gt; lies within g^2 -+ V^2. For alpha above 0 all entries of f are at least 0, so &lt;f, f'&gt; is, and
/// Delta^2 = 2 F (g^2 + V^2) + 2 F max(0, V^2 - g^2); g is V but for rounding, so Delta = 2 V sqrt(F): one key with values v and -v reaches it, and the denominator is free. In the exact variant
/// of a region with negative keys &lt;f, f'&gt; may be as low as -m and the second term is max(2 F (V^2 - g^2), 2 m (g^2 + V^2)).</para>
/// <para><b>Add-remove.</b> One term comes or goes: Delta = sqrt(F (g^2 + V^2)).</para>
/// <para><b>Copies</b> differ in noise alone and repeat the same difference: both by sqrt(l).</para>
/// <para>With unit weights, all r roots and the constant feature published, F is the r lambda + P2^2 + 1 of mechanisms, section 6.2.</para>
/// </remarks>
public sealed class DistanceTreeSensitivity
{
    private DistanceTreeSensitivity(BigInteger squaredNorm, BigInteger integer) => (SquaredNorm, Integer) = (squaredNorm, integer);

    /// <summary>F: the largest squared norm of a row's contribution to one copy, without its value.</summary>
    public BigInteger SquaredNorm { get; }

    /// <summary>Delta_int in lattice steps, rounded up: what the noise is calibrated to.</summary>
    public BigInteger Integer { get; }

    internal static DistanceTreeSensitivity For(DistanceTreeParameters parameters)
    {
        var schema = parameters.Schema;
        var norm = parameters.Scales.SquaredNorm(parameters.Grids, parameters.LargestSquareSteps);
        BigInteger negativeReach = 0;
        if (parameters.IsExact)
            (norm, negativeReach) = BoundExact(parameters, norm);

        BigInteger gamma = (BigInteger)parameters.GammaSteps * parameters.GammaSteps;
        var largestValue = Math.ScaleB(schema.Values.BoundingRadius, parameters.ValueExponent) + Math.Sqrt(schema.ValueDimension) / 2;
        var value = Ceiling(largestValue * largestValue);
        var squared = norm * (gamma + value);
        if (schema.Adjacency == Adjacency.ReplaceOne)
        {
            var excess = BigInteger.Max(0, value - gamma);
            squared = 2 * squared + 2 * BigInteger.Max(norm * excess, negativeReach * (gamma + value));
        }
        return new DistanceTreeSensitivity(norm, IntegerRoot.CeilingSqrt(parameters.Copies * squared));
    }

    /// <summary>
    /// f is unit (1, P(k)) but for e, |e|^2 at most the sum of squared roundings: of a feature to the grid, by up to unit h_a/2, and to an integer. So
    /// |f| is at most unit sqrt(1 + |P|^2) + |e|, which for a ball is below the sum of the coordinates' largest, and &lt;f, f'&gt; at least unit^2 min p(t) - 2 |e| |f| - |e|^2, p
    /// Taylor's polynomial of scale &lt;k, k'&gt;.
    /// </summary>
    private static (BigInteger Norm, BigInteger NegativeReach) BoundExact(DistanceTreeParameters parameters, BigInteger norm)
    {
        const double RoundUp = 1 + 1e-9;
        var unit = parameters.Scales.Unit;
        var errors = (parameters.Scales.Count - unit) * (parameters.Scales.Count - unit);
        var nonNegative = true;
        for (var a = 1; a < parameters.Features; a++)
        {
            var grid = parameters.Grids[a];
            var error = unit * grid.Spacing / 2 + 0.5;
            errors += error * error;
            nonNegative &= grid.LowStep >= 0;
        }
        var real = unit * Math.Sqrt(1 + parameters.LargestKeySquare) + Math.Sqrt(errors);
        norm = BigInteger.Min(norm, Ceiling(real * real));
        if (nonNegative)
            return (norm, 0);
        var squares = parameters.Schema.Scale * parameters.LargestKeyNormSquare * RoundUp;
        var lowest = LowestTaylor(parameters.Degree, squares);
        var reach = -unit * unit * lowest + (2 * real + Math.Sqrt(errors)) * Math.Sqrt(errors);
        return (norm, reach > 0 ? Ceiling(reach) : 0);
    }

    /// <summary>A lower bound of min p(t) over |t| at most L: positive for even degrees; for odd ones p rises throughout, so it is p(-L).</summary>
    private static double LowestTaylor(int degree, double interval)
    {
        if (degree % 2 == 0)
            return 0;
        double sum = 1, term = 1, magnitudes = 1;
        for (var j = 1; j <= degree; j++)
        {
            term *= -interval / j;
            sum += term;
            magnitudes += Math.Abs(term);
        }
        return sum - 1e-9 * magnitudes;
    }

    private static BigInteger Ceiling(double x) => (BigInteger)Math.Ceiling(x * (1 + 1e-9));
}
