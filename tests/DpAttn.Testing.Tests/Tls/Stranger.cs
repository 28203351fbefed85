using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace DpAttn.Testing.Tests.Tls;

/// <summary>Connects to a port of a silo by itself, with whatever certificate, takes any of the other end, and tells what came back.</summary>
internal sealed class Stranger : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp);
    private Stream _stream = Stream.Null;

    /// <summary>Plain, and saying something or nothing.</summary>
    public static async Task<Stranger> PlainAsync(IPEndPoint port, string says)
    {
        var stranger = new Stranger();
        if (!await stranger.IsConnectedAsync(port))
            return stranger;
        stranger._stream = new NetworkStream(stranger._socket);
        if (says.Length > 0)
            await stranger._stream.WriteAsync(Encoding.ASCII.GetBytes(says));
        return stranger;
    }

    /// <summary>With TLS, and a certificate or none.</summary>
    /// <param name="port">Where to.</param>
    /// <param name="own">The certificate that it shows.</param>
    /// <param name="greeting">What it says then: the first words of a front.</param>
    /// <param name="from">The address that it connects from; default the machine's choice.</param>
    public static async Task<Stranger> TlsAsync(IPEndPoint port, (string Certificate, string Key)? own, byte[] greeting, IPAddress? from = null)
    {
        var stranger = new Stranger();
        if (from is not null)
            stranger._socket.Bind(new IPEndPoint(from, 0));
        if (!await stranger.IsConnectedAsync(port))
            return stranger;
        var stream = new SslStream(new NetworkStream(stranger._socket), false, (_, _, _, _) => true);
        using var certificate = own is { } pem ? X509Certificate2.CreateFromPem(pem.Certificate, pem.Key) : null;
        stranger._stream = stream;
        try
        {
            await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "silo.dpattn",
                ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
                AllowTlsResume = false,
            });
            await stream.WriteAsync(greeting);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            stranger._stream = Stream.Null;
        }
        return stranger;
    }

    /// <summary>Reads what the engine says, until there is something or the connection ends.</summary>
    /// <returns>How many bytes came; 0 when the connection ended without any.</returns>
    public async Task<int> ReadAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        var buffer = new byte[4096];
        try
        {
            return await _stream.ReadAsync(buffer, patience.Token);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>Waits for the end of the connection.</summary>
    /// <returns>How long it took.</returns>
    public async Task<TimeSpan> EndAsync()
    {
        var began = Stopwatch.GetTimestamp();
        while (await ReadAsync() > 0)
        {
        }
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>Waits until something is so.</summary>
    /// <returns>False when it was not within this time.</returns>
    public static async Task<bool> IsSoAsync(Func<bool> isSo, TimeSpan within)
    {
        for (var began = Stopwatch.GetTimestamp(); !isSo(); await Task.Delay(20))
        {
            if (Stopwatch.GetElapsedTime(began) > within)
                return false;
        }
        return true;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    /// <returns>False where it was taken, and dropped before this end has seen it.</returns>
    private async Task<bool> IsConnectedAsync(IPEndPoint port)
    {
        try
        {
            await _socket.ConnectAsync(port);
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.Shutdown or SocketError.ConnectionReset)
        {
            return false;
        }
    }
}
