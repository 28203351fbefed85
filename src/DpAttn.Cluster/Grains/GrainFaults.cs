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
            LogStorage(e, context.InterfaceName, context.MethodName);
            throw WithoutCause(StorageProblems.Of(e, isLedger: grain is BudgetGrain));
        }
        catch (ArgumentException e)
        {
            throw WithoutCause(SchemaFactory.Invalid(e));
        }
        catch (ProblemException e) when (e.InnerException is not null)
        {
            LogProblem(e, context.InterfaceName, context.MethodName);
            throw WithoutCause(e);
        }
    }

    private static ProblemException WithoutCause(ProblemException problem) => new(problem.Code, problem.Message);

    [LoggerMessage(LogLevel.Warning, "{Grain}.{Method} failed in the storage")]
    private partial void LogStorage(Exception exception, string grain, string method);

    [LoggerMessage(LogLevel.Information, "{Grain}.{Method} ended in a problem")]
    private partial void LogProblem(Exception exception, string grain, string method);
}
