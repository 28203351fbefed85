namespace DpAttn.Attention;

/// <summary>The 95 % noise interval of one output coordinate: where the noise-free polynomial answer lies in 95 % of releases.</summary>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end.</param>
/// <param name="IsWholeRange">The interval says nothing: it is all that the value bound allows.</param>
public readonly record struct NoiseInterval(double Low, double High, bool IsWholeRange)
{
    /// <summary>The two-sided 95 % point of the normal distribution.</summary>
    public const double NormalPoint = 1.959963984540054;

    /// <summary>Whether a number lies inside.</summary>
    public bool Contains(double value) => value >= Low && value <= High;

    /// <summary>
    /// The Fieller set { theta : |N - theta D| at most kappa sqrt(1 + theta^2/gamma^2) } within [-bound, bound]; of a set in two pieces, its hull.
    /// </summary>
    internal static NoiseInterval Fieller(double numerator, double denominator, double kappa, double gamma, double bound)
    {
        // theta^2 (D^2 - k^2/gamma^2) - 2 N D theta + N^2 - k^2 <= 0
        var a = denominator * denominator - kappa * kappa / (gamma * gamma);
        var b = numerator * denominator;
        var c = numerator * numerator - kappa * kappa;
        var discriminant = b * b - a * c;
        if (a > 0)
        {
            // A negative discriminant is rounding: the minimum of the quadratic, at N/D, is never above 0.
            var root = Math.Sqrt(Math.Max(discriminant, 0));
            return Within((b - root) / a, (b + root) / a, bound);
        }
        if (a == 0 || discriminant <= 0)
            return Whole(bound);
        // Outside the two roots.
        var r = Math.Sqrt(discriminant);
        double left = (b + r) / a, right = (b - r) / a;
        var hasLeft = left >= -bound;
        var hasRight = right <= bound;
        return hasLeft == hasRight ? Whole(bound) : hasLeft ? Within(-bound, left, bound) : Within(right, bound, bound);
    }

    internal static NoiseInterval Whole(double bound) => new(-bound, bound, true);

    private static NoiseInterval Within(double low, double high, double bound)
    {
        var clampedLow = Math.Clamp(low, -bound, bound);
        var clampedHigh = Math.Clamp(high, -bound, bound);
        return new(clampedLow, clampedHigh, clampedLow == -bound && clampedHigh == bound);
    }
}
