using MathNet.Numerics;

namespace DpAttn.Auditing.Tests;

public class ClopperPearsonTests
{
    /// <summary>Intervals of the literature (95 %: 0.025 on either side), and closed forms where no or all trials succeed.</summary>
    [Theory]
    [InlineData(5, 10, 0.025, 0.187086, 0.812914)]
    [InlineData(10, 100, 0.025, 0.049005, 0.176223)]
    [InlineData(1, 20, 0.025, 0.001265, 0.248733)]
    [InlineData(50, 100, 0.005, 0.368861, 0.631139)]
    public void The_intervals_are_those_of_the_literature(long successes, long trials, double error, double lower, double upper)
    {
        Assert.Equal(lower, ClopperPearson.Lower(successes, trials, error), 1e-6);
        Assert.Equal(upper, ClopperPearson.Upper(successes, trials, error), 1e-6);
    }

    [Fact]
    public void Without_any_success_or_failure_the_bounds_have_closed_forms()
    {
        foreach (var error in new[] { 0.1, 0.005, 2.5e-7 })
        {
            foreach (var trials in new long[] { 1, 30, 300_000 })
            {
                Assert.Equal(0, ClopperPearson.Lower(0, trials, error));
                Assert.Equal(1, ClopperPearson.Upper(trials, trials, error));
                var closed = Math.Exp(Math.Log(error) / trials);
                Assert.Equal(closed, ClopperPearson.Lower(trials, trials, error), 1e-9);
                Assert.Equal(1 - closed, ClopperPearson.Upper(0, trials, error), 1e-9);
            }
        }
    }

    /// <summary>The definition itself: at the bound, so many successes or more have just the error as their probability, summed term by term.</summary>
    [Theory]
    [InlineData(3, 40, 0.005)]
    [InlineData(170_000, 330_000, 0.005)]
    [InlineData(170_000, 330_000, 2.5e-7)]
    [InlineData(12, 330_000, 2.5e-7)]
    [InlineData(329_990, 330_000, 2.5e-7)]
    public void At_the_bound_the_tail_has_the_probability_of_the_error(long successes, long trials, double error)
    {
        var lower = ClopperPearson.Lower(successes, trials, error);
        Assert.Equal(1, Tail(successes, trials, lower) / error, 1e-5);
        Assert.True(Tail(successes, trials, lower) <= error);
        var upper = ClopperPearson.Upper(successes, trials, error);
        Assert.Equal(1, Tail(trials - successes, trials, 1 - upper) / error, 1e-5);
        Assert.InRange((double)successes / trials, lower, upper);
    }

    [Fact]
    public void More_trials_and_more_error_bring_the_bounds_nearer()
    {
        Assert.True(ClopperPearson.Lower(50, 100, 0.005) < ClopperPearson.Lower(500, 1000, 0.005));
        Assert.True(ClopperPearson.Lower(50, 100, 0.005) < ClopperPearson.Lower(50, 100, 0.05));
        Assert.True(ClopperPearson.Upper(50, 100, 0.005) > ClopperPearson.Upper(500, 1000, 0.005));
    }

    [Theory]
    [InlineData(-1, 10, 0.01)]
    [InlineData(11, 10, 0.01)]
    [InlineData(0, 0, 0.01)]
    [InlineData(1, 10, 0)]
    [InlineData(1, 10, 1)]
    [InlineData(1, 10, double.NaN)]
    public void Impossible_counts_and_errors_are_refused(long successes, long trials, double error)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ClopperPearson.Lower(successes, trials, error));
        Assert.Throws<ArgumentOutOfRangeException>(() => ClopperPearson.Upper(successes, trials, error));
    }

    /// <summary>P(Bin(n, p) at least k), the terms from the largest on.</summary>
    private static double Tail(long k, long n, double p)
    {
        double sum = 0, largest = 0;
        for (var i = k; i <= n; i++)
        {
            var term = Math.Exp(SpecialFunctions.GammaLn(n + 1.0) - SpecialFunctions.GammaLn(i + 1.0) - SpecialFunctions.GammaLn(n - i + 1.0) + i * Math.Log(p) + (n - i) * Math.Log(1 - p));
            sum += term;
            largest = Math.Max(largest, term);
            if (term < largest * 1e-18)
                break;
        }
        return sum;
    }
}
