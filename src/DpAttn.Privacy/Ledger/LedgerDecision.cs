namespace DpAttn.Privacy;

/// <summary>What the ledger decided.</summary>
public abstract record LedgerDecision
{
    private protected LedgerDecision()
    {
    }

    /// <summary>Whether the request may go on.</summary>
    public bool IsAdmitted => this is Admitted;

    /// <summary>Admitted, with what it costs.</summary>
    /// <param name="AccountCost">What the account pays: zero for a replay and for what is open already.</param>
    /// <param name="StoreCost">What the store's total grows by.</param>
    /// <param name="IsReplay">The request id was admitted before; nothing is charged again.</param>
    public sealed record Admitted(PrivacyAmount AccountCost, PrivacyAmount StoreCost, bool IsReplay) : LedgerDecision;

    /// <summary>Refused; nothing changed.</summary>
    /// <param name="Reason">Why.</param>
    /// <param name="Requested">What was asked for; null where amounts are withheld or do not apply.</param>
    /// <param name="Remaining">What the limit had left.</param>
    /// <param name="ShortBy">The raise of the limit that would admit it.</param>
    public sealed record Refused(RefusalReason Reason, PrivacyAmount? Requested = null, PrivacyAmount? Remaining = null, PrivacyAmount? ShortBy = null) : LedgerDecision;
}
