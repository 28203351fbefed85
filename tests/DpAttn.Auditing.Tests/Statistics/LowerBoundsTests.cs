using DpAttn.Privacy;
using MathNet.Numerics.Distributions;

namespace DpAttn.Auditing.Tests;

public class LowerBoundsTests
{
    private static readonly Delta Delta = new(1e-6);

    /// <summary>With many runs the bound comes to Phi^-1(hits) - Phi^-1(false alarms), from below.</summary>
    [Theory]
    [InlineData(0.5, 0.6915)]
    [InlineData(0.1, 0.3)]
    [InlineData(0.001, 0.02)]
    public void The_bound_of_mu_comes_from_below_to_the_difference_of_normal_quantiles(double falseAlarms, double hits)
    {
        var truth = Normal.InvCDF(0, 1, hits) - Normal.InvCDF(0, 1, falseAlarms);
        double before = 0;
        foreach (var runs in new long[] { 1_000, 100_000, 100_000_000 })
        {
            var bound = LowerBounds.MuFrom(new ErrorRates((long)(falseAlarms * runs), (long)(hits * runs), runs), 0.01).Value;
            Assert.InRange(bound, before, truth);
            before = bound;
        }
        Assert.Equal(truth, before, 5e-3);
    }

    /// <summary>The curve's own formula (Balle, Wang 2018) in plain doubles, which do not cancel at this delta.</summary>
    [Theory]
    [InlineData(0.12)]
    [InlineData(0.8)]
    [InlineData(3)]
    public void The_epsilon_of_a_mu_is_that_of_the_exact_curve_rounded_down(double mu)
    {
        var epsilon = LowerBounds.EpsilonFrom(new Mu(mu), Delta).Value;
        double DeltaAt(double e) => Normal.CDF(0, 1, -e / mu + mu / 2) - Math.Exp(e) * Normal.CDF(0, 1, -e / mu - mu / 2);
        Assert.Equal(1, DeltaAt(epsilon) / Delta.Value, 1e-5);
        Assert.True(epsilon < GaussianCurve.EpsilonFor(new Mu(mu), Delta).Value);
    }

    [Fact]
    public void Rates_that_tell_nothing_apart_prove_nothing()
    {
        foreach (var rates in new[] { new ErrorRates(500, 500, 1000), new ErrorRates(700, 300, 1000), new ErrorRates(0, 0, 1000), new ErrorRates(1000, 1000, 1000) })
        {
            Assert.Equal(0, LowerBounds.MuFrom(rates, 0.01).Value);
            Assert.Equal(0, LowerBounds.DirectEpsilonFrom(rates, Delta, 0.01).Value);
        }
        Assert.Equal(0, LowerBounds.EpsilonFrom(new Mu(0), Delta).Value);
    }

    /// <summary>Randomised response with e^epsilon = 3: the ratio is all there is.</summary>
    [Fact]
    public void The_direct_bound_is_the_logarithm_of_the_ratio_either_way()
    {
        var bound = LowerBounds.DirectEpsilonFrom(new ErrorRates(250_000_000, 750_000_000, 1_000_000_000), Delta, 0.01).Value;
        Assert.InRange(bound, Math.Log(3) - 1e-3, Math.Log(3));
        // The complement: what the second data set hardly ever shows.
        var complement = LowerBounds.DirectEpsilonFrom(new ErrorRates(900_000, 999_900, 1_000_000), Delta, 0.01).Value;
        Assert.InRange(complement, Math.Log(1000) - 0.4, Math.Log(1000));
        // A mechanism that is only (0, delta)-DP may show delta.
        Assert.Equal(0, LowerBounds.DirectEpsilonFrom(new ErrorRates(0, 100, 1_000_000), new Delta(1e-3), 0.01).Value);
    }

    [Fact]
    public void A_smaller_error_makes_every_bound_smaller()
    {
        var rates = new ErrorRates(300, 700, 1000);
        Assert.True(LowerBounds.MuFrom(rates, 1e-6).Value < LowerBounds.MuFrom(rates, 0.01).Value);
        Assert.True(LowerBounds.DirectEpsilonFrom(rates, Delta, 1e-6).Value < LowerBounds.DirectEpsilonFrom(rates, Delta, 0.01).Value);
    }
}
