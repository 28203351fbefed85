using DpAttn.Contracts;

namespace DpAttn.Client;

/// <summary>A limit does not admit the charge. Nothing was charged, and trying again does not help.</summary>
public sealed class PrivacyBudgetExceededException(Problem problem) : DpAttentionException(problem?.Detail ?? throw new ArgumentNullException(nameof(problem)), problem)
{
    /// <summary>What was asked for, in epsilon; null where the store's own limit refused.</summary>
    public double? Requested => Problem!.Requested;

    /// <summary>The most that one charge may still cost, in epsilon.</summary>
    public double? Remaining => Problem!.Remaining;

    /// <summary>The raise of the limit, in epsilon, that would admit the request.</summary>
    public double? ShortBy => Problem!.ShortBy;

    /// <summary>The store's delta, of every epsilon here.</summary>
    public double? Delta => Problem!.Delta;

    /// <summary>The best tier that fits what remains, or null.</summary>
    public TierPrice? Affordable => Problem!.Affordable;
}
