using System.Numerics;

namespace DpAttn.Privacy;

/// <summary>One noise tier of a release.</summary>
/// <param name="Epsilon">The epsilon that the tier was stated at, at the ladder's delta.</param>
/// <param name="Variance">The variance of the tier's whole noise, in squared lattice steps.</param>
/// <param name="Increment">
/// The variance of the fresh noise that this tier adds to the next better one; for the best tier, its whole variance.
/// </param>
/// <param name="Cost">What opening the tier costs an account that holds nothing of the release.</param>
public sealed record NoiseTier(Epsilon Epsilon, NoiseVariance Variance, NoiseVariance Increment, PrivacyAmount Cost);

/// <summary>
/// The noise tiers of one release, mu rising: N_t = N_(t+1) + G_t with fresh G_t, so a lower tier is a post-processing of a
/// higher one and tiers of one release combine as their maximum (gradual release; Koufogiannis, Han, Pappas 2015).
/// </summary>
public sealed class NoiseLadder : ITierCosts
{
    /// <summary>The share of a store's delta that the Gaussian curve may use; the rest covers the slack of discrete noise.</summary>
    public const double GaussianShareOfDelta = 0.999;

    private readonly NoiseTier[] _tiers;
    private readonly long _dimension;

    private NoiseLadder(BigInteger sensitivity, long dimension, Delta delta, NoiseTier[] tiers) =>
        (Sensitivity, _dimension, Delta, _tiers) = (sensitivity, dimension, delta, tiers);

    /// <summary>The l2 sensitivity of the released integers, in lattice steps, rounded up.</summary>
    public BigInteger Sensitivity { get; }

    /// <summary>How many integers the release has.</summary>
    public long Dimension => _dimension;

    /// <summary>The delta at which the tiers' epsilons are stated.</summary>
    public Delta Delta { get; }

    /// <summary>The tiers, worst (most noise) first.</summary>
    public IReadOnlyList<NoiseTier> Tiers => _tiers;

    /// <inheritdoc/>
    public int TierCount => _tiers.Length;

    /// <summary>The best tier's number.</summary>
    public int Best => _tiers.Length - 1;

    /// <summary>
    /// Calibrates a ladder. A tier at epsilon has C = floor(2^40 mu^2) units with mu the largest allowed at 0.999 delta, and
    /// the smallest variance with ceil(2^40 sensitivity^2 / variance) at most C: a limit of the same epsilon admits it exactly.
    /// </summary>
    /// <param name="sensitivity">The integer l2 sensitivity.</param>
    /// <param name="dimension">How many integers the release has.</param>
    /// <param name="epsilons">The tiers, strictly increasing.</param>
    /// <param name="delta">The store's delta.</param>
    /// <exception cref="ArgumentException">
    /// No tiers, a tier outside (0, 200], not increasing, a delta below 2^-100, two tiers (or a tier and 2^24 steps) too close for the slack, or a
    /// deviation above 2^57 steps.
    /// </exception>
    public static NoiseLadder Calibrate(BigInteger sensitivity, long dimension, IReadOnlyList<Epsilon> epsilons, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(epsilons);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        RequirePositive(sensitivity, nameof(sensitivity));
        if (epsilons.Count == 0)
            throw new ArgumentException("a ladder needs at least one tier", nameof(epsilons));
        for (var t = 1; t < epsilons.Count; t++)
        {
            if (epsilons[t].CompareTo(epsilons[t - 1]) <= 0)
                throw new ArgumentException($"ladder: tier {t} (epsilon {epsilons[t]}) must be above tier {t - 1} (epsilon {epsilons[t - 1]})", nameof(epsilons));
        }
        foreach (var epsilon in epsilons)
            Epsilon.Budget(epsilon.Value);
        var curveDelta = PrivacyLimit.CurveDelta(Delta.Claimed(delta.Value));
        var variances = epsilons.Select(epsilon => VarianceFor(sensitivity, epsilon, curveDelta)).ToArray();
        var tiers = new NoiseTier[variances.Length];
        for (var t = 0; t < tiers.Length; t++)
        {
            var best = t == tiers.Length - 1;
            if (variances[t] < BigInteger.One << (2 * NoiseVariance.SmallestReleaseSigmaBits))
                throw new ArgumentException($"ladder: tier {t} (epsilon {epsilons[t]}) has a deviation below 2^{NoiseVariance.SmallestReleaseSigmaBits} lattice steps; state a smaller epsilon or a finer lattice", nameof(epsilons));
            if (!best && variances[t] <= variances[t + 1])
                throw TooClose(t, epsilons);
            var increment = best ? variances[t] : variances[t] - variances[t + 1];
            tiers[t] = new NoiseTier(
                epsilons[t],
                new NoiseVariance((UInt128)variances[t]),
                new NoiseVariance((UInt128)increment),
                new PrivacyAmount(MuSquaredUnits(sensitivity, variances[t]), SlackUnits(dimension, variances[t])));
            if (t > 0 && ConditionalVariance(variances[t - 1], variances[t]) < BigInteger.One << (2 * NoiseVariance.SmallestReleaseSigmaBits))
                throw TooClose(t - 1, epsilons);
        }
        return new NoiseLadder(sensitivity, dimension, delta, tiers);
    }

