using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace DpAttn.Testing.Tests.Tls;

/// <summary>Listens where a front looks for a gateway, with whatever certificate, and takes any of the front.</summary>
internal sealed class FalseGateway : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly (string Certificate, string Key)? _own;

    public FalseGateway((string Certificate, string Key)? own)
    {
        _own = own;
        _listener.Start();
    }

    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndpoint;

    /// <summary>Waits for a front, and for what it says.</summary>
    /// <returns>What it said inside of TLS; what it says to plain TCP, if that is not TLS's own.</returns>
    public async Task<byte[]> HearAsync()
    {
        using var client = await _listener.AcceptTcpClientAsync().WaitAsync(TimeSpan.FromSeconds(20));
        var buffer = new byte[4096];
        if (_own is not { } own)
        {
            // The first byte of a handshake; then at most an alert, since nobody shakes hands.
            var heard = await client.GetStream().ReadAsync(buffer);
            Assert.Equal(22, buffer[0]);
            await client.GetStream().WriteAsync("OK"u8.ToArray());
            heard = await client.GetStream().ReadAsync(buffer);
            return heard > 0 && buffer[0] != 21 ? buffer[..heard] : [];
        }
        using var certificate = X509Certificate2.CreateFromPem(own.Certificate, own.Key);
        await using var stream = new SslStream(client.GetStream(), false, (_, _, _, _) => true);
        try
        {
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true), ClientCertificateRequired = true });
            return buffer[..await stream.ReadAsync(buffer).AsTask().WaitAsync(TimeSpan.FromSeconds(20))];
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return [];
        }
    }

    public void Dispose() => _listener.Dispose();
}
