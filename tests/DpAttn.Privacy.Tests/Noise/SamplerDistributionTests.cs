using System.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// The sampler as a distribution. Streams are keyed, so every run draws the same numbers; chi-square probabilities below 1e-8 and deviations
/// above 6 (2e-9 for a normal one) are failures: with other keys a false alarm per statistic would be rarer than 1e-7.
/// </summary>
public class SamplerDistributionTests
{
    private const double LeastProbability = 1e-8;
    private const double MostDeviations = 6;
    private const int Draws = 1_000_000;
    private const int WideDraws = 500_000;

    public static TheoryData<string> SmallVariances => new("1/4", "636611/1000000", "1", "7/3", "4", "355/113", "10007/97", "1000", "123456789/1000003");

    public static TheoryData<string> WideVariances => new(
        $"{UInt128.One << 20}", $"{UInt128.One << 48}", $"{(UInt128.One << 70) - 12345}", $"{UInt128.One << 70}", $"{UInt128.One << 114}");

    /// <summary>From sigma = 2^24 on, as a release has it: twenty million draws would see the lattice of 2^10.</summary>
    public static TheoryData<string> ReleaseVariances => new($"{UInt128.One << 48}", $"{(UInt128.One << 70) - 12345}", $"{UInt128.One << 114}");

    [Theory]
    [MemberData(nameof(SmallVariances))]
    public void Draws_follow_the_exact_probabilities_and_thirty_per_cent_off_does_not(string variance)
    {
        var (n, d) = SamplerTests.Fraction(variance);
        var exact = new ExactDiscreteGaussian(n, d);
        Assert.True(Fit(exact, Fast(n, d, 1)) > LeastProbability);
        Assert.True(Fit(exact, Fast(n * 49, d * 100, 2)) < LeastProbability);
        Assert.True(Fit(exact, Fast(n * 169, d * 100, 3)) < LeastProbability);
    }

    [Theory]
    [MemberData(nameof(SmallVariances))]
    public void Draws_and_the_second_implementation_have_one_distribution_and_thirty_per_cent_off_does_not(string variance)
    {
        const int SlowDraws = 50_000;
        var (n, d) = SamplerTests.Fraction(variance);
        var exact = new ExactDiscreteGaussian(n, d);
        var slow = Paper(n, d, 1, SlowDraws);
        Assert.True(Fit(exact, slow) > LeastProbability);
        Assert.True(Same(Fast(n, d, 4), slow) > LeastProbability);
        Assert.True(Same(Fast(n * 49, d * 100, 5), slow) < LeastProbability);
        Assert.True(Same(Fast(n * 169, d * 100, 6), slow) < LeastProbability);
    }

    [Theory]
    [MemberData(nameof(WideVariances))]
    public void Wide_draws_pass_every_statistic(string variance)
    {
        var (n, d) = SamplerTests.Fraction(variance);
        var draws = Draw(n, d, 7, WideDraws).ToArray();
        PassesAll(Standardise(draws, n, d), variance);
        Assert.True(DrawStatistics.LowBytes(draws) > LeastProbability);
        var bound = 64 * (BigInteger)new WordForWordSampler(n, d).T;
        Assert.All(draws, x => Assert.True(BigInteger.Abs(x) < bound));
    }

    [Theory]
    [MemberData(nameof(WideVariances))]
    public void The_second_implementation_passes_every_statistic_at_the_same_widths(string variance)
    {
        var (n, d) = SamplerTests.Fraction(variance);
        PassesAll(Standardise(DrawSlowly(n, d, 8, 30_000).Select(x => (long)x), n, d), variance);
    }

