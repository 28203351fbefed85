using System.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// The discrete Gaussian as it is defined, P(x) proportional to exp(-x^2 M / (2N)) for the variance parameter N/M, to about 80 digits. For
/// small deviations: it sums the whole support.
/// </summary>
internal sealed class ExactDiscreteGaussian
{
    private readonly BigInteger[] _weights;
    private readonly BigInteger _total;

    public ExactDiscreteGaussian(BigInteger numerator, BigInteger denominator)
    {
        var weights = new List<BigInteger>();
        for (BigInteger x = 0; ; x++)
        {
            // Weights below 2^-300 add nothing to 80 digits.
            var weight = FixedPoint.ExpMinus(x * x * denominator, 2 * numerator);
            if (weight < FixedPoint.One >> 300)
                break;
            weights.Add(weight);
        }
        _weights = [.. weights];
        _total = Sum(-Support, Support);
    }

    /// <summary>The largest absolute value with a probability that counts.</summary>
    public int Support => _weights.Length - 1;

    public double Pmf(int x) => Ratio(Weight(x), _total);

    /// <summary>P(low at most X at most high).</summary>
    public double Probability(int low, int high) => Ratio(Sum(low, high), _total);

    /// <summary>P(X at most x | |X| at most bound).</summary>
    public double TruncatedCdf(int x, int bound) => Ratio(Sum(-bound, x), Sum(-bound, bound));

    /// <summary>The even moment E X^power, given |X| at most bound where one is stated.</summary>
    public double Moment(int power, int? bound = null)
    {
        var last = bound ?? Support;
        BigInteger moment = 0;
        for (var x = -last; x <= last; x++)
            moment += Weight(x) * BigInteger.Pow(x, power);
        return Ratio(moment, Sum(-last, last));
    }

    /// <summary>The smallest delta of this noise on a shift: the sum over x of max(0, P(x) - e^epsilon P(x - shift)), epsilon = n/d.</summary>
    public double Delta(int shift, BigInteger n, BigInteger d)
    {
        // e^epsilon = 1 / e^-epsilon.
        var inverse = FixedPoint.ExpMinus(n, d);
        BigInteger sum = 0;
        for (var x = -Support; x <= Support + shift; x++)
        {
            var gain = Weight(x) - Weight(x - shift) * FixedPoint.One / inverse;
            if (gain.Sign > 0)
                sum += gain;
        }
        return Ratio(sum, _total);
    }

    private static double Ratio(BigInteger part, BigInteger whole) => new Exact(part, whole).ToDouble();

    private BigInteger Weight(int x) => Math.Abs(x) <= Support ? _weights[Math.Abs(x)] : 0;

    private BigInteger Sum(int low, int high)
    {
        BigInteger sum = 0;
        for (var x = Math.Max(low, -Support); x <= Math.Min(high, Support); x++)
            sum += Weight(x);
        return sum;
    }
}
