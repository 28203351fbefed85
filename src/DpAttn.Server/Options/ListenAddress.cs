using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace DpAttn.Server;

/// <summary>One address of a listener.</summary>
/// <param name="IsHttps">Whether it speaks TLS.</param>
/// <param name="Address">The address; null for localhost, both IPv4 and IPv6.</param>
/// <param name="Port">The port; 0 for a free one.</param>
internal sealed record ListenAddress(bool IsHttps, IPAddress? Address, int Port)
{
    private const string Form = "it must be http or https, an IP address, localhost or *, and a port, such as http://127.0.0.1:8080";

    /// <summary>Whether only this machine can reach it.</summary>
    public bool IsLoopback => Address is null || IPAddress.IsLoopback(Address);

    public static string[] Split(string addresses) => addresses.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    public static bool TryParse(string text, [NotNullWhen(true)] out ListenAddress? address, [NotNullWhen(false)] out string? fault)
    {
        (address, fault) = (null, Form);
        BindingAddress binding;
        try
        {
            binding = BindingAddress.Parse(text);
        }
        catch (FormatException)
        {
            return false;
        }
        var isHttps = binding.Scheme.Equals("https", StringComparison.OrdinalIgnoreCase);
        if (!isHttps && !binding.Scheme.Equals("http", StringComparison.OrdinalIgnoreCase))
            return false;
        if (binding.IsUnixPipe || binding.IsNamedPipe || binding.PathBase.Length > 0 || binding.Port is < 0 or > ushort.MaxValue)
            return false;
        if (binding.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            if (binding.Port == 0)
            {
                fault = "a free port (0) needs an IP address, such as http://127.0.0.1:0";
                return false;
            }
            address = new(isHttps, null, binding.Port);
            return true;
        }
        if (binding.Host is "*" or "+")
            address = new(isHttps, IPAddress.IPv6Any, binding.Port);
        else if (IPAddress.TryParse(binding.Host.Trim('[', ']'), out var ip))
            address = new(isHttps, ip, binding.Port);
        else
            return false;
        return true;
    }

    public void Listen(KestrelServerOptions kestrel, Action<ListenOptions> configure)
    {
        if (Address is null)
            kestrel.ListenLocalhost(Port, configure);
        else if (Address.Equals(IPAddress.IPv6Any))
            kestrel.ListenAnyIP(Port, configure);
        else
            kestrel.Listen(Address, Port, configure);
    }
}
