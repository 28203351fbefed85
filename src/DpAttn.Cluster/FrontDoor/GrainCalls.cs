using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Calls to grains with a deadline, whose failures are problems.</summary>
internal static class GrainCalls
{
    /// <summary>Waits for a call. A charge that is not answered in time has an unknown outcome: it is never taken back.</summary>
    public static async Task<T> WithinAsync<T>(this Task<T> call, TimeSpan deadline, bool isCharge, CancellationToken cancellationToken)
    {
        try
        {
            return await call.WaitAsync(deadline, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OrleansException)
        {
            throw isCharge
                ? new ProblemException(ProblemCodes.ChargeUnknown, $"the budget's grain did not answer within {deadline.TotalSeconds:G3} s; retry with the same idempotency key only", e)
                : new ProblemException(ProblemCodes.ShardUnavailable, $"the cluster did not answer within {deadline.TotalSeconds:G3} s", e);
        }
    }

    /// <inheritdoc cref="WithinAsync{T}"/>
    public static async Task WithinAsync(this Task call, TimeSpan deadline, CancellationToken cancellationToken) =>
        await Wrap(call).WithinAsync(deadline, isCharge: false, cancellationToken);

    private static async Task<bool> Wrap(Task call)
    {
        await call;
        return true;
    }
}
