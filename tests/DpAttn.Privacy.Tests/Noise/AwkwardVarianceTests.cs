namespace DpAttn.Privacy.Tests;

/// <summary>
/// Variances at which an implementation slips: just below and just above squares, where the proposal's width jumps; powers of two; fractions that do not end; and so small that hardly anything but 0 is
/// drawn. Counts against exact probabilities, symmetry, and the slope of ln(count(x)/count(x + 1)), which is (2x + 1)/(2 variance). Chi-square probabilities below 1e-8 and 6 deviations fail; keys are fixed.
/// </summary>
public class AwkwardVarianceTests
{
    private const double LeastProbability = 1e-8;
    private const double MostDeviations = 6;
    private const int Draws = 300_000;

    public static TheoryData<string> Variances => new(
        "999999/1000000", "1000001/1000000", "3999999/1000000", "4000001/1000000", "99", "100", "101", "2", "8", "16", "32", "1/8", "1/10", "22/7", "999983/99991", "65535/65536");

    [Theory]
    [MemberData(nameof(Variances))]
    public void Draws_follow_the_exact_probabilities_and_thirty_per_cent_off_does_not(string variance)
    {
        var (n, d) = SamplerTests.Fraction(variance);
        var exact = new ExactDiscreteGaussian(n, d);
        var counts = Count(n, d, 1);
        Assert.True(Fit(exact, counts) > LeastProbability);
        Assert.True(Math.Abs(Asymmetry(counts)) < MostDeviations);
        Assert.True(Math.Abs(SlopeError(counts, (double)n / (double)d)) < MostDeviations);
        foreach (var (percent, seed) in new[] { (49u, 2), (169u, 3) })
        {
            var off = Count(n * percent, d * 100, seed);
            Assert.True(Fit(exact, off) < LeastProbability);
            Assert.True(Math.Abs(SlopeError(off, (double)n / (double)d)) > MostDeviations);
        }
        // Three in ten of the negative draws turned positive.
        var lopsided = (long[])counts.Clone();
        for (var x = 1; x <= Half; x++)
        {
            var moved = lopsided[Half - x] * 3 / 10;
            (lopsided[Half - x], lopsided[Half + x]) = (lopsided[Half - x] - moved, lopsided[Half + x] + moved);
        }
        Assert.True(Math.Abs(Asymmetry(lopsided)) > MostDeviations);
    }

    /// <summary>At variance 1/100 anything but 0 has probability 4e-22; at 1/8 one draw in 28 is not 0, and so at 30 % less would be one in 1,750.</summary>
    [Fact]
    public void Of_a_variance_far_below_one_nothing_but_zero_is_drawn()
    {
        Assert.Equal(Draws, Count(1, 100, 5)[Half]);
        Assert.Equal(Draws, Count(1, 1_000_000, 6)[Half]);
        Assert.Equal(Draws, Count(1, UInt128.One << 60, 7)[Half]);
        Assert.InRange(Draws - Count(1, 8, 8)[Half], Draws / 30, Draws / 26);
    }

    private const int Half = 200;

    private static long[] Count(UInt128 n, UInt128 d, int seed)
    {
        using var words = new KeyStream(SamplerTests.Key(100 + seed));
        var sampler = new DiscreteGaussianSampler(n, d);
        var counts = new long[2 * Half + 1];
        for (var i = 0; i < Draws; i++)
            counts[Math.Clamp(sampler.Draw(words), -Half, Half) + Half]++;
        return counts;
    }

    private static double Fit(ExactDiscreteGaussian exact, long[] counts)
    {
        var probabilities = Enumerable.Range(-Half, counts.Length).Select(x => exact.Pmf(x)).ToArray();
        probabilities[0] = exact.Probability(-exact.Support, -Half);
        probabilities[^1] = exact.Probability(Half, exact.Support);
        return ChiSquare.Fit(counts, probabilities, Draws);
    }

    /// <summary>Positive less negative draws, in deviations.</summary>
    private static double Asymmetry(long[] counts)
    {
        double plus = counts[(Half + 1)..].Sum(), minus = counts[..Half].Sum();
        return (plus - minus) / Math.Sqrt(Math.Max(1, plus + minus));
    }

    /// <summary>ln(count(|x|)/count(|x| + 1)) over its expectation, weighted, as a deviation from 1.</summary>
    private static double SlopeError(long[] counts, double variance)
    {
        double sum = 0, information = 0;
        for (var x = 0; x < Half; x++)
        {
            double near = x == 0 ? 2.0 * counts[Half] : counts[Half + x] + counts[Half - x], far = counts[Half + x + 1] + counts[Half - x - 1];
            if (far < 100)
                break;
            var expected = (2 * x + 1) / (2 * variance);
            // The deviation of a logarithm of a ratio of counts; neighbouring ratios share a count, which makes the sum narrower than this takes it for.
            var deviation = Math.Sqrt((x == 0 ? 4.0 / near / 2 : 1 / near) + 1 / far);
            sum += expected * Math.Log(near / far) / (deviation * deviation);
            information += expected * expected / (deviation * deviation);
        }
        // Nothing but zeros: infinitely steep.
        return information == 0 ? double.PositiveInfinity : (sum / information - 1) * Math.Sqrt(information);
    }
}
