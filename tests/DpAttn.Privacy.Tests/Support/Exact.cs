using System.Globalization;
using System.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>A rational number: what a double, or a decimal text, stands for exactly. Comparisons against references round nothing.</summary>
internal readonly record struct Exact(BigInteger Numerator, BigInteger Denominator) : IComparable<Exact>
{
    /// <summary>To within a few units of the last place.</summary>
    public double ToDouble()
    {
        if (Numerator.IsZero)
            return 0;
        var shift = (int)(Denominator.GetBitLength() - Numerator.GetBitLength()) + 64;
        var quotient = shift >= 0 ? (Numerator << shift) / Denominator : Numerator / (Denominator << -shift);
        return Math.ScaleB((double)quotient, -shift);
    }

    public static Exact Of(double value)
    {
        if (!double.IsFinite(value))
            throw new ArgumentOutOfRangeException(nameof(value));
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)((bits >> 52) & 0x7FF);
        var mantissa = bits & 0xFFFFFFFFFFFFF;
        mantissa = exponent == 0 ? mantissa : mantissa | 1L << 52;
        exponent = Math.Max(exponent, 1) - 1075;
        BigInteger signed = bits < 0 ? -mantissa : mantissa;
        return exponent >= 0 ? new(signed << exponent, 1) : new(signed, BigInteger.One << -exponent);
    }

    /// <summary>A decimal text such as 1.25e-300.</summary>
    public static Exact Parse(string text)
    {
        var (digits, exponent) = text.Split('e', 'E') is [var left, var right] ? (left, int.Parse(right, CultureInfo.InvariantCulture)) : (text, 0);
        if (digits.Split('.') is [var whole, var fraction])
            (digits, exponent) = (whole + fraction, exponent - fraction.Length);
        var numerator = BigInteger.Parse(digits, CultureInfo.InvariantCulture);
        return exponent >= 0 ? new(numerator * BigInteger.Pow(10, exponent), 1) : new(numerator, BigInteger.Pow(10, -exponent));
    }

    /// <summary>(this - reference) / reference, to double precision.</summary>
    public double RelativeTo(Exact reference)
    {
        var numerator = Numerator * reference.Denominator - reference.Numerator * Denominator;
        var denominator = reference.Numerator * Denominator;
        return new Exact(numerator * denominator.Sign, BigInteger.Abs(denominator)).ToDouble();
    }

    public int CompareTo(Exact other) => (Numerator * other.Denominator).CompareTo(other.Numerator * Denominator);

    public static bool operator <(Exact a, Exact b) => a.CompareTo(b) < 0;

    public static bool operator >(Exact a, Exact b) => a.CompareTo(b) > 0;

    public static bool operator <=(Exact a, Exact b) => a.CompareTo(b) <= 0;

    public static bool operator >=(Exact a, Exact b) => a.CompareTo(b) >= 0;

    public static Exact operator *(Exact a, Exact b) => new(a.Numerator * b.Numerator, a.Denominator * b.Denominator);

    public static Exact operator +(Exact a, Exact b) => new(a.Numerator * b.Denominator + b.Numerator * a.Denominator, a.Denominator * b.Denominator);
}
