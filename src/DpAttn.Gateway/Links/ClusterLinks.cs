using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace DpAttn.Gateway;

/// <summary>
/// What stands between the engine and the connections of a cluster. With mutual TLS nothing that the other end sends reaches the engine before it has proved to be what may be there: a silo at a silo's port, a front at a
/// gateway's, a silo wherever one connects to.
/// </summary>
internal sealed partial class ClusterLinks : IDisposable
{
    /// <summary>How long a handshake may take.</summary>
    public static readonly TimeSpan HandshakePatience = TimeSpan.FromSeconds(4);

    // TLS 1.3 wherever the system has it.
    private const SslProtocols Protocols = SslProtocols.Tls12 | SslProtocols.Tls13;
    private readonly LinkProtection _protection;
    private readonly LinkFiles? _files;
    private readonly LinkCertificateSource? _source;
    private readonly OpenLinks _open = new();
    private readonly Occasional _refusals = new(TimeSpan.FromSeconds(1));
    private readonly TimeSpan _patience;
    private readonly ILogger _logger;

    /// <summary>Begins to read certificates, where there are any.</summary>
    /// <param name="protection">How connections are protected.</param>
    /// <param name="files">The certificates of <see cref="LinkProtection.Mutual"/>.</param>
    /// <param name="own">What this process is.</param>
    /// <param name="logger">Told who is refused.</param>
    /// <param name="interval">How often the files are read.</param>
    /// <param name="patience">How long a handshake may take.</param>
    /// <exception cref="LinkFaultException">The certificates cannot be used.</exception>
    public ClusterLinks(LinkProtection protection, LinkFiles? files, LinkRole own, ILogger logger, TimeSpan? interval = null, TimeSpan? patience = null)
    {
        (_protection, _files, _logger, _patience) = (protection, files, logger, patience ?? HandshakePatience);
        if (protection != LinkProtection.Mutual)
            return;
        _source = new LinkCertificateSource(files ?? throw new ArgumentNullException(nameof(files)), own, logger, interval);
        _source.Looked += () => _open.Check(_source.Current, (connection, fault) => LogCut(connection.RemoteEndPoint, fault));
    }

    /// <summary>Guards a port.</summary>
    /// <param name="port">Its connections.</param>
    /// <param name="from">What those who connect have to be.</param>
    public void Accept(IConnectionBuilder port, LinkRole from)
    {
        if (_source is null)
            return;
        var places = new HandshakePlaces();
        port.Use(next => connection => AcceptAsync(connection, next, from, places));
    }

    /// <summary>Guards connections to silos.</summary>
    public void Connect(IConnectionBuilder connections)
    {
        if (_source is not null)
            connections.Use(next => connection => ConnectAsync(connection, next));
        else if (_protection == LinkProtection.Loopback)
            connections.Use(next => connection => IsLoopback(connection.RemoteEndPoint) ? next(connection) : throw Abort(connection, "it is on another machine, and plain connections are for this one alone; mutual TLS is off"));
    }

    public void Dispose() => _source?.Dispose();

    private static bool IsLoopback(EndPoint? end) => end is IPEndPoint { Address: var address } && IPAddress.IsLoopback(address);

    private async Task AcceptAsync(ConnectionContext connection, ConnectionDelegate next, LinkRole from, HandshakePlaces places)
    {
        var certificates = _source!.Current;
        var peer = new LinkPeer(from, asServer: false);
        await using var stream = Over(connection, peer, certificates);
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificates.Own,
            ClientCertificateRequired = true,
            CertificateChainPolicy = certificates.Policy(asServer: false),
            EnabledSslProtocols = Protocols,
            AllowRenegotiation = false,
            // A session that is taken up again would not be looked at.
            AllowTlsResume = false,
        };
        string? fault;
        using (var place = places.Take(connection.RemoteEndPoint))
            fault = place is null ? "too many have not proved yet who they are" : await ShakeAsync(connection, peer, cancel => stream.AuthenticateAsServerAsync(options, cancel));
        if (fault is null)
            await RunAsync(connection, stream, peer, next);
        else
            Abort(connection, fault);
    }

    private async Task ConnectAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var certificates = _source!.Current;
        var peer = new LinkPeer(LinkRole.Silo, asServer: true);
        await using var stream = Over(connection, peer, certificates);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = _files!.SiloName,
            ClientCertificateContext = certificates.Own,
            CertificateChainPolicy = certificates.Policy(asServer: true),
            EnabledSslProtocols = Protocols,
            AllowRenegotiation = false,
            AllowTlsResume = false,
        };
        if (await ShakeAsync(connection, peer, cancel => stream.AuthenticateAsClientAsync(options, cancel)) is { } fault)
            throw Abort(connection, fault);
        await RunAsync(connection, stream, peer, next);
    }

    // Whether the other end is good is for the peer alone to say: what the system makes of names is less than it asks.
    private static SslStream Over(ConnectionContext connection, LinkPeer peer, LinkCertificates certificates) =>
        new(new TransportStream(connection.Transport), leaveInnerStreamOpen: false, (_, certificate, chain, _) => peer.Show(certificate, chain, certificates));

    private async Task<string?> ShakeAsync(ConnectionContext connection, LinkPeer peer, Func<CancellationToken, Task> shake)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        patience.CancelAfter(_patience);
        try
        {
            await shake(patience.Token);
            return peer.Fault;
        }
        catch (OperationCanceledException)
        {
            return connection.ConnectionClosed.IsCancellationRequested ? "it left" : "it took too long to say who it is";
        }
        catch (Exception e) when (e is AuthenticationException or IOException or InvalidOperationException or CryptographicException or System.ComponentModel.Win32Exception)
        {
            return peer.Fault ?? "it left";
        }
    }

    private async Task RunAsync(ConnectionContext connection, SslStream stream, LinkPeer peer, ConnectionDelegate next)
    {
        var plain = connection.Transport;
        var through = new TlsTransport(stream);
        connection.Transport = through;
        _open.Add(connection, peer);
        try
        {
            await next(connection);
        }
        finally
        {
            _open.Remove(connection);
            connection.Transport = plain;
        }
    }

    private ConnectionAbortedException Abort(ConnectionContext connection, string fault)
    {
        if (_refusals.IsTime(out var untold))
            LogRefused(connection.RemoteEndPoint, fault, untold);
        var refusal = new ConnectionAbortedException($"the other end of a connection of the cluster was refused: {fault}");
        connection.Abort(refusal);
        return refusal;
    }

    [LoggerMessage(LogLevel.Warning, "{Address} was refused as a process of this cluster: {Fault} ({Untold} more were refused since this was last told)")]
    private partial void LogRefused(EndPoint? address, string fault, int untold);

    [LoggerMessage(LogLevel.Warning, "The connection with {Address} was cut: of its certificate, {Fault}")]
    private partial void LogCut(EndPoint? address, string fault);
}
