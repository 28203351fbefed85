using CsCheck;

namespace DpAttn.Attention.Tests;

public class NoiseIntervalTests
{
    private static readonly Gen<(double N, double D, double K, double Gamma)> Cases = Gen.Select(
        Gen.Double[-3, 3], Gen.Double[-2, 2], Gen.Double[-9, 1.5], Gen.Double[0.05, 1]).Select((n, d, bits, gamma) => (n, d, Math.Pow(10, bits), gamma));

    /// <summary>Every theta of the set lies inside; outside, and between the set's ends when it is one piece, membership changes at the ends.</summary>
    [Fact]
    public void The_interval_is_the_hull_of_the_fieller_set_within_the_bound() => Cases.Sample(c =>
    {
        const double Bound = 1;
        var interval = NoiseInterval.Fieller(c.N, c.D, c.K, c.Gamma, Bound);
        Assert.InRange(interval.Low, -Bound, interval.High);
        Assert.InRange(interval.High, interval.Low, Bound);
        const int Points = 4000;
        double low = double.PositiveInfinity, high = double.NegativeInfinity;
        for (var i = 0; i <= Points; i++)
        {
            var theta = Bound * (2.0 * i / Points - 1);
            if (!IsMember(c, theta))
                continue;
            (low, high) = (Math.Min(low, theta), Math.Max(high, theta));
            Assert.True(interval.Low - 1e-12 <= theta && theta <= interval.High + 1e-12, $"{theta} is not in {interval}");
        }
        if (high < low)
        {
            // No grid point: a set narrower than the grid, one that lies outside the bound, or none at all and the whole range.
            Assert.True(interval.IsWholeRange || interval.High - interval.Low <= 2 * Bound / Points + 1e-9);
            return;
        }
        Assert.InRange(interval.Low, low - 2 * Bound / Points - 1e-9, low + 1e-12);
        Assert.InRange(interval.High, high - 1e-12, high + 2 * Bound / Points + 1e-9);
        Assert.Equal(interval.Low == -Bound && interval.High == Bound, interval.IsWholeRange);
    }, iter: 4000);

    /// <summary>Where noise is small against N and D the discriminant must not cancel: the width is that of the deviation.</summary>
    [Theory]
    [InlineData(1e-3)]
    [InlineData(1e-6)]
    [InlineData(1e-9)]
    [InlineData(1e-12)]
    public void A_narrow_interval_has_the_width_of_its_deviation(double kappa)
    {
        foreach (var (n, d, gamma) in new[] { (0.5, 1.0, 1.0), (-0.3, 0.4, 0.5), (123.0, 456.0, 0.7), (1e-9, 1, 0.5) })
        {
            var theta = n / d;
            var expected = 2 * kappa * d * Math.Sqrt(1 + theta * theta / (gamma * gamma)) / d;
            var interval = NoiseInterval.Fieller(n, d, kappa * d, gamma, 1);
            Assert.Equal(expected, interval.High - interval.Low, expected * 1e-2 + 3e-16);
            Assert.True(interval.Contains(theta));
        }
    }

    [Fact]
    public void No_noise_gives_the_quotient_itself()
    {
        var interval = NoiseInterval.Fieller(0.25, 0.5, 0, 1, 1);
        Assert.Equal(new NoiseInterval(0.5, 0.5, false), interval);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.1, 0)]
    [InlineData(0.1, 0.01)]
    [InlineData(0.1, -0.5)]
    public void A_denominator_within_its_noise_gives_the_whole_range_and_says_so(double n, double d)
    {
        var interval = NoiseInterval.Fieller(n, d, kappa: 1, gamma: 1, bound: 1);
        Assert.Equal((-1, 1, true), (interval.Low, interval.High, interval.IsWholeRange));
        Assert.Equal(NoiseInterval.Whole(1), interval);
    }

    [Fact]
    public void A_set_in_two_pieces_of_which_one_lies_within_the_bound_gives_that_piece()
    {
        // theta outside the two roots: D is within its noise, N is not.
        var interval = NoiseInterval.Fieller(1.0, 0.7, kappa: 0.72, gamma: 1, bound: 1);
        Assert.False(interval.IsWholeRange);
        Assert.Equal(1, interval.High);
        Assert.InRange(interval.Low, 0, 0.5);
        Assert.True(IsMember((1.0, 0.7, 0.72, 1), interval.Low + 1e-9));
        Assert.False(IsMember((1.0, 0.7, 0.72, 1), interval.Low - 1e-9));
        var mirrored = NoiseInterval.Fieller(-1.0, 0.7, kappa: 0.72, gamma: 1, bound: 1);
        Assert.Equal((-interval.High, -interval.Low), (mirrored.Low, mirrored.High));
    }

    private static bool IsMember((double N, double D, double K, double Gamma) c, double theta) =>
        Math.Abs(c.N - theta * c.D) <= c.K * Math.Sqrt(1 + theta * theta / (c.Gamma * c.Gamma));
}
