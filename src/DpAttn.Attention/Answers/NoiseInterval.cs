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
        // a theta^2 - 2 b theta + c <= 0. The discriminant b^2 - a c is k^2 (a + N^2/gamma^2), which does not cancel where the noise is
        // small; of the two roots only the one that adds is a quotient by a, which does not cancel where a is small.
        var a = denominator * denominator - kappa * kappa / (gamma * gamma);
        var b = numerator * denominator;
        var c = numerator * numerator - kappa * kappa;
        var squared = a + numerator * numerator / (gamma * gamma);
        if (squared < 0 || (a == 0 && b == 0))
            return Whole(bound);
        var q = b + Math.CopySign(kappa * Math.Sqrt(squared), b);
        var other = q == 0 ? 0 : c / q;
        if (a == 0)
            return b > 0 ? Within(other, bound, bound) : Within(-bound, other, bound);
        double left = Math.Min(q / a, other), right = Math.Max(q / a, other);
        if (a > 0)
            return Within(left, right, bound);
        // The set lies outside the two roots.
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