    /// <summary>The companions: every statistic is failed by draws that are 30 % off in what it measures, both ways where there are two.</summary>
    [Fact]
    public void Every_statistic_is_failed_by_draws_that_are_thirty_per_cent_off()
    {
        var variance = UInt128.One << 70;
        var draws = Draw(variance, 1, 9, WideDraws).ToArray();
        var z = Standardise(draws, variance, 1);
        var lopsided = z.Select((x, i) => x < 0 && i % 10 < 3 ? -x : x).ToArray();
        double[] Mixed(Func<double, double, double> mix) => [.. z.Zip(z.Skip(1), mix)];
        foreach (var (name, deviation) in DrawStatistics.All)
        {
            double[][] faulty = name switch
            {
                "mean" => [[.. z.Select(x => x + 0.3)], [.. z.Select(x => x - 0.3)]],
                "skewness" => [[.. z.Select(x => x > 0 ? 1.3 * x : x)], [.. z.Select(x => x > 0 ? 0.7 * x : x)]],
                "signs" => [lopsided, [.. lopsided.Select(x => -x)]],
                // A third of the draws 30 % wider: a mixture, no longer a Gaussian.
                "kurtosis" => [[.. z.Select((x, i) => i % 3 == 0 ? 1.3 * x : x)], [.. z.Select((x, i) => i % 3 == 0 ? 0.7 * x : x)]],
                "neighbours" => [Mixed((x, y) => x + 0.3 * y), Mixed((x, y) => x - 0.3 * y)],
                "sizes of neighbours" => [[.. z.Select((x, i) => i / 5 % 2 == 0 ? 1.3 * x : 0.7 * x)]],
                _ => [[.. z.Select(x => 0.7 * x)], [.. z.Select(x => 1.3 * x)]],
            };
            Assert.All(faulty, fault => Assert.True(Math.Abs(deviation(fault)) > MostDeviations, name));
        }
        Assert.True(DrawStatistics.EqualCells([.. z.Select(x => 0.7 * x)]) < LeastProbability);
        Assert.True(DrawStatistics.EqualCells([.. z.Select(x => 1.3 * x)]) < LeastProbability);
        Assert.True(DrawStatistics.LowBytes(draws.Select((x, i) => i % 10 < 3 ? x & ~1 : x)) < LeastProbability);
    }

    [Theory]
    [Trait("Suite", "Long")]
    [MemberData(nameof(SmallVariances))]
    public void Twenty_million_draws_follow_the_exact_probabilities(string variance)
    {
        var (n, d) = SamplerTests.Fraction(variance);
        Assert.True(Fit(new ExactDiscreteGaussian(n, d), Fast(n, d, 10, 20_000_000)) > LeastProbability);
    }

    [Theory]
    [Trait("Suite", "Long")]
    [MemberData(nameof(ReleaseVariances))]
    public void Twenty_million_wide_draws_pass_every_statistic(string variance)
    {
        var (n, d) = SamplerTests.Fraction(variance);
        PassesAll(Standardise(Draw(n, d, 11, 20_000_000), n, d), variance);
    }

    private static void PassesAll(double[] z, string variance)
    {
        foreach (var (name, deviation) in DrawStatistics.All)
            Assert.True(Math.Abs(deviation(z)) < MostDeviations, $"{name} at variance {variance}: {deviation(z)}");
        Assert.True(DrawStatistics.EqualCells(z) > LeastProbability, $"cells at variance {variance}");
    }

    private static double[] Standardise(IEnumerable<long> draws, UInt128 n, UInt128 d)
    {
        var sigma = Math.Sqrt((double)n / (double)d);
        return [.. draws.Select(x => x / sigma)];
    }

    private static IEnumerable<long> Draw(UInt128 n, UInt128 d, int seed, int count)
    {
        using var words = new KeyStream(SamplerTests.Key(seed));
        var sampler = new DiscreteGaussianSampler(n, d);
        for (var i = 0; i < count; i++)
            yield return sampler.Draw(words);
    }

    private static IEnumerable<BigInteger> DrawSlowly(UInt128 n, UInt128 d, int seed, int count)
    {
        var sampler = new PaperSampler(new HashBits(seed), n, d);
        for (var i = 0; i < count; i++)
            yield return sampler.Draw();
    }

    // Counts of -Half .. Half; what lies beyond is counted at the ends.
    private const int Half = 200;

    private static long[] Fast(UInt128 n, UInt128 d, int seed, int count = Draws) => Tally(Draw(n, d, seed, count));

    private static long[] Paper(UInt128 n, UInt128 d, int seed, int count) => Tally(DrawSlowly(n, d, seed, count).Select(x => (long)x));

    private static long[] Tally(IEnumerable<long> draws)
    {
        var counts = new long[2 * Half + 1];
        foreach (var x in draws)
            counts[Math.Clamp(x, -Half, Half) + Half]++;
        return counts;
    }

    private static double Fit(ExactDiscreteGaussian exact, long[] counts)
    {
        var probabilities = Enumerable.Range(-Half, counts.Length).Select(x => exact.Pmf(x)).ToArray();
        probabilities[0] = exact.Probability(-exact.Support, -Half);
        probabilities[^1] = exact.Probability(Half, exact.Support);
        return ChiSquare.Fit(counts, probabilities, counts.Sum());
    }

    private static double Same(long[] a, long[] b) => ChiSquare.Same(a, b);
}
