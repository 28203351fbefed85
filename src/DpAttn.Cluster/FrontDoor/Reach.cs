using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>How often something can still be bought: "about N more like this one".</summary>
internal static class Reach
{
    /// <summary>How many charges of one amount fit in what is left, in both of its parts.</summary>
    public static long AboutMore(PrivacyAmount left, PrivacyAmount cost)
    {
        if (!left.IsNonNegative || cost.MuSquared <= 0)
            return 0;
        var byMu = left.MuSquared / cost.MuSquared;
        return cost.Slack > 0 ? Math.Min(byMu, left.Slack / cost.Slack) : byMu;
    }

    /// <summary>The same for every tier of a store's ladder.</summary>
    public static IReadOnlyList<TierReach> Of(StoreView store, PrivacyAmount left) =>
        [.. store.Document.Definition.Ladder.Select((epsilon, tier) => new TierReach(tier, epsilon, AboutMore(left, store.Model.PriceOf(tier))))];
}
