using DpAttn.Contracts;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Failures of the storage leave a grain as problems, so that callers on every silo, and fronts without a storage, understand them.</summary>
internal sealed class GrainFaults : IIncomingGrainCallFilter
{
    public async Task Invoke(IIncomingGrainCallContext context)
    {
        try
        {
            await context.Invoke();
        }
        catch (StorageException e)
        {
            throw ToProblem(e, isCharge: context.TargetContext.GrainInstance is BudgetGrain);
        }
        catch (ArgumentException e)
        {
            throw SchemaFactory.Invalid(e);
        }
    }

    /// <summary>The problem of a storage's failure.</summary>
    public static ProblemException ToProblem(StorageException failure, bool isCharge) => failure switch
    {
        StorageFullException => new ProblemException(ProblemCodes.StorageFull, "the storage is full; nothing that was acknowledged is lost", failure),
        StorageBusyException => new ProblemException(ProblemCodes.Busy, "too much waits for the storage already", failure),
        StorageOutcomeUnknownException when isCharge => new ProblemException(ProblemCodes.ChargeUnknown, "whether the charge was made is unknown; retry with the same idempotency key only", failure),
        _ when isCharge => new ProblemException(ProblemCodes.LedgerUnavailable, "the ledger cannot be reached or read; nothing was charged", failure),
        _ => new ProblemException(ProblemCodes.ShardUnavailable, "the storage cannot be reached or read", failure),
    };
}
