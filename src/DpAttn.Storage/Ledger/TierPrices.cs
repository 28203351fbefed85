using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>The last look at a price before it is recorded, whoever made the list.</summary>
internal static class TierPrices
{
    /// <summary>Requires that reaching a tier from the one held costs what a rising ladder costs.</summary>
    /// <exception cref="ArgumentException">Free where it may not be, negative, or an upgrade that is not the difference of mu squared.</exception>
    public static void Require(ITierCosts costs, int? held, int tier)
    {
        if (held >= tier)
            return;
        var cost = LedgerRules.CostFrom(held, tier, costs);
        var isRising = cost.IsNonNegative && (held is { } from
            ? cost.MuSquared == costs.Open(tier).MuSquared - costs.Open(from).MuSquared
            : cost.MuSquared > 0);
        if (!isRising)
            throw new ArgumentException($"tier {tier} is not priced as a step of a rising ladder", nameof(costs));
    }
}
