using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>How often something can still be bought: "about N more like this one".</summary>
internal static class Reach
{
    /// <summary>How often each tier of a store's ladder fits in what is left.</summary>
    public static IReadOnlyList<TierReach> Of(StoreView store, PrivacyAmount left) =>
        [.. store.Document.Definition.Ladder.Select((epsilon, tier) => new TierReach(tier, epsilon, store.Model.PriceOf(tier).TimesIn(left)))];
}
