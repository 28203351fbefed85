using DpAttn.Privacy;
using MathNet.Numerics.Distributions;

namespace DpAttn.Auditing.Tests;

/// <summary>The bounds hold as often as they say, over made counts; System.Random is fine here, no privacy depends on it.</summary>
public class CoverageTests
{
    private const int Experiments = 4000;
    private const int Runs = 2000;
    private const double Error = 0.01;

    /// <summary>
    /// The true mu is exceeded in at most 1 % of 4,000 experiments: by more than 1 % + 6 deviations (1.95 %) with probability below 1e-8, and the seed is fixed. Without the bounds of Clopper and Pearson it would be
    /// every second time.
    /// </summary>
    [Theory]
    [InlineData(0.12, 0)]
    [InlineData(0.84, 0.4)]
    [InlineData(2.5, 1.2)]
    public void The_true_mu_is_exceeded_at_most_as_often_as_the_error_says(double mu, double threshold)
    {
        var random = new Random(5);
        double falseAlarms = 1 - Normal.CDF(0, 1, threshold), hits = 1 - Normal.CDF(mu, 1, threshold);
        int exceeded = 0, bare = 0;
        for (var i = 0; i < Experiments; i++)
        {
            var rates = new ErrorRates(Binomial.Sample(random, falseAlarms, Runs), Binomial.Sample(random, hits, Runs), Runs);
            exceeded += LowerBounds.MuFrom(rates, Error).Value > mu ? 1 : 0;
            bare += LowerBounds.MuFrom((double)rates.Hits / Runs, (double)rates.FalseAlarms / Runs) > mu ? 1 : 0;
        }
        Assert.InRange(exceeded, 0, 78);
        Assert.InRange(bare, 1600, 2400);
    }

    /// <summary>Randomised response at e^epsilon = 3: the direct bound holds as often, too.</summary>
    [Fact]
    public void The_true_epsilon_is_exceeded_at_most_as_often_as_the_error_says()
    {
        var random = new Random(6);
        int exceeded = 0, bare = 0;
        for (var i = 0; i < Experiments; i++)
        {
            var rates = new ErrorRates(Binomial.Sample(random, 0.25, Runs), Binomial.Sample(random, 0.75, Runs), Runs);
            exceeded += LowerBounds.DirectEpsilonFrom(rates, new Delta(1e-6), Error).Value > Math.Log(3) ? 1 : 0;
            bare += LowerBounds.DirectEpsilonFrom((double)rates.Hits / Runs, (double)rates.FalseAlarms / Runs, 1e-6) > Math.Log(3) ? 1 : 0;
        }
        Assert.InRange(exceeded, 0, 78);
        Assert.InRange(bare, 1600, 4000);
    }

    [Fact]
    public void The_runs_for_a_share_are_those_at_which_the_bound_reaches_it()
    {
        foreach (var epsilon in new[] { 0.5, 1, 2, 4 })
        {
            var (claim, delta) = (new Epsilon(epsilon), new Delta(1e-6));
            var runs = AuditSettings.RunsFor(claim, delta, 0.8);
            var mu = GaussianCurve.MuFor(claim, delta).Value;
            // At the best threshold, with counts as they are expected.
            var expected = new ErrorRates((long)(runs * Normal.CDF(0, 1, -mu / 2)), (long)(runs * Normal.CDF(0, 1, mu / 2)), runs);
            Assert.InRange(LowerBounds.EpsilonFrom(LowerBounds.MuFrom(expected, Error), delta).Value / epsilon, 0.85, 0.95);
            Assert.True(AuditSettings.RunsFor(claim, delta, 0.5) < runs / 3);
        }
    }
}
