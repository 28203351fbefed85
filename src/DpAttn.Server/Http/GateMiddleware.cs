using System.Diagnostics;
using DpAttn.Cluster;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>
/// Nothing passes without a credential, whatever the path, but health and metrics on the admin listener. The admin listener has nothing else,
/// and the API's listener has neither.
/// </summary>
/// <param name="next">What comes after.</param>
/// <param name="door">Knows credentials.</param>
/// <param name="limits">Rate limits.</param>
/// <param name="patience">How long the cluster may take to answer a request, this included.</param>
internal sealed class GateMiddleware(RequestDelegate next, IFrontDoor door, RateLimits limits, TimeSpan patience)
{
    public Task InvokeAsync(HttpContext context)
    {
        var isHealth = context.GetEndpoint()?.Metadata.GetMetadata<AdminOnly>() is not null;
        if (context.Features.Get<AdminListener>() is not null)
            return isHealth ? next(context) : NothingHere(context);
        return AuthenticateAsync(context, isHealth ? NothingHere : next);
    }

    private async Task AuthenticateAsync(HttpContext context, RequestDelegate next)
    {
        context.Features.Set(await CallerAsync(context));
        await next(context);
    }

    private async Task<Principal> CallerAsync(HttpContext context)
    {
        var credential = Read(context);
        limits.Admit(context, credential);
        var began = Stopwatch.GetTimestamp();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        deadline.CancelAfter(patience);
        Principal caller;
        try
        {
            caller = await door.AuthenticateAsync(credential, deadline.Token);
        }
        catch (OperationCanceledException e) when (deadline.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            throw new ProblemException(ProblemCodes.ShardUnavailable, $"nobody could look at the credential within {patience.TotalSeconds} s; nothing was done", e);
        }
        catch (ProblemException e) when (e.Code is ProblemCodes.Unauthenticated or ProblemCodes.Forbidden or ProblemCodes.InvalidRequest or ProblemCodes.TooLarge)
        {
            // Whatever is wrong with it. That nobody could look at it now, or that something else failed, is not the caller's doing.
            limits.CountFailure(context, credential);
            throw;
        }
        limits.Count(caller, credential!);
        context.Features.Set(new AuthenticationTime(Stopwatch.GetElapsedTime(began)));
        return caller;
    }

    private string? Read(HttpContext context)
    {
        try
        {
            return Credential.Read(context);
        }
        catch (ProblemException)
        {
            limits.CountFailure(context, null);
            throw;
        }
    }

    private static Task NothingHere(HttpContext context)
    {
        context.SetEndpoint(null);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
