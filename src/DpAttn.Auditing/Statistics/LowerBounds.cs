using DpAttn.Privacy;
using MathNet.Numerics;

namespace DpAttn.Auditing;

/// <summary>What a test's error rates prove about the mechanism that it was run on.</summary>
public static class LowerBounds
{
    // Far above the error of the normal quantile.
    private const double Margin = 1e-9;

    /// <summary>
    /// The least mu that explains the rates. No test of a mu-GDP mechanism has a hit rate above Phi(Phi^-1(false alarms) + mu) (Dong, Roth, Su 2019), so
    /// mu is at least Phi^-1(hits from below) - Phi^-1(false alarms from above); 0 where that is negative.
    /// </summary>
    /// <param name="rates">Counts of runs that nobody looked at when the test was chosen.</param>
    /// <param name="error">How often the bound may exceed the truth, in (0, 1).</param>
    public static Mu MuFrom(ErrorRates rates, double error)
    {
        var (hits, falseAlarms) = rates.Bounds(error);
        return new Mu(Math.Max(0, MuFrom(hits, falseAlarms)));
    }

    /// <summary>The least epsilon at which mu-GDP is claimed to be (epsilon, delta)-DP, rounded down: the exact Gaussian curve.</summary>
    public static Epsilon EpsilonFrom(Mu mu, Delta delta) => GaussianCurve.EpsilonFor(new Mu(mu.Value * (1 - Margin)), delta);

    /// <summary>
    /// The least epsilon that explains the rates at delta, whatever the mechanism is: an (epsilon, delta)-DP one has hits at most e^epsilon false alarms + delta, and the same of the
    /// test's complement. Weak for Gaussian noise, where no threshold shows much at a small delta; strong where a little of the output is bare.
    /// </summary>
    /// <param name="rates">Counts of runs that nobody looked at when the test was chosen.</param>
    /// <param name="delta">The delta of the claim.</param>
    /// <param name="error">How often the bound may exceed the truth, in (0, 1).</param>
    public static Epsilon DirectEpsilonFrom(ErrorRates rates, Delta delta, double error)
    {
        var (hits, falseAlarms) = rates.Bounds(error);
        return new Epsilon(Math.Max(0, DirectEpsilonFrom(hits, falseAlarms, delta.Value)));
    }

    /// <summary>The same of rates; below 0 where they tell less than nothing apart, so that tests which prove nothing yet can still be compared.</summary>
    internal static double MuFrom(double hits, double falseAlarms) =>
        hits <= 0 || falseAlarms >= 1 ? double.NegativeInfinity : Quantile(hits) - Quantile(falseAlarms) - Margin;

    /// <summary>The same of rates, and below 0 like <see cref="MuFrom(double, double)"/>.</summary>
    internal static double DirectEpsilonFrom(double hits, double falseAlarms, double delta) =>
        Math.Max(Ratio(hits - delta, falseAlarms), Ratio(1 - falseAlarms - delta, 1 - hits));

    private static double Ratio(double above, double below) => above <= 0 ? double.NegativeInfinity : Math.Log(above / below) - Margin;

    /// <summary>Phi^-1, without cancellation at extreme rates.</summary>
    private static double Quantile(double p) => -Constants.Sqrt2 * SpecialFunctions.ErfcInv(2 * p);
}
