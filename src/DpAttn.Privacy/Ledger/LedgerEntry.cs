namespace DpAttn.Privacy;

/// <summary>What an entry of the ledger records.</summary>
public enum LedgerEntryKind
{
    /// <summary>The store's limit was set.</summary>
    StoreLimit,

    /// <summary>An account's limit was set; the first one is its grant.</summary>
    AccountLimit,

    /// <summary>A tier of a release was opened or upgraded to.</summary>
    Open,

    /// <summary>An amount was charged, such as a per-query answer.</summary>
    Charge,

    /// <summary>
    /// An operator acknowledged that the ledger was not what it had been; what it could not show any more was charged. Its sequence may skip those that were lost.
    /// </summary>
    Acknowledgement,
}

/// <summary>One change of the ledger. Entries are only ever appended; replaying them gives the same state.</summary>
/// <param name="Sequence">Counted from 1 without gaps, but for those that an acknowledgement skips.</param>
/// <param name="Kind">What changed.</param>
/// <param name="Account">The account; null in the store's own.</param>
/// <param name="Request">The request that was charged; null for limits and acknowledgements.</param>
/// <param name="Fingerprint">Its fingerprint.</param>
/// <param name="Release">The release opened, or null.</param>
/// <param name="Tier">The tier opened, or null.</param>
/// <param name="AccountAmount">The new limit, or what the account paid.</param>
/// <param name="StoreAmount">The new limit, or what the store's total grew by.</param>
public sealed record LedgerEntry(
    long Sequence,
    LedgerEntryKind Kind,
    AccountId? Account,
    RequestId? Request,
    RequestFingerprint Fingerprint,
    ReleaseId? Release,
    int? Tier,
    PrivacyAmount AccountAmount,
    PrivacyAmount StoreAmount);
