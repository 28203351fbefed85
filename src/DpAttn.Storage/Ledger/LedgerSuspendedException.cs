namespace DpAttn.Storage;

/// <summary>
/// A store takes no charges, grants or limits: its ledger is not what it was, and an operator has to acknowledge that. Nothing was changed. The message is
/// for users: it says what was found and what to do.
/// </summary>
public sealed class LedgerSuspendedException(string reason) : StorageException(
    $"the ledger of this store is closed: {reason}. Nothing was charged, and what is open keeps being answered. An operator looks into it with 'dpattn ledger verify', and opens it again with 'dpattn restore --acknowledge', which refunds nothing")
{
    /// <summary>What was found.</summary>
    public string Reason { get; } = reason;
}
