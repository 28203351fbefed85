using DpAttn.Cluster;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>
/// Nothing passes without a credential, whatever the path, but health on the admin listener. The admin listener has nothing else,
/// and the API's listener has no health.
/// </summary>
internal sealed class GateMiddleware(RequestDelegate next, IFrontDoor door, RateLimits limits)
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
        Principal caller;
        string? credential;
        try
        {
            credential = Credential.Read(context);
            limits.Admit(context, credential);
            caller = await door.AuthenticateAsync(credential, context.RequestAborted);
        }
        catch (ProblemException e) when (e.Code == ProblemCodes.Unauthenticated)
        {
            limits.CountFailure(context);
            throw;
        }
        limits.Count(caller, credential!);
        return caller;
    }

    private static Task NothingHere(HttpContext context)
    {
        context.SetEndpoint(null);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
