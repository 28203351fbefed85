using System.Numerics;
using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The l2 sensitivity (Frobenius) of the moment matrix S = sum_i x_i, x_i = w(k_i) phi(k_i) (x) u_i, real and on the lattice.
/// </summary>
/// <remarks>
/// <para><b>Real, replace-one.</b> With |w phi|^2 at most w_max^2 A, |u|^2 at most gamma^2 + B_v^2,
/// <c>|x - x'|^2 = |x|^2 + |x'|^2 - 2 w w' &lt;phi, phi'&gt; &lt;u, u'&gt;</c>. For gamma = B_v: &lt;u, u'&gt; lies in [0, 2 B_v^2] and
/// &lt;phi, phi'&gt; = sum_j |c_j| (scale B_q/B_k)^j &lt;k, k'&gt;^j is at least -m, so the last term is at most 2 w_max^2 m 2 B_v^2 and
/// Delta = 2 B_v w_max sqrt(A + m). Attained for m = 0 by one key with values v and -v: the denominator is free.</para>
/// <para><b>Real, add-remove.</b> One term comes or goes: Delta = w_max sqrt(A (gamma^2 + B_v^2)), attained at |v| = B_v.</para>
/// <para><b>Integer.</b> A row's integers are z = 2^bf w phi + e with |e| at most sqrt(r)/2 + fp, and g = 2^bu u + f with |f| at
/// most sqrt(dv + 1)/2. Then z (x) g - 2^(bf+bu) x = e (x) g + 2^bf w phi (x) f, of norm at most
/// (sqrt(r)/2 + fp) umax + 2^bf sqrt(A) w_max sqrt(dv + 1)/2 with umax = 2^bu sqrt(gamma^2 + B_v^2) + sqrt(dv + 1)/2; once for
/// add-remove, twice for replace-one (mechanisms, section 3).</para>
/// <para><b>fp.</b> With u = 2^-53: the row weight's exponent is a sum of d products and a scaling, absolute error at most
/// (d + 3) u ln w_max; Exp adds 4 * 2^-52; a coefficient is a product, a square root and a power of two, at most 2u; a
/// monomial is at most s products and one more by its coefficient. All are relative errors of each component, so of the norm.</para>
/// </remarks>
public sealed class MomentSensitivity
{
    private MomentSensitivity(double real, double perRowSlack, BigInteger integer) =>
        (Real, PerRowRoundingSteps, Integer) = (new Sensitivity(real), perRowSlack, integer);

    /// <summary>Delta of the real moment matrix, in the units of the values.</summary>
    public Sensitivity Real { get; }

    /// <summary>How far one row's integers may lie from its real outer product, in steps.</summary>
    public double PerRowRoundingSteps { get; }

    /// <summary>Delta_int in lattice steps, rounded up: what the noise is calibrated to.</summary>
    public BigInteger Integer { get; }

    internal static MomentSensitivity For(MomentParameters parameters)
    {
        const double RoundUp = 1 + 1e-12;
        var schema = parameters.Schema;
        var kernel = parameters.Kernel;
        double radius = schema.Values.BoundingRadius, gamma = parameters.Gamma;
        var augmented = Math.Sqrt(gamma * gamma + radius * radius) * RoundUp;
        var replace = schema.Adjacency == Adjacency.ReplaceOne;
        var real = replace
            ? 2 * radius * parameters.LargestWeight * Math.Sqrt(kernel.MagnitudeSum + kernel.NegativeReach) * RoundUp
            : parameters.LargestWeight * Math.Sqrt(kernel.MagnitudeSum) * augmented * RoundUp;

        var valueRounding = Math.Sqrt(parameters.Columns) / 2 * RoundUp;
        var largestValue = Math.ScaleB(augmented, parameters.ValueExponent) + valueRounding;
        var perRow = ((Math.Sqrt(parameters.Features) / 2 + FloatingPointSteps(parameters)) * largestValue
            + parameters.FeatureNormSteps * valueRounding) * RoundUp;
        var integer = Math.ScaleB(real, parameters.FeatureExponent + parameters.ValueExponent) + (replace ? 2 : 1) * perRow;
        return new MomentSensitivity(real, perRow, (BigInteger)Math.Ceiling(integer * RoundUp));
    }

    /// <summary>fp: the floating-point error of a row's weighted feature vector before rounding, in steps.</summary>
    internal static double FloatingPointSteps(MomentParameters parameters)
    {
        const double U = DeterministicMath.Ulp / 2;
        var schema = parameters.Schema;
        var relative = (schema.KeyDimension + 3) * U * schema.LargestLogWeight
            + DeterministicMath.ExpRelativeError
            + (2 + parameters.Kernel.Degree + 1) * U;
        // The factor 2 covers the products of these terms; the addend covers underflow to 0.
        return 2 * relative * parameters.FeatureNormSteps + 1e-100;
    }
}
