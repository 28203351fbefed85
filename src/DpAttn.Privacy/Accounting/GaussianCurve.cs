using MathNet.Numerics;
using MathNet.Numerics.Integration;

namespace DpAttn.Privacy;

/// <summary>
/// The exact conversions between mu and (epsilon, delta) of Gaussian differential privacy:
/// delta(epsilon; mu) = Phi(-epsilon/mu + mu/2) - e^epsilon Phi(-epsilon/mu - mu/2) (Balle, Wang 2018; Dong, Roth, Su 2019).
/// Every result is rounded against the spender: a reported epsilon or delta is never below the true one, an allowed mu never above it.
/// </summary>
/// <remarks>
/// The direct difference cancels. With a = epsilon/mu - mu/2 the same number is
/// delta = integral over t from 0 of phi(t + a) (1 - e^(-mu t)) dt, a sum of positive terms only; composite Gauss-Legendre
/// quadrature gives it to about 1e-13 relatively from 1 down to 1e-300, and <see cref="Margin"/> is added outwards.
/// </remarks>
public static class GaussianCurve
{
    /// <summary>The outward margin, relative: ten times the largest error seen against 60-digit arithmetic.</summary>
    internal const double Margin = 2e-12;

    private const int PanelPoints = 20;
    private const double NegligibleExponent = 45;

    /// <summary>Below a = -40 delta differs from 1 by less than e^-800: 1 is its next larger double.</summary>
    private const double FarBelow = 40;
    private static readonly GaussLegendreRule Rule = new(-1, 1, PanelPoints);

    /// <summary>The smallest delta such that mu-GDP implies (epsilon, delta)-DP, rounded up. Never 0 and never 1: the smallest and the largest double between them stand for those.</summary>
    public static Delta DeltaFor(Epsilon epsilon, Mu mu)
    {
        if (mu.Value == 0)
            return new Delta(double.Epsilon);
        var (logScale, integral) = Integrate(epsilon.Value, mu.Value);
        // The scale in two halves: only the last product can round among the subnormals, by less than the step that is added.
        var half = Math.Exp(logScale / 2);
        var delta = integral * (1 + Margin) * half * half + double.Epsilon;
        return new Delta(Math.Min(delta, Math.BitDecrement(1.0)));
    }

    /// <summary>The smallest epsilon such that mu-GDP implies (epsilon, delta)-DP, rounded up; 0 when delta alone suffices.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No finite double is large enough (mu above about 1e154).</exception>
    public static Epsilon EpsilonFor(Mu mu, Delta delta)
    {
        if (mu.Value == 0 || IsWithin(0, mu.Value, delta.Value))
            return new Epsilon(0);
        double low = 0, high = 1;
        while (!IsWithin(high, mu.Value, delta.Value))
        {
            (low, high) = (high, high * 2);
            if (double.IsInfinity(high))
                throw new ArgumentOutOfRangeException(nameof(mu), mu, "no finite epsilon covers this mu");
        }
        // Bisection keeps delta(high) at or below the target: high is the safe end.
        while (Math.BitIncrement(low) < high && high - low > 1e-16 * high)
        {
            var middle = low + (high - low) / 2;
            if (middle <= low || middle >= high)
                break;
            if (IsWithin(middle, mu.Value, delta.Value))
                high = middle;
            else
                low = middle;
        }
        return new Epsilon(high);
    }

    /// <summary>The largest mu such that mu-GDP implies (epsilon, delta)-DP, rounded down.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No positive double is small enough.</exception>
    public static Mu MuFor(Epsilon epsilon, Delta delta)
    {
        double low = 1, high = 1;
        while (!IsWithin(epsilon.Value, low, delta.Value))
        {
            low /= 2;
            if (low < 1e-150)
                throw new ArgumentOutOfRangeException(nameof(epsilon), "no mu above 1e-150 meets this epsilon and delta");
        }
        while (IsWithin(epsilon.Value, high, delta.Value))
            (low, high) = (high, high * 2);
        while (high - low > 1e-16 * low)
        {
            var middle = low + (high - low) / 2;
            if (middle <= low || middle >= high)
                break;
            if (IsWithin(epsilon.Value, middle, delta.Value))
                low = middle;
            else
                high = middle;
        }
        return new Mu(low);
    }

    /// <summary>The smallest deviation of Gaussian noise that makes a sensitivity (epsilon, delta)-DP, rounded up.</summary>
    public static Sigma SigmaFor(Sensitivity sensitivity, Epsilon epsilon, Delta delta) =>
        new(Math.BitIncrement(sensitivity.Value / MuFor(epsilon, delta).Value));

    /// <summary>The mu of Gaussian noise of a deviation on a sensitivity, rounded up.</summary>
    public static Mu MuOf(Sensitivity sensitivity, Sigma sigma) => new(Math.BitIncrement(sensitivity.Value / sigma.Value));

