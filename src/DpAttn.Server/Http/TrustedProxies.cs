using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using IPNetwork = System.Net.IPNetwork;

namespace DpAttn.Server.Http;

/// <summary>Who asks, where proxies of one's own stand before a front: the last address of X-Forwarded-For that none of them has.</summary>
internal static class TrustedProxies
{
    /// <summary>What is wrong with the setting.</summary>
    public static IEnumerable<string> Faults(ServerOptions options)
    {
        foreach (var text in Split(options))
        {
            if (Network(text) is not { } network)
                yield return $"{ServerOptions.Section}:{nameof(options.TrustedProxies)} is '{text}'; it must be IP addresses or networks, such as 10.1.0.0/16, separated by ;";
            else if (network.PrefixLength == 0)
                yield return $"{ServerOptions.Section}:{nameof(options.TrustedProxies)} is '{text}', which is everybody: any caller could say that it is another";
        }
    }

    /// <summary>Reads forwarded addresses of the proxies that are named, and of nobody else, whatever the framework's own settings say.</summary>
    public static void Add(IServiceCollection services, ServerOptions options) => services.PostConfigure<ForwardedHeadersOptions>(forwarded =>
    {
        IPNetwork[] networks = [.. Split(options).Select(text => Network(text)!.Value)];
        forwarded.ForwardedHeaders = networks.Length > 0 ? ForwardedHeaders.XForwardedFor : ForwardedHeaders.None;
        // As many hops as there are proxies in a row: the first that is none ends it.
        forwarded.ForwardLimit = null;
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var network in networks)
            forwarded.KnownIPNetworks.Add(network);
    });

    private static string[] Split(ServerOptions options) => options.TrustedProxies.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static IPNetwork? Network(string text) =>
        IPAddress.TryParse(text, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : IPNetwork.TryParse(text, out var network) ? network
        : null;
}
