using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace DpAttn.Server;

/// <summary>Where a started server really listens; a port of 0 has become a free one.</summary>
public sealed class ServerAddresses
{
    private readonly List<(ListenOptions Listener, bool IsHttps)> _api = [];
    private readonly List<(ListenOptions Listener, bool IsHttps)> _admin = [];

    /// <summary>The API.</summary>
    public IReadOnlyList<Uri> Api => [.. _api.Select(ToUri)];

    /// <summary>Health; empty without an admin listener.</summary>
    public IReadOnlyList<Uri> Admin => [.. _admin.Select(ToUri)];

    internal void Add(ListenOptions listener, bool isHttps, bool isAdmin) => (isAdmin ? _admin : _api).Add((listener, isHttps));

    private static Uri ToUri((ListenOptions Listener, bool IsHttps) listener)
    {
        // Localhost listeners have no endpoint of their own but the port they were given.
        var scheme = listener.IsHttps ? "https" : "http";
        var endpoint = listener.Listener.IPEndPoint!;
        var host = endpoint.Address.Equals(System.Net.IPAddress.IPv6Any) ? "localhost"
            : endpoint.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{endpoint.Address}]"
            : endpoint.Address.ToString();
        return new Uri($"{scheme}://{host}:{endpoint.Port}");
    }
}
