using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>What the estimators have in common when an error is given and its epsilon is wanted.</summary>
internal static class EpsilonTarget
{
    // Above a mu of 1e6 the epsilon is far beyond any budget, whatever delta.
    private const double LargestMu = 1e6;

    /// <summary>The epsilon of noise of a deviation on a sum of a sensitivity, both in the same units.</summary>
    /// <param name="typicalNoise">The target that the deviation follows from.</param>
    /// <param name="sigma">The deviation; 0 where nothing but noise of no width would do.</param>
    /// <param name="sensitivity">The l2 sensitivity.</param>
    /// <param name="delta">The store's delta.</param>
    /// <exception cref="ArgumentOutOfRangeException">The target is not finite and above 0, needs an epsilon above 200, or so little that delta alone covers it.</exception>
    public static Epsilon For(double typicalNoise, double sigma, double sensitivity, Delta delta)
    {
        _ = Delta.Claimed(delta.Value);
        if (!(typicalNoise > 0 && double.IsFinite(typicalNoise)))
            throw new ArgumentOutOfRangeException(nameof(typicalNoise), typicalNoise, "the target error must be finite and above 0");
        var mu = sensitivity / sigma;
        var epsilon = mu <= LargestMu ? GaussianCurve.EpsilonFor(new Mu(mu), PrivacyLimit.CurveDelta(delta)).Value : mu * mu / 2;
        if (epsilon == 0)
            throw new ArgumentOutOfRangeException(nameof(typicalNoise), typicalNoise, "any epsilon above 0 gives a smaller error than this");
        if (!(epsilon <= Epsilon.LargestBudget))
            throw new ArgumentOutOfRangeException(nameof(typicalNoise), typicalNoise, $"this error needs an epsilon of {epsilon:G4}, above {Epsilon.LargestBudget}");
        return new Epsilon(epsilon);
    }
}
