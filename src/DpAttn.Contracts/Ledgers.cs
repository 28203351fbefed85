namespace DpAttn.Contracts;

/// <summary>The ledger of one store.</summary>
/// <param name="Incarnation">The store's incarnation.</param>
/// <param name="Store">The store's name; null when the catalog does not know it. A deleted store's is that of before.</param>
/// <param name="IsDeleted">Whether the store was deleted; what was spent is kept.</param>
/// <param name="Suspension">Why it takes no charges until an operator acknowledges what was found; null when it does.</param>
public sealed record LedgerState(string Incarnation, string? Store = null, bool IsDeleted = false, string? Suspension = null);

/// <summary>The ledgers that the caller may verify.</summary>
/// <param name="Ledgers">One per store.</param>
public sealed record LedgerList(IReadOnlyList<LedgerState> Ledgers);

/// <summary>Verifies one ledger.</summary>
/// <param name="Incarnation">The store's incarnation.</param>
public sealed record LedgerVerificationRequest(string Incarnation);

/// <summary>Something that is wrong with a ledger.</summary>
/// <param name="Kind">behind, otherHistory, bookMissing, entryChanged, entryMissing, totalChanged, tierChanged or witnessLost.</param>
/// <param name="Books">In how many books; 0 where it concerns all.</param>
/// <param name="Detail">In words.</param>
public sealed record LedgerFinding(string Kind, long Books, string Detail);

/// <summary>What the verification of a ledger found: chains, totals, limits and tiers against the entries, and the witness.</summary>
/// <param name="Incarnation">The store's incarnation.</param>
/// <param name="Books">How many books it has: the store's, and one per account.</param>
/// <param name="Entries">How many entries they hold.</param>
/// <param name="Findings">What is wrong; the store is then suspended.</param>
/// <param name="Suspension">Why the store takes no charges, also from before; null when it does.</param>
public sealed record LedgerCheck(string Incarnation, long Books, long Entries, IReadOnlyList<LedgerFinding> Findings, string? Suspension = null);

/// <summary>Opens suspended stores again, after somebody looked into what was found. Nothing is refunded.</summary>
/// <param name="Store">A store's name or incarnation; null for all that are suspended.</param>
public sealed record AcknowledgementRequest(string? Store = null);

/// <summary>A store that was opened again.</summary>
/// <param name="Incarnation">The store's incarnation.</param>
/// <param name="Reason">Why it was suspended.</param>
/// <param name="Books">How many books were written anew.</param>
/// <param name="Units">What was added to the store's total, mu squared in units of 2^-40.</param>
public sealed record AcknowledgedLedger(string Incarnation, string Reason, int Books, long Units);

/// <summary>What was acknowledged.</summary>
/// <param name="Ledgers">The stores that were opened again.</param>
public sealed record AcknowledgementResult(IReadOnlyList<AcknowledgedLedger> Ledgers);
