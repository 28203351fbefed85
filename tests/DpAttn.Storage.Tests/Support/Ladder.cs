using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Support;

/// <summary>Prices of a rising ladder: tiers cost these units of mu squared, and one unit of slack a step.</summary>
internal sealed class Ladder(params long[] muSquared) : ITierCosts
{
    public int TierCount => muSquared.Length;

    public PrivacyAmount Open(int tier) => new(muSquared[tier], 1);

    public PrivacyAmount Upgrade(int from, int to) => new(muSquared[to] - muSquared[from], 1);
}
