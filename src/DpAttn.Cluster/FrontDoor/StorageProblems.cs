using DpAttn.Contracts;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>What a failure of the storage is to a caller.</summary>
internal static class StorageProblems
{
    /// <param name="failure">The failure.</param>
    /// <param name="isLedger">Whether it is the ledger's, so that a charge may be at stake.</param>
    public static ProblemException Of(StorageException failure, bool isLedger) => failure switch
    {
        LedgerSuspendedException => new ProblemException(ProblemCodes.LedgerClosed, failure.Message, failure),
        StorageFullException => new ProblemException(ProblemCodes.StorageFull, "the storage is full; nothing that was acknowledged is lost", failure),
        StorageBusyException => new ProblemException(ProblemCodes.Busy, "too much waits for the storage already", failure),
        StorageOutcomeUnknownException when isLedger => new ProblemException(ProblemCodes.ChargeUnknown, "whether the charge was made is unknown; retry with the same idempotency key only", failure),
        StorageOutcomeUnknownException => new ProblemException(ProblemCodes.ShardUnavailable, "whether the change was made is unknown; look before asking again for what is not the same twice, such as a key", failure),
        _ when isLedger => new ProblemException(ProblemCodes.LedgerUnavailable, "the ledger cannot be reached or read; nothing was charged", failure),
        StorageCorruptException => new ProblemException(ProblemCodes.InternalError, "what is stored is not what was written; the server's log has more", failure),
        _ => new ProblemException(ProblemCodes.ShardUnavailable, "the storage cannot be reached or read", failure),
    };
}