    /// <summary>The mu of several mechanisms together: the root of the sum of squares, rounded up.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The result is beyond the largest double.</exception>
    public static Mu Compose(IEnumerable<Mu> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        var all = parts.ToArray();
        var largest = all.Length == 0 ? 0 : all.Max(part => part.Value);
        if (largest == 0)
            return new Mu(0);
        // Relative to a power of two near the largest part, so that no square overflows and none that matters underflows.
        var exponent = Math.ILogB(largest);
        var sum = 0.0;
        foreach (var part in all)
        {
            var scaled = Math.ScaleB(part.Value, -exponent);
            sum += scaled * scaled;
        }
        return new Mu(Math.BitIncrement(Math.ScaleB(Math.Sqrt(sum) * (1 + (all.Length + 4) * Math.ScaleB(1, -53)), exponent)));
    }

    /// <summary>
    /// The power of the best test that tells two neighbours apart at a false positive rate: Phi(Phi^-1(rate) + mu), the trade-off function
    /// of mu-GDP.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A rate that does not lie strictly between 0 and 1.</exception>
    public static double TruePositiveRate(Mu mu, double falsePositiveRate)
    {
        if (!(falsePositiveRate > 0 && falsePositiveRate < 1))
            throw new ArgumentOutOfRangeException(nameof(falsePositiveRate), falsePositiveRate, "a false positive rate lies strictly between 0 and 1");
        // Phi^-1(p) = -sqrt(2) erfc^-1(2p), and Phi(x) = erfc(-x / sqrt(2)) / 2: no cancellation at extreme rates.
        var quantile = -Constants.Sqrt2 * SpecialFunctions.ErfcInv(2 * falsePositiveRate);
        return SpecialFunctions.Erfc(-(quantile + mu.Value) / Constants.Sqrt2) / 2;
    }

    private static bool IsWithin(double epsilon, double mu, double delta)
    {
        var (logScale, integral) = Integrate(epsilon, mu);
        // In logarithms: neither side underflows.
        return logScale + Math.Log(integral) + Margin <= Math.Log(delta);
    }

    /// <summary>delta as e^logScale times an integral of moderate size; above the true one by the rounding of a, and below it by less than the margin.</summary>
    private static (double LogScale, double Integral) Integrate(double epsilon, double mu)
    {
        // delta falls with a. Dividing and subtracting err by up to 3 x 2^-53 (ratio + mu/2), which may be many times a itself: a is lowered by 4.
        var ratio = Math.Min(epsilon / mu, double.MaxValue / 4);
        var a = ratio - mu / 2 - (ratio + mu / 2) * Math.ScaleB(1, -51);
        if (a < -FarBelow)
            return (0, 1);
        // For a > 0 phi(a) is taken out: the integrand falls from t = 0 on. For a <= 0 it peaks at t = -a.
        var shift = Math.Max(a, 0);
        var logScale = -shift * shift / 2 - Constants.LogSqrt2Pi;
        var start = a > 0 ? 0 : Math.Max(0, -a - Math.Sqrt(2 * NegligibleExponent));
        var end = a > 0 ? EndOfDecay(a) : -a + Math.Sqrt(2 * NegligibleExponent);
        // Panels: short enough for the bell (at most 1), for the decay e^(-a t), and near 0 for the rise of 1 - e^(-mu t).
        var widest = Math.Min(1, (end - start) / 8);
        var sum = 0.0;
        for (var left = start; left < end;)
        {
            var width = Math.Min(widest, Math.Max(left, Math.Min(widest, 1 / mu)));
            var right = Math.Min(left + width, end);
            sum += Panel(a, mu, shift, left, right);
            left = right;
        }
        return (logScale, sum);
    }

    /// <summary>Where t^2/2 + a t reaches the negligible exponent.</summary>
    private static double EndOfDecay(double a) => 2 * NegligibleExponent / (a + Math.Sqrt(a * a + 2 * NegligibleExponent));

    private static double Panel(double a, double mu, double shift, double left, double right)
    {
        double half = (right - left) / 2, middle = left + half, sum = 0;
        for (var i = 0; i < PanelPoints; i++)
        {
            var t = middle + half * Rule.GetAbscissa(i);
            var x = t + a;
            var exponent = shift > 0 ? -t * (t / 2 + a) : -x * x / 2;
            sum += Rule.GetWeight(i) * Math.Exp(exponent) * OneMinusExp(mu * t);
        }
        return sum * half;
    }

    /// <summary>1 - e^-x without cancellation: (1 - u) x / -ln u for u = e^-x, where the rounding of u cancels (Kahan). MathNet's Expm1 loses half of the digits.</summary>
    private static double OneMinusExp(double x)
    {
        var u = Math.Exp(-x);
        return u == 1 ? x : u < 0.5 ? 1 - u : (1 - u) * x / -Math.Log(u);
    }
}
