using System.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// The second implementation: Algorithms 1 to 3 of Canonne, Kamath, Steinke (2020) as the paper writes them, on fractions of big integers,
/// with coins from fair bits. It shares no code with the product, neither arithmetic nor source of bits, and takes its time.
/// </summary>
internal sealed class PaperSampler(HashBits bits, BigInteger numerator, BigInteger denominator)
{
    /// <summary>Algorithm 3, N_Z(0, sigma^2) with sigma^2 = numerator/denominator.</summary>
    public BigInteger Draw()
    {
        var t = FloorSqrt(numerator / denominator) + 1;
        while (true)
        {
            var y = Laplace(t);
            // (|y| - sigma^2/t)^2 / (2 sigma^2), over the common denominator.
            var gap = BigInteger.Abs(y) * t * denominator - numerator;
            if (BernoulliExpMinus(gap * gap, 2 * numerator * denominator * t * t))
                return y;
        }
    }

    /// <summary>Algorithm 2 with s = 1: Lap_Z(t).</summary>
    private BigInteger Laplace(BigInteger t)
    {
        while (true)
        {
            var u = bits.Below(t);
            if (!BernoulliExpMinus(u, t))
                continue;
            BigInteger v = 0;
            while (BernoulliExpMinus(1, 1))
                v++;
            var x = u + t * v;
            var negative = bits.Below(2).IsOne;
            if (negative && x.IsZero)
                continue;
            return negative ? -x : x;
        }
    }

    /// <summary>Algorithm 1: true with probability e^-(n/d).</summary>
    private bool BernoulliExpMinus(BigInteger n, BigInteger d)
    {
        for (; n > d; n -= d)
        {
            if (!BernoulliExpMinus(1, 1))
                return false;
        }
        BigInteger k = 1;
        while (Bernoulli(n, d * k))
            k++;
        return !k.IsEven;
    }

    private bool Bernoulli(BigInteger n, BigInteger d) => bits.Below(d) < n;

    private static BigInteger FloorSqrt(BigInteger value)
    {
        // Bisection: slow and plain.
        BigInteger low = 0, high = value + 1;
        while (high - low > 1)
        {
            var middle = (low + high) >> 1;
            (low, high) = middle * middle <= value ? (middle, high) : (low, middle);
        }
        return low;
    }
}
