namespace DpAttn.Privacy;

/// <summary>What the tiers of one release cost, the cheapest first.</summary>
public interface ITierCosts
{
    /// <summary>How many tiers.</summary>
    int TierCount { get; }

    /// <summary>What opening a tier costs an account that holds nothing of the release.</summary>
    PrivacyAmount Open(int tier);

    /// <summary>What going from one tier to a better one costs.</summary>
    PrivacyAmount Upgrade(int from, int to);
}
