using DpAttn.Storage;
using Microsoft.Extensions.Logging;

namespace DpAttn.Cluster;

/// <summary>
/// Failures leave a grain as problems of a code and a text and nothing else, so that callers on every silo, and fronts without a storage, understand them: an
/// exception whose cause the other side has no codec for would not arrive at all. The cause is logged where it happened.
/// </summary>
internal sealed partial class GrainFaults(ILogger<GrainFaults> logger) : IIncomingGrainCallFilter
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
            LogStorage(context.InterfaceName, context.MethodName, Failures.Describe(e));
            throw WithoutCause(StorageProblems.Of(e, isLedger: grain is BudgetGrain));
        }
        catch (ArgumentException e)
        {
            throw WithoutCause(SchemaFactory.Invalid(e));
        }
        catch (ProblemException e) when (e.InnerException is not null)
        {
            LogProblem(context.InterfaceName, context.MethodName, Failures.Describe(e));
            throw WithoutCause(e);
        }
    }

    private static ProblemException WithoutCause(ProblemException problem) => new(problem.Code, problem.Message);

    [LoggerMessage(LogLevel.Warning, "{Grain}.{Method} failed in the storage: {Fault}")]
    private partial void LogStorage(string grain, string method, string fault);

    [LoggerMessage(LogLevel.Information, "{Grain}.{Method} ended in a problem: {Fault}")]
    private partial void LogProblem(string grain, string method, string fault);
}
