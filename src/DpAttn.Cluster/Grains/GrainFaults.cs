using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Failures of the storage leave a grain as problems, so that callers on every silo, and fronts without a storage, understand them.</summary>
internal sealed class GrainFaults : IIncomingGrainCallFilter
{
    public async Task Invoke(IIncomingGrainCallContext context)
    {
        var grain = context.TargetContext?.GrainInstance;
        if (grain?.GetType().Assembly != typeof(GrainFaults).Assembly)
        {
            await context.Invoke();
            return;
        }
        try
        {
            await context.Invoke();
        }
        catch (StorageException e)
        {
            throw StorageProblems.Of(e, isLedger: grain is BudgetGrain);
        }
        catch (ArgumentException e)
        {
            throw SchemaFactory.Invalid(e);
        }
    }
}
