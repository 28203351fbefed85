using DpAttn.Cluster;
using DpAttn.Server.Http;

namespace DpAttn.Server.Endpoints;

/// <summary>Health, on the admin listener only and without detail.</summary>
internal sealed class HealthEndpoints(IFrontDoor door, IHostApplicationLifetime lifetime) : IEndpoints
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/livez", context => SayAsync(context, true)).WithMetadata(new AdminOnly());
        routes.MapGet("/readyz", async context => await SayAsync(context, await IsReadyAsync(context.RequestAborted))).WithMetadata(new AdminOnly());
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return false;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Patience);
        try
        {
            return await door.IsReadyAsync(deadline.Token);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static Task SayAsync(HttpContext context, bool isWell)
    {
        context.Response.StatusCode = isWell ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "text/plain";
        return context.Response.WriteAsync(isWell ? "ok\n" : "not ready\n", context.RequestAborted);
    }
}
