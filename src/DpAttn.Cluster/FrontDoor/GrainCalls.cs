using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Calls to grains with a deadline, whose failures are problems.</summary>
internal static class GrainCalls
{
    /// <summary>Waits for a call that charges nothing.</summary>
    /// <param name="call">The call.</param>
    /// <param name="deadline">How long to wait.</param>
    /// <param name="code">The problem of one that is not answered.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public static async Task<T> WithinAsync<T>(this Task<T> call, TimeSpan deadline, string code, CancellationToken cancellationToken)
    {
        try
        {
            return await call.WaitAsync(deadline, cancellationToken);
        }
        catch (Exception e) when (IsSilence(e, cancellationToken))
        {
            throw new ProblemException(code, $"the cluster did not answer within {deadline.TotalSeconds:G3} s", e);
        }
    }

    /// <inheritdoc cref="WithinAsync{T}"/>
    public static async Task WithinAsync(this Task call, TimeSpan deadline, string code, CancellationToken cancellationToken)
    {
        try
        {
            await call.WaitAsync(deadline, cancellationToken);
        }
        catch (Exception e) when (IsSilence(e, cancellationToken))
        {
            throw new ProblemException(code, $"the cluster did not answer within {deadline.TotalSeconds:G3} s", e);
        }
    }

    /// <summary>
    /// Waits for a charge. Whatever ends it but a decision or a problem that says otherwise leaves its outcome unknown: it counts as made and is never taken back.
    /// </summary>
    public static async Task<T> ChargedWithinAsync<T>(this Task<T> call, TimeSpan deadline, CancellationToken cancellationToken)
    {
        try
        {
            return await call.WaitAsync(deadline, cancellationToken);
        }
        catch (Exception e) when (e is not ProblemException && !(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            throw new ProblemException(ProblemCodes.ChargeUnknown, $"the cluster did not answer within {deadline.TotalSeconds:G3} s; retry with the same idempotency key only", e);
        }
    }

    private static bool IsSilence(Exception e, CancellationToken cancellationToken) =>
        e is TimeoutException or OrleansException || e is OperationCanceledException && !cancellationToken.IsCancellationRequested;
}
