using System.Numerics;

namespace DpAttn.Privacy;

/// <summary>
/// Exact draws from the discrete Gaussian N_Z(0, sigma^2), P(x) proportional to exp(-x^2 / (2 sigma^2)), by the rejection
/// method of Canonne, Kamath, Steinke (2020), Algorithms 1 to 3. Only integers are compared; no floating point takes part.
/// </summary>
/// <remarks>
/// <para>A coin of probability n/D is tossed by comparing a uniform real, revealed 64 bits at a time, with n/D: after one
/// word it is undecided with probability below 2^-64, and then the next word is compared with the remainder.</para>
/// <para>Widths. With sigma^2 = N/M and t = floor(sigma) + 1, the acceptance exponent is (|y| t M - N)^2 / (2 N M t^2).
/// For M = 1 and sigma^2 at most 2^114: t is at most 2^57 + 1, |y| below 64 t, the numerator below 2^241, the denominator
/// at most 2^230, and multiplied with a trial count below 2^16 still below 2^256. Proposals of 63 t or more are
/// redrawn: they would be accepted with probability below e^-1900, and without them every value stays below 64 t and,
/// at sigma = 2^57, within 64 bits with its sign.</para>
/// </remarks>
internal readonly struct DiscreteGaussianSampler
{
    private const int MostLaplaceSteps = 63;
    private const ulong MostTrials = 1 << 16;
    private static readonly ulong[] ReciprocalThresholds = BuildReciprocals();

    private readonly UInt128 _numerator;
    private readonly UInt128 _scaledStep;
    private readonly ulong _t;
    private readonly UInt256 _denominator;

    public DiscreteGaussianSampler(NoiseVariance variance) : this(variance.Value, 1)
    {
    }

    /// <summary>A sampler for the rational variance numerator/denominator.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The variance is 0 or its arithmetic would not fit 256 bits.</exception>
    public DiscreteGaussianSampler(UInt128 numerator, UInt128 denominator)
    {
        ArgumentOutOfRangeException.ThrowIfZero(numerator);
        ArgumentOutOfRangeException.ThrowIfZero(denominator);
        BigInteger n = numerator, m = denominator;
        var t = FloorSqrt(n / m) + 1;
        var step = t * m;
        var accept = 2 * n * m * t * t;
        var largestGap = MostLaplaceSteps * t * step;
        if (t > long.MaxValue / MostLaplaceSteps || largestGap > UInt128.MaxValue || accept * MostTrials >= BigInteger.One << 256)
            throw new ArgumentOutOfRangeException(nameof(numerator), "the variance is too large, or its fraction too fine, for 256-bit arithmetic");
        _numerator = numerator;
        _t = (ulong)t;
        _scaledStep = (UInt128)step;
        _denominator = ToUInt256(accept);
    }

    /// <summary>One draw.</summary>
    /// <exception cref="InvalidOperationException">On a default-constructed sampler, which has no variance.</exception>
    public long Draw(WordStream stream)
    {
        if (_t == 0)
            throw new InvalidOperationException("this sampler has no variance");
        while (true)
        {
            if (!TryDrawLaplaceMagnitude(stream, out var magnitude))
                continue;
            var negative = (stream.NextWord() & 1) != 0;
            if (negative && magnitude == 0)
                continue;
            if (Accept(stream, magnitude))
                return negative ? -(long)magnitude : (long)magnitude;
        }
    }

    /// <summary>Algorithm 2: |Y| of a discrete Laplace of scale t, before the sign.</summary>
    private bool TryDrawLaplaceMagnitude(WordStream stream, out ulong magnitude)
    {
        magnitude = 0;
        var u = Uniform(stream, _t);
        if (!BernoulliExpRatio(stream, u, _t))
            return false;
        ulong steps = 0;
        while (BernoulliExpMinusOne(stream))
        {
            if (++steps == MostLaplaceSteps)
                return false;
        }
        magnitude = u + _t * steps;
        return true;
    }

    /// <summary>Algorithm 3: accept |y| with probability exp(-(|y| - sigma^2/t)^2 / (2 sigma^2)).</summary>
    private bool Accept(WordStream stream, ulong magnitude)
    {
        var scaled = magnitude * _scaledStep;
        var gap = scaled > _numerator ? scaled - _numerator : _numerator - scaled;
        var gamma = UInt256.Multiply(gap, gap);
        while (gamma >= _denominator)
        {
            if (!BernoulliExpMinusOne(stream))
                return false;
            gamma -= _denominator;
        }
        // Algorithm 1 for an exponent in [0, 1): heads of probability gamma/k, k = 1, 2, ..., until the first tails.
        for (ulong k = 1; ; k++)
        {
            if (k >= MostTrials)
                throw new InvalidOperationException("a run of 65,536 heads has probability below 1/65536!; the stream is broken");
            if (!Bernoulli(stream, gamma, _denominator.Multiply(k, out _)))
                return (k & 1) == 1;
        }
    }

    /// <summary>True with probability exp(-n/d), n below d, d below 2^63.</summary>
    internal static bool BernoulliExpRatio(WordStream stream, ulong n, ulong d)
    {
        UInt128 denominator = 0;
        for (ulong k = 1; ; k++)
        {
            denominator += d;
            if (!Bernoulli(stream, n, denominator))
                return (k & 1) == 1;
        }
    }

    /// <summary>True with probability exp(-1).</summary>
    internal static bool BernoulliExpMinusOne(WordStream stream)
    {
        // k = 1 is heads for certain and draws nothing.
        for (ulong k = 2; ; k++)
        {
            if (!BernoulliReciprocal(stream, k))
                return (k & 1) == 1;
        }
    }

    internal static bool BernoulliReciprocal(WordStream stream, ulong k)
    {
        if (k >= (ulong)ReciprocalThresholds.Length)
            return Bernoulli(stream, 1, k);
        // floor(2^64 / k) decides unless the word equals it; then the remainder decides exactly.
        var threshold = ReciprocalThresholds[k];
        var word = stream.NextWord();
        if (word != threshold)
            return word < threshold;
        var remainder = (ulong)((UInt128.One << 64) - (UInt128)threshold * k);
        return remainder != 0 && Bernoulli(stream, remainder, k);
    }

    /// <summary>True with probability n/d, for d below 2^127.</summary>
    internal static bool Bernoulli(WordStream stream, UInt128 n, UInt128 d)
    {
        if (d >> 64 == 0)
        {
            while (true)
            {
                UInt128 left = Math.BigMul(stream.NextWord(), (ulong)d), right = n << 64;
                if (left >= right)
                    return false;
                n = right - left;
                if (n >= d)
                    return true;
            }
        }
        return Bernoulli(stream, UInt256.From(n), UInt256.From(d));
    }

    /// <summary>True with probability n/d, exactly. The uniform word w decides heads when (w + 1) d is at most n 2^64, tails when w d is not below it.</summary>
    internal static bool Bernoulli(WordStream stream, UInt256 n, UInt256 d)
    {
        while (true)
        {
            var left = d.Multiply(stream.NextWord(), out var leftHigh);
            var right = new UInt256(0, n.L0, n.L1, n.L2);
            var rightHigh = n.L3;
            if (leftHigh > rightHigh || (leftHigh == rightHigh && left >= right))
                return false;
            var high = rightHigh - leftHigh - (right < left ? 1UL : 0UL);
            // The fifth limb is kept apart: the difference of the lower four wraps.
            var difference = right - left;
            if (high != 0 || difference >= d)
                return true;
            n = difference;
        }
    }

    /// <summary>Uniform on 0 .. bound - 1 without bias (Lemire 2019).</summary>
    internal static ulong Uniform(WordStream stream, ulong bound)
    {
        var product = Math.BigMul(stream.NextWord(), bound);
        if ((ulong)product < bound)
        {
            var threshold = (0 - bound) % bound;
            while ((ulong)product < threshold)
                product = Math.BigMul(stream.NextWord(), bound);
        }
        return (ulong)(product >> 64);
    }

    private static BigInteger FloorSqrt(BigInteger value)
    {
        if (value < 2)
            return value;
        var root = (BigInteger)Math.Sqrt((double)value);
        // Newton from a double's estimate, then exact neighbours.
        for (var i = 0; i < 3; i++)
            root = (root + value / root) >> 1;
        while (root * root > value)
            root--;
        while ((root + 1) * (root + 1) <= value)
            root++;
        return root;
    }

    private static UInt256 ToUInt256(BigInteger value)
    {
        BigInteger mask = ulong.MaxValue;
        return new((ulong)(value & mask), (ulong)((value >> 64) & mask), (ulong)((value >> 128) & mask), (ulong)(value >> 192));
    }

    private static ulong[] BuildReciprocals()
    {
        var thresholds = new ulong[32];
        for (ulong k = 2; k < 32; k++)
            thresholds[k] = (ulong)((UInt128.One << 64) / k);
        return thresholds;
    }
}
