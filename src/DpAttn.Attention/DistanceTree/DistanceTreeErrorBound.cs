namespace DpAttn.Attention;

/// <summary>
/// How far a noise-free answer may be from exact attention, term by term. Per row the kernel exp(t), t = scale &lt;q, k&gt;, is replaced by g with
/// <c>1 - Below - Alpha - Grid &lt;= g e^-t &lt;= 1 + Above + Alpha + Grid</c>.
/// </summary>
/// <remarks>
/// <para><b>eps_s (Taylor).</b> p(t) e^-t = 1 - integral from 0 to t of u^s/s! e^-u du, so for t in [0, L] Below = 1 - e^-L sum_{j at most s} L^j/j! and Above = 0; both are the exact range
/// over the t that the query allows.</para>
/// <para><b>Alpha.</b> Half the sum over features of the largest (b^2 - a^2)/2 of the query's intervals, relative to the smallest kernel, exp(min t). With b at most (1 + alpha) a
/// it is at most ((1 + alpha)^2 - 1)/4 |P(q) - P(k)|^2; 0 in the exact variant.</para>
/// <para><b>Grid.</b> &lt;P(q), P(k)&gt; moves by at most sum_a |delta_a| |P(k)_a| + |P(q)_a| h_a/2, delta the rounding of the query's own features; at most (P2 - 1)/(m - 1) for a
/// domain [0, R]^d; and the rounding of |P(k)|^2 to its lattice. Relative to the smallest kernel.</para>
/// <para><b>Answer.</b> Weights within [lo, hi] of the true ones, e = (hi - lo)/(hi + lo), move an answer by at most 2 B_v (1 - sqrt(1 - e^2))/e; the rounding of values adds
/// sqrt(dv) 2^-bu / 2. At lo of 0 or less nothing but 2 B_v is left.</para>
/// </remarks>
/// <param name="Below">How far Taylor's polynomial may fall below the exponential, relatively.</param>
/// <param name="Above">How far it may exceed it: 0 unless scale &lt;q, k&gt; may be negative.</param>
/// <param name="Alpha">The intervals' part.</param>
/// <param name="Grid">The rounding's part.</param>
/// <param name="Answer">The bound of an answer's error, in l2 norm.</param>
public sealed record DistanceTreeErrorBound(double Below, double Above, double Alpha, double Grid, double Answer)
{
    internal static DistanceTreeErrorBound From(DistanceTreeParameters parameters, double lowestExponent, double largestExponent, double alpha, double grid)
    {
        const double RoundUp = 1 + 1e-9;
        var (low, high) = TaylorRange(parameters.Degree, lowestExponent, largestExponent);
        double below = Math.Max(0, 1 - low) + 1e-12, above = Math.Max(0, high - 1) + 1e-12;
        var smallest = DeterministicMath.Exp(lowestExponent);
        alpha *= RoundUp / smallest;
        // The rounding of |P|^2 to its lattice stands halved in the kernel.
        if (!parameters.IsExact)
            grid += 0.25 / parameters.Scales.SquareSteps;
        grid *= RoundUp / smallest;
        double lo = 1 - below - alpha - grid, hi = 1 + above + alpha + grid;
        var radius = parameters.Schema.Values.BoundingRadius;
        var answer = 2 * radius;
        if (lo > 0)
            answer = Math.Min(answer, KernelPolynomial.AnswerErrorFor((hi - lo) / (hi + lo)) * radius + parameters.ValueRounding);
        return new DistanceTreeErrorBound(below, above, alpha, grid, answer);
    }

    /// <summary>The range of p(t) e^-t: its derivative is -t^s/s! e^-t.</summary>
    internal static (double Low, double High) TaylorRange(int degree, double lowest, double largest)
    {
        double left = Ratio(degree, lowest), right = Ratio(degree, largest);
        var high = Math.Max(left, right);
        return (Math.Min(left, right), degree % 2 != 0 && lowest <= 0 && largest >= 0 ? Math.Max(1, high) : high);
    }

    private static double Ratio(int degree, double t)
    {
        double sum = 1, term = 1;
        for (var j = 1; j <= degree; j++)
        {
            term *= t / j;
            sum += term;
        }
        return sum * DeterministicMath.Exp(-t);
    }
}
