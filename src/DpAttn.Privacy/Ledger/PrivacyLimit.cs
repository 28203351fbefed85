namespace DpAttn.Privacy;

/// <summary>
/// A limit of an account or a store, stated as (epsilon, delta) and enforced in integers. Whatever sequence of charges fits it is
/// (epsilon, delta)-DP in total: delta_GDP(epsilon; mu) at most 0.999 delta, and (1 + e^epsilon) times the slack at most delta/1000
/// (mechanisms, sections 4 and 5).
/// </summary>
public sealed record PrivacyLimit
{
    private const double SlackShareOfDelta = 1.0 / 1000;

    /// <summary>A limit.</summary>
    /// <param name="epsilon">Above 0 and at most 200.</param>
    /// <param name="delta">At least 2^-100.</param>
    /// <exception cref="ArgumentException">Outside those ranges, or so large an epsilon that no slack of discrete noise fits delta/1000.</exception>
    public PrivacyLimit(Epsilon epsilon, Delta delta)
    {
        Epsilon = Epsilon.Budget(epsilon.Value);
        Delta = Delta.Claimed(delta.Value);
        // Rounded down by far more than the rounding of exp and the division.
        var slack = Math.ScaleB(SlackShareOfDelta * delta.Value / (1 + Math.Exp(epsilon.Value)) * (1 - 1e-12), PrivacyAmount.SlackBits);
        if (slack < 1)
            throw new ArgumentException($"epsilon {epsilon} at delta {delta} leaves no room for the slack of discrete noise: (1 + e^epsilon) times it must stay at or below delta/1000. State a smaller epsilon or a larger delta", nameof(epsilon));
        Amount = new PrivacyAmount(
            PrivacyAmount.FloorMuSquared(GaussianCurve.MuFor(epsilon, CurveDelta(delta))),
            slack >= long.MaxValue ? long.MaxValue : (long)slack);
    }

    /// <summary>The stated epsilon.</summary>
    public Epsilon Epsilon { get; }

    /// <summary>The stated delta.</summary>
    public Delta Delta { get; }

    /// <summary>The limit in ledger units, rounded down.</summary>
    public PrivacyAmount Amount { get; }

    /// <summary>
    /// Refuses a limit that cannot be spent on a release: one that admits a tier's mu squared but not the slack of climbing to it over all tiers
    /// below. A tier whose mu squared is beyond the limit is no fault of it.
    /// </summary>
    /// <exception cref="ArgumentException">Names the tier.</exception>
    public void RequireRoomFor(NoiseLadder ladder)
    {
        ArgumentNullException.ThrowIfNull(ladder);
        var climbed = ladder.Open(0);
        for (var tier = 0; tier < ladder.TierCount && climbed.MuSquared <= Amount.MuSquared; tier++)
        {
            if (climbed.Slack > Amount.Slack)
            {
                throw new ArgumentException(
                    $"a limit of epsilon {Epsilon} at delta {Delta} has no room for the slack of the discrete noise of tier {tier} (epsilon {ladder.Tiers[tier].Epsilon}): "
                    + "(1 + e^epsilon) times it must stay at or below delta/1000. State a smaller epsilon, a larger delta, a finer lattice, or tiers further apart",
                    nameof(ladder));
            }
            if (tier < ladder.Best)
                climbed += ladder.Upgrade(tier, tier + 1);
        }
    }

    /// <summary>
    /// The epsilon of an amount that was spent within a limit at a delta: that figure's own conversion, rounded up. Epsilons do not add; amounts do.
    /// </summary>
    public static Epsilon ToEpsilon(PrivacyAmount spent, Delta delta) =>
        spent.MuSquared == 0 ? new Epsilon(0) : GaussianCurve.EpsilonFor(spent.ToMu(), CurveDelta(delta));

    /// <summary>
    /// The epsilon of what is left of a limit, rounded down so that it can be spent: the largest tier's epsilon, to a relative 2^-40, that still fits.
    /// </summary>
    public static Epsilon ToAffordableEpsilon(PrivacyAmount remaining, Delta delta)
    {
        if (remaining.MuSquared <= 0 || remaining.Slack <= 0)
            return new Epsilon(0);
        // From below: the mu of the floor of the root.
        var mu = Math.Sqrt(Math.ScaleB((double)remaining.MuSquared, -PrivacyAmount.MuSquaredBits)) * (1 - 1e-14);
        return new Epsilon(GaussianCurve.EpsilonFor(new Mu(mu), CurveDelta(delta)).Value * (1 - 1e-11));
    }

    /// <summary>The part of a delta that the Gaussian curve may use.</summary>
    public static Delta CurveDelta(Delta delta) => new(NoiseLadder.GaussianShareOfDelta * delta.Value);
}
