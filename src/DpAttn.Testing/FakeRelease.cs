using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Testing;

/// <summary>One release of a fake store: exact, and with a price.</summary>
internal sealed class FakeRelease(string id, string? key, IReadOnlyList<string> batches, FakeRows rows, NoiseLadder ladder, DateTimeOffset created)
{
    public string Id => id;

    public string? Key => key;

    public IReadOnlyList<string> Batches => batches;

    public NoiseLadder Ladder => ladder;

    /// <summary>Its rows; those of a continual one are the store's, of which its closed blocks stand in it.</summary>
    public FakeRows Rows { get; set; } = rows;

    /// <summary>The blocks of a continual release; null for others.</summary>
    public FakeGrowth? Growth { get; init; }

    public bool IsRetired { get; set; }

    /// <summary>The best tier whose whole price is at most an amount, if it is better than what is held.</summary>
    public int? BestTierWithin(double? most, int? held)
    {
        if (most is null)
            return null;
        for (var tier = ladder.Best; tier >= 0; tier--)
        {
            if (held >= tier || ladder.Tiers[tier].Epsilon.Value <= most)
                return held >= tier ? held : tier;
        }
        return null;
    }

    public ReleaseDescription Describe() => new()
    {
        Id = id,
        State = IsRetired ? "retired" : "published",
        Progress = 1,
        Slots = Growth?.Slots ?? Rows.Slots,
        Continual = Growth?.Describe(),
        Tiers = [.. ladder.Tiers.Select((tier, t) => new TierDescription(t, tier.Epsilon.Value, ladder.Delta.Value, tier.Cost.ToMu().Value))],
        Created = created,
    };
}