    /// <inheritdoc/>
    public PrivacyAmount Open(int tier) => _tiers[tier].Cost;

    /// <summary>
    /// What going from one tier to a better one costs: given the lower tier, the better one is a Gaussian mechanism of exactly
    /// mu_to^2 - mu_from^2; its slack is that of the conditional width.
    /// </summary>
    public PrivacyAmount Upgrade(int from, int to)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(from, to);
        var conditional = ConditionalVariance(_tiers[from].Variance.ToBigInteger(), _tiers[to].Variance.ToBigInteger());
        return new PrivacyAmount(_tiers[to].Cost.MuSquared - _tiers[from].Cost.MuSquared, SlackUnits(_dimension, conditional));
    }

    /// <summary>
    /// ceil(2^40 sensitivity^2 / variance): the charge of one Gaussian release, from the variance that is really drawn.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Either is not above 0.</exception>
    /// <exception cref="OverflowException">The charge is beyond 64 bits: mu above 2,896.</exception>
    public static long MuSquaredUnits(BigInteger sensitivity, BigInteger variance)
    {
        RequirePositive(sensitivity, nameof(sensitivity));
        RequirePositive(variance, nameof(variance));
        return (long)CeilingDivide((sensitivity * sensitivity) << PrivacyAmount.MuSquaredBits, variance);
    }

    /// <summary>
    /// The slack of one release in units of 2^-80, rounded up: tau = sqrt(dimension) / (33 variance), the total variation
    /// between discrete Gaussian and rounded Gaussian noise by Pinsker's inequality (mechanisms, section 4).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Either is not above 0.</exception>
    /// <exception cref="OverflowException">The slack is beyond 64 bits: more than 2^-17, by far too narrow a noise.</exception>
    public static long SlackUnits(long dimension, BigInteger variance)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        RequirePositive(variance, nameof(variance));
        return (long)CeilingDivide(IntegerRoot.CeilingSqrt(dimension) << PrivacyAmount.SlackBits, 33 * variance);
    }

    private static BigInteger VarianceFor(BigInteger sensitivity, Epsilon epsilon, Delta curveDelta)
    {
        var units = PrivacyAmount.FloorMuSquared(GaussianCurve.MuFor(epsilon, curveDelta));
        if (units == 0)
            throw new ArgumentOutOfRangeException(nameof(epsilon), $"epsilon {epsilon} at this delta is below one ledger unit (2^-40 of mu squared)");
        var variance = CeilingDivide((sensitivity * sensitivity) << PrivacyAmount.MuSquaredBits, units);
        return variance <= BigInteger.One << NoiseVariance.LargestBits
            ? variance
            : throw new ArgumentOutOfRangeException(nameof(epsilon), $"epsilon {epsilon} at this delta needs a deviation above 2^{NoiseVariance.LargestBits / 2} lattice steps");
    }

    private static BigInteger ConditionalVariance(BigInteger worse, BigInteger better) => better * (worse - better) / worse;

    private static void RequirePositive(BigInteger value, string name)
    {
        if (value.Sign <= 0)
            throw new ArgumentOutOfRangeException(name, $"a {name} of 0 or less is always a wrong bound");
    }

    private static BigInteger CeilingDivide(BigInteger a, BigInteger b) => (a + b - 1) / b;

    private static ArgumentException TooClose(int tier, IReadOnlyList<Epsilon> epsilons) =>
        new($"ladder: tiers {tier} and {tier + 1} (epsilon {epsilons[tier]} and {epsilons[tier + 1]}) are too close: the noise between them would be narrower than 2^{NoiseVariance.SmallestReleaseSigmaBits} lattice steps", nameof(epsilons));
}
