using DpAttn.Cluster;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>Calls the front door as the authenticated caller, with a deadline that starts when the request has been read, and of which looking at its credential is a part.</summary>
internal sealed class FrontDesk(IFrontDoor door, ServerOptions options)
{
    private readonly TimeSpan _limit = TimeSpan.FromSeconds(options.RequestTimeoutSeconds);
    private readonly TimeSpan _maintenance = TimeSpan.FromSeconds(options.MaintenanceTimeoutSeconds);

    /// <summary>Calls the front door.</summary>
    /// <param name="context">The request.</param>
    /// <param name="call">The call.</param>
    /// <param name="lateCode">The problem when it takes too long.</param>
    /// <param name="isMaintenance">Whether it may take as long as what is stored is large.</param>
    /// <exception cref="ProblemException">Whatever the front door refuses; or it took too long, and whether it was done is not known.</exception>
    public async Task<T> AskAsync<T>(HttpContext context, Func<IFrontDoor, Principal, CancellationToken, Task<T>> call, string lateCode = ProblemCodes.ShardUnavailable, bool isMaintenance = false)
    {
        var client = context.RequestAborted;
        using var source = CancellationTokenSource.CreateLinkedTokenSource(client);
        var limit = isMaintenance ? _maintenance : _limit;
        var left = limit - (context.Features.Get<AuthenticationTime>()?.Spent ?? TimeSpan.Zero);
        source.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        try
        {
            return await call(door, context.Caller(), source.Token);
        }
        catch (OperationCanceledException e) when (source.IsCancellationRequested && !client.IsCancellationRequested)
        {
            throw new ProblemException(lateCode, $"no answer within {limit.TotalSeconds} s, and whether it was done is not known; retry with the same idempotency key only", e);
        }
    }

    /// <summary>As the other, for calls without a result.</summary>
    public Task TellAsync(HttpContext context, Func<IFrontDoor, Principal, CancellationToken, Task> call) =>
        AskAsync(context, async (door, caller, token) =>
        {
            await call(door, caller, token);
            return true;
        });
}
