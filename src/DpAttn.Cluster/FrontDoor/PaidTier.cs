namespace DpAttn.Cluster;

/// <summary>A tier that an account may be answered from.</summary>
/// <param name="Store">The store as it was chosen from.</param>
/// <param name="Choice">The tier.</param>
/// <param name="Entitlement">The account's totals.</param>
/// <param name="Charged">What this request was charged, in epsilon.</param>
/// <param name="IsReplay">Whether it was charged before.</param>
internal sealed record PaidTier(StoreView Store, TierChoice Choice, Entitlement Entitlement, double Charged, bool IsReplay);
