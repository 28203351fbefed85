using System.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>Numbers with 320 binary places: a few operations, no floating point.</summary>
internal static class FixedPoint
{
    public const int Bits = 320;
    public static readonly BigInteger One = BigInteger.One << Bits;

    private const int Halvings = 24;

    /// <summary>e^-(n/d), to about 90 digits.</summary>
    public static BigInteger ExpMinus(BigInteger n, BigInteger d)
    {
        // Taylor at x/2^24, then 24 squarings; 40 more places hold the rounding of those.
        const int Places = Bits + 40;
        var x = (n << (Places - Halvings)) / d;
        BigInteger sum = BigInteger.One << Places, term = sum;
        for (var k = 1; !term.IsZero; k++)
        {
            term = -(term * x >> Places) / k;
            sum += term;
        }
        for (var i = 0; i < Halvings; i++)
            sum = sum * sum >> Places;
        return sum >> 40;
    }

    public static double ToDouble(BigInteger value) => new Exact(value, One).ToDouble();
}
