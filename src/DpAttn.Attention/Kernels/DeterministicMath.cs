namespace DpAttn.Attention;

/// <summary>
/// The exponential from IEEE additions and multiplications in a fixed order, so that it gives the same bits on every
/// machine. The platform's Math.Exp does not, and a row whose integers differ by machine breaks the guarantee: the same
/// noise would meet two slightly different sums.
/// </summary>
internal static class DeterministicMath
{
    /// <summary>Relative error of <see cref="Exp"/>, proven below 2 * 2^-52 and tested against high-precision values.</summary>
    public const double ExpRelativeError = 4 * Ulp;

    /// <summary>The largest |x| that <see cref="Exp"/> takes.</summary>
    public const double LargestExponent = 700;

    /// <summary>2^-52.</summary>
    public const double Ulp = 1.0 / (1L << 52);

    // ln 2 in two parts: the high one has 11 trailing zero bits, so k * Ln2High is exact for |k| < 2^11.
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;
    private const double Log2E = 1.44269504088896338700;

    // 1/14! .. 1/2!, each correctly rounded; beyond degree 14 the remainder at ln(2)/2 is below 2^-62.
    private static ReadOnlySpan<double> InverseFactorials =>
    [
        1.0 / 87178291200, 1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
        1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2,
    ];

    /// <summary>e^x.</summary>
    /// <exception cref="ArgumentOutOfRangeException">|x| above 700, or NaN.</exception>
    public static double Exp(double x)
    {
        if (!(Math.Abs(x) <= LargestExponent))
            throw new ArgumentOutOfRangeException(nameof(x), $"the exponent must lie within +-{LargestExponent}");
        var k = Math.Round(x * Log2E);
        var high = x - k * Ln2High;
        var low = k * Ln2Low;
        var r = high - low;
        var tail = (high - r) - low;
        var p = 0.0;
        foreach (var c in InverseFactorials)
            p = p * r + c;
        // e^(r + tail) = 1 + (r + (tail + r^2 p)); the largest term is added last.
        var value = 1 + (r + (tail + r * r * p));
        return value * PowerOfTwo((int)k);
    }

    /// <summary>2^exponent for a normal result.</summary>
    public static double PowerOfTwo(int exponent) =>
        exponent is >= -1022 and <= 1023
            ? BitConverter.Int64BitsToDouble((long)(exponent + 1023) << 52)
            : throw new ArgumentOutOfRangeException(nameof(exponent), exponent, "the power of two must be a normal double");
}
