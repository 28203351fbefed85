using System.Collections.Frozen;
using DpAttn.Contracts;
using DpAttn.Gateway;
using Microsoft.Extensions.Logging;

namespace DpAttn.Cluster;

/// <summary>
/// A client of a gateway may call one interface, the front door. Everything else, the engine's own included, takes only what carries the seal of the silos, whoever the sender says it is; but for what a client
/// needs to be one, the map of the cluster and giving up a call, and for timers, which a grain sends to itself and which nobody else's call can stand for.
/// </summary>
/// <remarks>
/// It sees calls and not responses, which the engine believes by their target and number: a client that writes its own messages could forge one. Whoever may speak at the port of a gateway or of a silo is therefore
/// trusted at the level of the protocol; mutual TLS decides who that is.
/// </remarks>
internal sealed partial class GatewayFilter(SiloSeal seal, ILogger<GatewayFilter> logger) : IIncomingGrainCallFilter
{
    private static readonly FrozenSet<string> Unsealed = FrozenSet.ToFrozenSet(["Orleans.Runtime.IClusterManifestSystemTarget", "Orleans.Runtime.IGrainCallCancellationExtension", "Orleans.Runtime.IGrainTimerInvoker"]);

    public async Task Invoke(IIncomingGrainCallContext context)
    {
        var carried = SiloSeal.Carried;
        if (carried is not null)
            SiloSeal.Remove();
        var called = context.Request.GetInterfaceType();
        if (called != typeof(IFrontDoorGrain) && !await seal.IsAsync(carried) && !Unsealed.Contains(called.FullName!))
        {
            LogRefused(context.InterfaceName, context.MethodName);
            throw new ProblemException(ProblemCodes.Forbidden, "a client of a gateway calls nothing but the front door");
        }
        await context.Invoke();
    }

    [LoggerMessage(LogLevel.Warning, "A call of {Interface}.{Method} that no silo has sent was refused")]
    private partial void LogRefused(string @interface, string method);
}
