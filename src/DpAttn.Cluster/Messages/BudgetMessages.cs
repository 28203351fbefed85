using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Opens a tier for the grain's account.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.OpenCommand)]
internal sealed record OpenCommand(
    [property: Id(0)] string Request,
    [property: Id(1)] byte[] Content,
    [property: Id(2)] string Release,
    [property: Id(3)] int Tier);

/// <summary>Charges the grain's account for a per-query answer, at the price of the noise that it is going to get.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.ChargeCommand)]
internal sealed record ChargeCommand(
    [property: Id(0)] string Request,
    [property: Id(1)] byte[] Content,
    [property: Id(2)] long MuSquared,
    [property: Id(3)] long Slack);

/// <summary>What the ledger decided.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.ChargeOutcome)]
internal sealed record ChargeOutcome(
    [property: Id(0)] int? RefusalCode,
    [property: Id(1)] bool IsReplay,
    [property: Id(2)] long MuSquared,
    [property: Id(3)] long Slack,
    [property: Id(4)] long MissingMuSquared,
    [property: Id(5)] long MissingSlack,
    [property: Id(6)] AccountState? Account)
{
    public RefusalReason? Refusal => (RefusalReason?)RefusalCode;

    public PrivacyAmount Amount => new(MuSquared, Slack);

    public PrivacyAmount Missing => new(MissingMuSquared, MissingSlack);

    public static ChargeOutcome Of(LedgerDecision decision, AccountState? account) => decision switch
    {
        LedgerDecision.Admitted admitted => new ChargeOutcome(null, admitted.IsReplay, admitted.AccountCost.MuSquared, admitted.AccountCost.Slack, 0, 0, account),
        LedgerDecision.Refused refused => new ChargeOutcome(
            (int)refused.Reason, false, refused.Requested?.MuSquared ?? 0, refused.Requested?.Slack ?? 0, refused.ShortBy?.MuSquared ?? 0, refused.ShortBy?.Slack ?? 0, account),
        _ => throw new InvalidOperationException("the ledger decided nothing"),
    };
}

/// <summary>What a request id stands for in the ledger.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.RecordedRequest)]
internal sealed record RecordedRequest(
    [property: Id(0)] string Fingerprint,
    [property: Id(1)] string? Release,
    [property: Id(2)] int? Tier,
    [property: Id(3)] long MuSquared,
    [property: Id(4)] long Slack,
    [property: Id(5)] DateTimeOffset At);

/// <summary>An account's totals and what it has opened; of two the one of the higher sequence is the newer.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.AccountState)]
internal sealed record AccountState(
    [property: Id(0)] double StatedEpsilon,
    [property: Id(1)] long LimitMuSquared,
    [property: Id(2)] long LimitSlack,
    [property: Id(3)] long SpentMuSquared,
    [property: Id(4)] long SpentSlack,
    [property: Id(5)] OpenTier[] Opened,
    [property: Id(6)] long Sequence)
{
    public PrivacyAmount Limit => new(LimitMuSquared, LimitSlack);

    public PrivacyAmount Spent => new(SpentMuSquared, SpentSlack);

    public PrivacyAmount Remaining => new(Math.Max(0, LimitMuSquared - SpentMuSquared), Math.Max(0, LimitSlack - SpentSlack));

    public static AccountState Of(AccountBudget budget) => new(
        budget.StatedEpsilon.Value,
        budget.Limit.MuSquared,
        budget.Limit.Slack,
        budget.Spent.MuSquared,
        budget.Spent.Slack,
        [.. budget.OpenTiers.Select(open => new OpenTier(open.Key.Value, open.Value))],
        budget.Sequence);

    /// <summary>The totals after an amount was charged.</summary>
    public AccountState After(PrivacyAmount cost) => this with
    {
        SpentMuSquared = SpentMuSquared + cost.MuSquared,
        SpentSlack = SpentSlack + cost.Slack,
        Sequence = Sequence + 1,
    };

    /// <summary>The totals after a tier was opened.</summary>
    public AccountState After(string release, int tier, PrivacyAmount cost) => After(cost) with
    {
        Opened = [.. Opened.Where(open => open.Release != release), new OpenTier(release, Math.Max(tier, TierOf(release) ?? tier))],
    };

    public int? TierOf(string release)
    {
        foreach (var open in Opened)
        {
            if (open.Release == release)
                return open.Tier;
        }
        return null;
    }
}

/// <summary>A tier that is open.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.OpenTier)]
internal sealed record OpenTier([property: Id(0)] string Release, [property: Id(1)] int Tier);
