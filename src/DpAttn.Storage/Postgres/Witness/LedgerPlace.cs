namespace DpAttn.Storage;

/// <summary>The ledger that a witness is opened for.</summary>
/// <param name="Place">Its database.</param>
/// <param name="Identity">Which one it says it is, or null.</param>
internal sealed record LedgerPlace(PostgresPlace Place, LedgerIdentity? Identity);
