using System.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// Sampler version 1 once more, reading the same words in the same order but with big integers throughout: no width to overflow, one way to
/// toss a coin, no table. The product must agree with it draw for draw.
/// </summary>
internal sealed class WordForWordSampler
{
    private readonly BigInteger _numerator;
    private readonly BigInteger _denominator;
    private readonly BigInteger _t;

    public WordForWordSampler(BigInteger numerator, BigInteger denominator)
    {
        (_numerator, _denominator, _t) = (numerator, denominator, 1);
        while (_t * _t * denominator <= numerator)
            _t *= 2;
        for (var step = _t / 2; step >= 1; step /= 2)
        {
            if ((_t - step) * (_t - step) * denominator > numerator)
                _t -= step;
        }
    }

    /// <summary>floor(sigma) + 1: the smallest integer whose square is above the variance.</summary>
    public BigInteger T => _t;

    public BigInteger Draw(WordStream words)
    {
        while (true)
        {
            var u = Uniform(words);
            if (!HasOddRun(words, u, _t))
                continue;
            var steps = 0;
            while (steps < 63 && HasOddRun(words, 1, 1, certainTosses: 1))
                steps++;
            if (steps == 63)
                continue;
            var magnitude = u + steps * _t;
            var negative = (words.NextWord() & 1) != 0;
            if (negative && magnitude.IsZero)
                continue;
            if (Accept(words, magnitude))
                return negative ? -magnitude : magnitude;
        }
    }

    private bool Accept(WordStream words, BigInteger magnitude)
    {
        var gap = magnitude * _t * _denominator - _numerator;
        var one = 2 * _numerator * _denominator * _t * _t;
        var exponent = BigInteger.DivRem(gap * gap, one, out var rest);
        for (; exponent > 0; exponent--)
        {
            if (!HasOddRun(words, 1, 1, certainTosses: 1))
                return false;
        }
        return HasOddRun(words, rest, one);
    }

    /// <summary>Coins of probability n/(d k) for k = 1, 2, ...: whether the first tails comes at an odd k, which has probability e^-(n/d).</summary>
    private static bool HasOddRun(WordStream words, BigInteger n, BigInteger d, int certainTosses = 0)
    {
        var k = 1 + certainTosses;
        while (Toss(words, n, d * k))
            k++;
        return k % 2 == 1;
    }

    private static bool Toss(WordStream words, BigInteger n, BigInteger d)
    {
        while (true)
        {
            n = (n << 64) - words.NextWord() * d;
            if (n.Sign <= 0)
                return false;
            if (n >= d)
                return true;
        }
    }

    private BigInteger Uniform(WordStream words)
    {
        var skewed = (BigInteger.One << 64) % _t;
        while (true)
        {
            var product = words.NextWord() * _t;
            if ((product & ulong.MaxValue) >= skewed)
                return product >> 64;
        }
    }
}
