namespace DpAttn.Privacy;

/// <summary>What deciding needs to know of an account.</summary>
/// <param name="Limit">Its limit.</param>
/// <param name="Spent">Its total.</param>
/// <param name="OpenTier">The best tier it has opened of the release in question, or null.</param>
/// <param name="Recorded">The fingerprint recorded under the request's id, or null.</param>
public readonly record struct AccountView(PrivacyAmount Limit, PrivacyAmount Spent, int? OpenTier, RequestFingerprint? Recorded);

/// <summary>What deciding needs to know of the store.</summary>
/// <param name="Limit">Its limit.</param>
/// <param name="Spent">Its total over all accounts.</param>
/// <param name="BestTier">The best tier that anybody has opened of the release in question, or null.</param>
public readonly record struct StoreView(PrivacyAmount Limit, PrivacyAmount Spent, int? BestTier);

/// <summary>
/// The deciding core, pure: a GDP filter (Smith, Thakurta 2022; Koskela, Tobaben, Honkela 2023) on two levels. A charge is admitted if
/// and only if both sums after it stay within their limits; adaptively chosen charges are covered. It never looks at rows.
/// </summary>
public static class LedgerRules
{
    /// <summary>Decides on a charge of a given amount, such as a per-query answer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The amount has a negative part, or costs no mu squared.</exception>
    public static LedgerDecision DecideCharge(AccountView account, StoreView store, RequestFingerprint fingerprint, PrivacyAmount cost)
    {
        if (cost.MuSquared <= 0 || cost.Slack < 0)
            throw new ArgumentOutOfRangeException(nameof(cost), "a charge costs more than 0 units of mu squared and no negative slack");
        return Known(account, fingerprint) ?? Fit(account, store, cost, cost);
    }

    /// <summary>Decides on opening a tier: each level pays from its own best tier upwards.</summary>
    /// <exception cref="InvalidOperationException">A tier is priced below 0.</exception>
    public static LedgerDecision DecideOpen(AccountView account, StoreView store, RequestFingerprint fingerprint, ITierCosts costs, int tier)
    {
        ArgumentNullException.ThrowIfNull(costs);
        if (Known(account, fingerprint) is { } known)
            return known;
        if (tier < 0 || tier >= costs.TierCount)
            return new LedgerDecision.Refused(RefusalReason.UnknownTier);
        if (account.OpenTier >= tier)
            return new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: false);
        return Fit(account, store, CostFrom(account.OpenTier, tier, costs), CostFrom(store.BestTier, tier, costs));
    }

    /// <summary>What reaching a tier costs from the best one held.</summary>
    public static PrivacyAmount CostFrom(int? held, int tier, ITierCosts costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        return held is null ? costs.Open(tier) : held >= tier ? PrivacyAmount.Zero : costs.Upgrade(held.Value, tier);
    }

    private static LedgerDecision? Known(AccountView account, RequestFingerprint fingerprint) =>
        account.Recorded is not { } recorded ? null
        : recorded == fingerprint ? new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: true)
        : new LedgerDecision.Refused(RefusalReason.RequestConflict);

    private static LedgerDecision Fit(AccountView account, StoreView store, PrivacyAmount accountCost, PrivacyAmount storeCost)
    {
        if (!accountCost.IsNonNegative || !storeCost.IsNonNegative)
            throw new InvalidOperationException("a tier is priced below 0: that would be a refund");
        if (!Fits(account.Spent, accountCost, account.Limit))
        {
            return new LedgerDecision.Refused(RefusalReason.AccountLimit, accountCost, Remaining(account), new PrivacyAmount(
                Missing(account.Spent.MuSquared, accountCost.MuSquared, account.Limit.MuSquared),
                Missing(account.Spent.Slack, accountCost.Slack, account.Limit.Slack)));
        }
        return Fits(store.Spent, storeCost, store.Limit)
            ? new LedgerDecision.Admitted(accountCost, storeCost, IsReplay: false)
            : new LedgerDecision.Refused(RefusalReason.StoreLimit);
    }

    // An acknowledgement may have left more spent than the limit.
    private static PrivacyAmount Remaining(AccountView account) =>
        new(Math.Max(0, account.Limit.MuSquared - account.Spent.MuSquared), Math.Max(0, account.Limit.Slack - account.Spent.Slack));

    // Compared in 128 bits: a sum beyond 64 bits is above every limit, never a small number.
    internal static bool Fits(PrivacyAmount spent, PrivacyAmount cost, PrivacyAmount limit) =>
        (Int128)spent.MuSquared + cost.MuSquared <= limit.MuSquared && (Int128)spent.Slack + cost.Slack <= limit.Slack;

    private static long Missing(long spent, long cost, long limit)
    {
        var missing = (Int128)spent + cost - limit;
        return missing <= 0 ? 0 : missing > long.MaxValue ? long.MaxValue : (long)missing;
    }
}
