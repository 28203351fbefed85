using System.Numerics;

namespace DpAttn.Attention.Tests;

/// <summary>Real numbers as integers over 2^400: what a double computation is compared with.</summary>
internal static class BigReal
{
    public const int Bits = 400;

    public static readonly BigInteger One = BigInteger.One << Bits;

    public static BigInteger Of(double x)
    {
        if (x == 0)
            return 0;
        var exponent = Math.ILogB(x) - 52;
        var mantissa = (BigInteger)Math.ScaleB(x, -exponent);
        return exponent + Bits >= 0 ? mantissa << (exponent + Bits) : mantissa >> -(exponent + Bits);
    }

    public static double ToDouble(BigInteger x)
    {
        // The quotient of big integers as doubles overflows beyond 2^1023; the top bits are enough.
        var shift = Math.Max(0, (int)BigInteger.Abs(x).GetBitLength() - 64);
        return Math.ScaleB((double)(x >> shift), shift - Bits);
    }

    public static BigInteger Multiply(BigInteger x, BigInteger y) => x * y >> Bits;

    public static BigInteger Divide(BigInteger x, BigInteger y) => (x << Bits) / y;

    /// <summary>The root of a number of at least 0, by Newton's iteration from above.</summary>
    public static BigInteger Sqrt(BigInteger x)
    {
        if (x.IsZero)
            return 0;
        var square = x << Bits;
        var root = BigInteger.One << (int)(square.GetBitLength() / 2 + 1);
        while (true)
        {
            var next = root + square / root >> 1;
            if (next >= root)
                return root;
            root = next;
        }
    }

    /// <summary>e^x: the Taylor series of x / 2^20, squared twenty times.</summary>
    public static BigInteger Exp(BigInteger x)
    {
        const int Halvings = 20;
        if (x.Sign < 0)
            return x < -200 * One ? 0 : Divide(One, Exp(-x));
        BigInteger reduced = x >> Halvings, sum = One, term = One;
        for (var k = 1; !term.IsZero; k++)
        {
            term = Multiply(term, reduced) / k;
            sum += term;
        }
        for (var i = 0; i < Halvings; i++)
            sum = Multiply(sum, sum);
        return sum;
    }
}
