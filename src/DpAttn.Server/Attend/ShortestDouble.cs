using System.Numerics;

namespace DpAttn.Server.Attend;

/// <summary>
/// Writes a double as the shortest decimal that reads back as the same double, the closest one where there are several, in ECMAScript's
/// notation (RFC 8785, section 3.2.2.3; -0 keeps its sign). Answers are mostly numbers, and the framework takes several times as long for each.
/// </summary>
/// <remarks>
/// Raffaello Giulietti, "The Schubfach way to render doubles" (2021). With v = c 2^q, k = floor(log10 2^q) and the interval of reals that round to v
/// scaled by 4 10^-k, at most one multiple of 40 (one digit less) and at most two multiples of 4 lie inside; products with 10^-k in 126 bits, rounded to odd, decide
/// every comparison exactly.
/// </remarks>
internal static class ShortestDouble
{
    /// <summary>The most bytes that a number takes: sign, 17 digits, point and e-324; or -0.000000 and 17 digits.</summary>
    public const int LongestBytes = 26;

    private const int SmallestPower = -292;
    private const int LargestPower = 324;
    private const int SmallestExponent = -1074;
    private static readonly UInt128[] Powers = [.. Enumerable.Range(SmallestPower, LargestPower - SmallestPower + 1).Select(Power)];

    /// <summary>Writes a finite number.</summary>
    /// <param name="number">The number.</param>
    /// <param name="output">At least <see cref="LongestBytes"/>.</param>
    /// <returns>How many bytes were written.</returns>
    public static int Write(double number, Span<byte> output)
    {
        var bits = BitConverter.DoubleToUInt64Bits(number);
        var at = 0;
        if (bits >> 63 != 0)
            output[at++] = (byte)'-';
        bits &= long.MaxValue;
        if (bits == 0)
        {
            output[at++] = (byte)'0';
            return at;
        }
        var (digits, power) = Shortest(bits);
        return at + Layout(digits, power, output[at..]);
    }

    /// <summary>The digits and the power of ten that they count.</summary>
    internal static (ulong Digits, int Power) Shortest(ulong bits)
    {
        var fraction = bits & ((1UL << 52) - 1);
        var biased = (int)(bits >> 52);
        var c = biased == 0 ? fraction : fraction | (1UL << 52);
        var q = SmallestExponent + Math.Max(biased - 1, 0);

        // Below a power of two the doubles lie half as far apart as above it.
        var isIrregular = fraction == 0 && biased > 1;
        var k = FloorLog10(q, isIrregular);
        var shift = q + FloorLog2OfPower(-k) + 1;
        var power = Powers[-k - SmallestPower];
        var low = RoundToOdd(power, (4 * c - (isIrregular ? 1UL : 2UL)) << shift);
        var middle = RoundToOdd(power, (4 * c) << shift);
        var high = RoundToOdd(power, (4 * c + 2) << shift);
        // The ends of the interval round to v only where c is even.
        if ((c & 1) != 0)
        {
            low++;
            high--;
        }

        var s = middle / 4;
        if (s >= 10)
        {
            var tens = s / 10;
            var isBelowInside = low <= 40 * tens;
            var isAboveInside = 40 * tens + 40 <= high;
            if (isBelowInside != isAboveInside)
                return WithoutZeros(isAboveInside ? tens + 1 : tens, k + 1);
        }
        var isDownInside = low <= 4 * s;
        var isUpInside = 4 * s + 4 <= high;
        if (isDownInside != isUpInside)
            return WithoutZeros(isUpInside ? s + 1 : s, k);
        var half = 4 * s + 2;
        return WithoutZeros(middle > half || (middle == half && (s & 1) != 0) ? s + 1 : s, k);
    }

    private static (ulong Digits, int Power) WithoutZeros(ulong digits, int power)
    {
        while (true)
        {
            var (tenth, rest) = Math.DivRem(digits, 10);
            if (rest != 0)
                return (digits, power);
            (digits, power) = (tenth, power + 1);
        }
    }

    /// <summary>floor(power x 2^-126), whose last bit says as well whether anything was cut off.</summary>
    private static ulong RoundToOdd(UInt128 power, ulong factor)
    {
        var lower = Math.BigMul((ulong)power, factor, out _);
        var upper = Math.BigMul((ulong)(power >> 64), factor, out var middle);
        middle += lower;
        if (middle < lower)
            upper++;
        return middle > 1 ? upper | 1 : upper;
    }

    // Exact for all exponents of a double: the constants are log10 2 and log10 4/3 in 2^-22, and log2 10 in 2^-19.
    private static int FloorLog10(int q, bool isIrregular) => (q * 1262611 - (isIrregular ? 524031 : 0)) >> 22;

    private static int FloorLog2OfPower(int power) => (power * 1741647) >> 19;

    /// <summary>10^power scaled to 128 bits, rounded up.</summary>
    private static UInt128 Power(int power)
    {
        var shift = 127 - FloorLog2OfPower(power);
        var scaled = power >= 0
            ? shift >= 0 ? BigInteger.Pow(10, power) << shift : BigInteger.Pow(10, power) >> -shift
            : (BigInteger.One << shift) / BigInteger.Pow(10, -power);
        return (UInt128)(scaled + 1);
    }

    private static int Layout(ulong digits, int power, Span<byte> output)
    {
        Span<byte> text = stackalloc byte[20];
        digits.TryFormat(text, out var count, default, null);
        text = text[..count];
        // The point stands behind this many digits.
        var point = count + power;
        if (point is > 0 and <= 21)
        {
            if (power >= 0)
            {
                text.CopyTo(output);
                output.Slice(count, power).Fill((byte)'0');
                return point;
            }
            text[..point].CopyTo(output);
            output[point] = (byte)'.';
            text[point..].CopyTo(output[(point + 1)..]);
            return count + 1;
        }
        if (point is > -6 and <= 0)
        {
            "0.00000"u8[..(2 - point)].CopyTo(output);
            text.CopyTo(output[(2 - point)..]);
            return 2 - point + count;
        }
        var at = 0;
        output[at++] = text[0];
        if (count > 1)
        {
            output[at++] = (byte)'.';
            text[1..].CopyTo(output[at..]);
            at += count - 1;
        }
        output[at++] = (byte)'e';
        output[at++] = point > 0 ? (byte)'+' : (byte)'-';
        Math.Abs(point - 1).TryFormat(output[at..], out var written, default, null);
        return at + written;
    }
}
