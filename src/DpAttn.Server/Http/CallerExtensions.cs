using DpAttn.Cluster;

namespace DpAttn.Server.Http;

/// <summary>Who a request is from.</summary>
internal static class CallerExtensions
{
    /// <summary>The authenticated caller. An endpoint reached without one is a fault.</summary>
    public static Principal Caller(this HttpContext context) =>
        context.Features.Get<Principal>() ?? throw new InvalidOperationException("an endpoint was reached without a credential");
}
