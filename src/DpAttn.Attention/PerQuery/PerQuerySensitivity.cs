using System.Numerics;
using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The l2 sensitivity of the integer sums of a batch of different queries: x = (w_1 g, ..., w_m g) is what one row adds, w_l its integer weight for query l,
/// g = (gamma's integer, round(2^bu v)) its augmented value.
/// </summary>
/// <remarks>
/// <para><b>Weights.</b> W^2 bounds sum_l w_l^2 over all rows. A weight is clamped at 2^b, so m queries have W^2 at most m 2^(2b).</para>
/// <para><b>Add-remove.</b> |x|^2 = |w|^2 |g|^2 is at most W^2 (g0^2 + V^2), V = 2^bu B_v + sqrt(dv)/2 the largest norm of an integer value.</para>
/// <para><b>Replace-one.</b> |x - x'|^2 = |w|^2 |g|^2 + |w'|^2 |g'|^2 - 2 &lt;w, w'&gt; &lt;g, g'&gt;. Weights are not negative, and &lt;g, g'&gt; is at least
/// g0^2 - V^2, which is at least 0 because g0 is rounded up, after the sqrt(dv)/2. So |x - x'|^2 is at most 2 W^2 (g0^2 + V^2), at most 4 W^2 g0^2: for one query
/// 2 2^b g0. Attained, but for rounding, by one key with values v and -v, and in a batch also by two keys of which no query sees both.</para>
/// <para><b>Batches in different directions, keys in a ball.</b> sup_k sum_l kappa'_l(k)^2 is at most
/// max_l [1 + sum_(j != l) exp(-2 scale |q_j| B_k (1 - cos(theta_lj / 2)))], theta_lj the angle between two queries (none of them 0 as l; a query 0 adds 1):
/// the sum is convex in k, so its supremum lies on the sphere, k' = B_k u. There kappa'_j^2 = exp(-2 scale |q_j| B_k (1 - cos a_j)), a_j the angle between q_j and u.
/// Let l be the query nearest to u: theta_lj is at most a_l + a_j, at most 2 a_j, so cos a_j is at most cos(theta_lj / 2), and kappa'_l is at most 1.
/// On integers a weight is at most 2^b kappa' (1 + phi) + 1/2, so W is at most 2^b (1 + phi) sqrt(bound) + sqrt(m)/2, phi the floating-point error
/// of a weight. Everything is rounded outwards (<see cref="PerQueryCertificate"/>); the smaller of this and sqrt(m) 2^b counts.</para>
/// <para><b>phi.</b> With u = 2^-53: a dot product of d terms, the subtraction of the maximum and its own rounding (upwards) are at most
/// (d + 4) u 2 M in the exponent, M = scale |q| B_k; the exponential adds <see cref="PerQueryPanels.ExpRelativeError"/>. Keys in single precision are within
/// the radius that M and the bound are computed with.</para>
/// </remarks>
internal sealed class PerQuerySensitivity(PerQueryParameters parameters)
{
    private const double RoundUp = 1 + 1e-12;

    /// <summary>The sensitivity of the sums of a number of queries, wherever they point.</summary>
    public static BigInteger OfPlain(PerQueryParameters parameters, int queries) => OfWeights(parameters, LargestWeightSquare(parameters, queries));

    /// <summary>The sensitivity of the joint sums of different queries, rounded up.</summary>
    public BigInteger Of(PerQueryExponents queries)
    {
        var plain = LargestWeightSquare(parameters, queries.Count);
        var certified = TryCertify(queries);
        return OfWeights(parameters, certified is null || plain <= certified ? plain : certified.Value);
    }

    /// <summary>A bound of the absolute error of a row's exponent, from its single-precision key on.</summary>
    internal static double ExponentError(PerQueryParameters parameters) =>
        (parameters.Schema.KeyDimension + 4) * (DeterministicMath.Ulp / 2) * 2 * parameters.LargestExponent;

    private static BigInteger LargestWeightSquare(PerQueryParameters parameters, int queries) => queries * (BigInteger.One << (2 * parameters.KernelExponent));

    private static BigInteger OfWeights(PerQueryParameters parameters, BigInteger weightSquare)
    {
        BigInteger gamma = parameters.GammaSteps;
        if (parameters.Schema.Adjacency == Adjacency.ReplaceOne)
            return IntegerRoot.CeilingSqrt(4 * gamma * gamma * weightSquare);
        var values = (BigInteger)Math.Ceiling(parameters.ValueNormSteps * parameters.ValueNormSteps * RoundUp);
        return IntegerRoot.CeilingSqrt((gamma * gamma + values) * weightSquare);
    }

    private BigInteger? TryCertify(PerQueryExponents queries)
    {
        // A box has no such bound here.
        if (parameters.Schema.Keys.IsBox || PerQueryCertificate.Square(queries) is not { } square)
            return null;
        var phi = 2 * (ExponentError(parameters) + PerQueryPanels.ExpRelativeError);
        var norm = Math.ScaleB(Math.Sqrt(square) * (1 + phi), parameters.KernelExponent) + Math.Sqrt(queries.Count) / 2;
        var steps = (BigInteger)Math.Ceiling(norm * RoundUp);
        return steps * steps;
    }
}
