using MathNet.Numerics;

namespace DpAttn.Auditing;

/// <summary>
/// Exact one-sided bounds of a probability from counts (Clopper, Pearson 1934): quantiles of the beta distribution, rounded outwards. The 99 % interval of the
/// literature has an error of 0.005 on either side.
/// </summary>
public static class ClopperPearson
{
    /// <summary>Outwards, relative to the rarer outcome: far above the error that the regularised beta function leaves in a quantile (1e-11 seen).</summary>
    private const double Margin = 1e-9;

    /// <summary>The largest p at which so many successes or more still have a probability of at most the error.</summary>
    /// <param name="successes">From 0 to the trials.</param>
    /// <param name="trials">At least 1.</param>
    /// <param name="error">How often the bound may exceed the truth, in (0, 1).</param>
    /// <exception cref="ArgumentOutOfRangeException">A number outside its range.</exception>
    public static double Lower(long successes, long trials, double error)
    {
        Require(successes, trials, error);
        if (successes == 0)
            return 0;
        // P(at least k of n) = I_p(k, n - k + 1), rising in p; bisection keeps the safe end.
        double low = 0, high = (double)successes / trials;
        while (high - low > 1e-15 * high)
        {
            var middle = low + (high - low) / 2;
            if (middle <= low || middle >= high)
                break;
            if (SpecialFunctions.BetaRegularized(successes, trials - successes + 1, middle) <= error)
                low = middle;
            else
                high = middle;
        }
        return Math.Max(0, low - Margin * low * (1 - low) - 1e-15);
    }

    /// <summary>The smallest p at which so few successes or fewer still have a probability of at most the error.</summary>
    /// <param name="successes">From 0 to the trials.</param>
    /// <param name="trials">At least 1.</param>
    /// <param name="error">How often the bound may lie below the truth, in (0, 1).</param>
    /// <exception cref="ArgumentOutOfRangeException">A number outside its range.</exception>
    public static double Upper(long successes, long trials, double error)
    {
        Require(successes, trials, error);
        return 1 - Lower(trials - successes, trials, error);
    }

    private static void Require(long successes, long trials, double error)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trials, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, trials);
        if (!(error > 0 && error < 1))
            throw new ArgumentOutOfRangeException(nameof(error), error, "an error probability lies strictly between 0 and 1");
    }
}
