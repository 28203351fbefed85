using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>What a refused charge tells the account: enough to act on, and nothing about others.</summary>
internal static class Refusals
{
    // Epsilons are reported rounded up and limits rounded down: a few steps between them are enough.
    private const int MostSteps = 40;

    /// <param name="store">The store.</param>
    /// <param name="account">The totals that the decision was made on.</param>
    /// <param name="choice">What was to be opened.</param>
    /// <param name="reason">Why not.</param>
    /// <param name="outcome">The ledger's figures.</param>
    public static ProblemException Of(StoreView store, AccountState account, TierChoice choice, RefusalReason reason, ChargeOutcome outcome) => reason switch
    {
        RefusalReason.AccountLimit => OfAccountLimit(store, account, choice, outcome),
        _ => Of(store, reason),
    };

    /// <summary>The same for an answer of a per-query store.</summary>
    public static ProblemException Of(StoreView store, PerQueryModel model, AccountState account, int tier, int queries, RefusalReason reason, ChargeOutcome outcome) =>
        reason != RefusalReason.AccountLimit ? Of(store, reason) : new ProblemException(
            ProblemCodes.BudgetExhausted,
            outcome.Missing is { MuSquared: 0, Slack: > 0 }
                ? "the budget has no room for the slack of the answer's discrete noise; nothing was charged"
                : $"the budget does not admit an answer at tier {tier}; nothing was charged")
        {
            Requested = model.EpsilonOf(tier).Value,
            Remaining = PrivacyLimit.ToAffordableEpsilon(account.Remaining, store.Delta).Value,
            ShortBy = ShortBy(account, outcome.Amount, store.Delta),
            Delta = store.Delta.Value,
            Affordable = BestAffordable(store, model, account, tier, queries),
        };

    /// <summary>The raise of an account's limit, in epsilon, that would admit a charge; null when none would.</summary>
    public static double? ShortBy(AccountState account, PrivacyAmount cost, Delta delta)
    {
        var needed = account.Spent + cost;
        var raise = Math.Max(0, PrivacyLimit.ToEpsilon(needed, delta).Value - account.StatedEpsilon);
        var step = account.StatedEpsilon * 1e-15;
        for (var tried = 0; tried < MostSteps; tried++, raise += step, step *= 2)
        {
            // As the owner will state it.
            if (TryLimit(account.StatedEpsilon + raise, delta) is not { } limit)
                return null;
            if (needed.FitsIn(limit))
                return raise;
        }
        // A larger epsilon leaves less room for the slack of discrete noise, and that is what is short.
        return null;
    }

    /// <summary>An amount in epsilon; a whole tier's is the one that it is stated at.</summary>
    public static double ToEpsilon(StoreView store, TierChoice choice, PrivacyAmount amount)
    {
        var tier = store.LadderOf(choice.Release).Tiers[choice.Tier];
        return amount == tier.Cost ? tier.Epsilon.Value : PrivacyLimit.ToEpsilon(amount, store.Delta).Value;
    }

    private static ProblemException Of(StoreView store, RefusalReason reason) => reason switch
    {
        // No amounts: they would tell one user about the others.
        RefusalReason.StoreLimit => new ProblemException(ProblemCodes.BudgetExhausted, "the store's own limit does not admit this; nothing was charged") { Delta = store.Delta.Value },
        RefusalReason.RequestConflict => new ProblemException(ProblemCodes.RequestConflict, "this idempotency key was used for another request; nothing was charged"),
        _ => new ProblemException(ProblemCodes.NotFound, "no such store, or no grant"),
    };

    private static TierPrice? BestAffordable(StoreView store, PerQueryModel model, AccountState account, int below, int queries)
    {
        for (var tier = below - 1; tier >= 0; tier--)
        {
            if (model.PriceOf(tier, queries).FitsIn(account.Remaining))
                return AnswerPrice.Of(store, tier);
        }
        return null;
    }

    private static ProblemException OfAccountLimit(StoreView store, AccountState account, TierChoice choice, ChargeOutcome outcome) => new(
        ProblemCodes.BudgetExhausted,
        outcome.Missing is { MuSquared: 0, Slack: > 0 }
            ? "the budget has no room for the slack of this release's discrete noise; nothing was charged"
            : $"the budget does not admit tier {choice.Tier} of release {choice.Release.Id}; nothing was charged")
    {
        Requested = ToEpsilon(store, choice, outcome.Amount),
        Remaining = PrivacyLimit.ToAffordableEpsilon(account.Remaining, store.Delta).Value,
        ShortBy = ShortBy(account, outcome.Amount, store.Delta),
        Delta = store.Delta.Value,
        Affordable = BestAffordable(store, account, choice.Release),
    };

    private static TierPrice? BestAffordable(StoreView store, AccountState account, ReleaseDocument release)
    {
        var ladder = store.LadderOf(release);
        var held = account.TierOf(release.Id);
        for (var tier = ladder.Best; tier >= 0 && !(held >= tier); tier--)
        {
            if (LedgerRules.CostFrom(held, tier, ladder).FitsIn(account.Remaining))
                return TierChoice.Price(store, account, release, tier);
        }
        return null;
    }

    private static PrivacyAmount? TryLimit(double epsilon, Delta delta)
    {
        try
        {
            return new PrivacyLimit(Epsilon.Budget(epsilon), delta).Amount;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
