using DpAttn.Cluster;

namespace DpAttn.Server.Http;

/// <summary>
/// Nothing passes without a credential, whatever the path, but health on the admin listener. The admin listener has nothing else,
/// and the API's listener has no health.
/// </summary>
internal sealed class GateMiddleware(RequestDelegate next, IFrontDoor door)
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
        var caller = await door.AuthenticateAsync(Credential.Read(context), context.RequestAborted);
        context.Features.Set(caller);
        await next(context);
    }

    private static Task NothingHere(HttpContext context)
    {
        context.SetEndpoint(null);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
