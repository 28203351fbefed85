using System.Net;

namespace DpAttn.Client.Internal;

/// <summary>The connections behind a client.</summary>
internal static class Handlers
{
    /// <summary>
    /// No redirects (a credential and rows go where the options say, nowhere else), no cookies, and connections that are renewed, so that a
    /// changed address is noticed.
    /// </summary>
    public static SocketsHttpHandler Create() => new()
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        UseCookies = false,
    };
}
