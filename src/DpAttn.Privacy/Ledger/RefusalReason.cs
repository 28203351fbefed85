namespace DpAttn.Privacy;

/// <summary>Why the ledger refused. A refusal changes nothing.</summary>
public enum RefusalReason
{
    /// <summary>The account's limit would be exceeded.</summary>
    AccountLimit,

    /// <summary>The store's limit would be exceeded. Amounts are withheld: they would tell one user about the others.</summary>
    StoreLimit,

    /// <summary>The account has no grant.</summary>
    UnknownAccount,

    /// <summary>The release, or the tier of it, does not exist.</summary>
    UnknownTier,

    /// <summary>The request id was used before for something else.</summary>
    RequestConflict,

    /// <summary>A limit cannot be set below what is spent.</summary>
    LimitBelowSpent,
}
