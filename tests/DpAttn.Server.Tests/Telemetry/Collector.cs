using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace DpAttn.Server.Tests.Telemetry;

/// <summary>An OpenTelemetry collector over HTTP that keeps what it is sent. Without ASP.NET Core, whose own spans would be sent to it in turn.</summary>
internal sealed class Collector : IDisposable
{
    private readonly HttpListener _listener = new();

    public Collector()
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Endpoint = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        }
        _listener.Prefixes.Add(Endpoint + "/");
        _listener.Start();
        _ = ReceiveAsync();
    }

    public string Endpoint { get; }

    /// <summary>What came, by the path that it was sent to.</summary>
    public ConcurrentQueue<(string Path, byte[] Body)> Received { get; } = new();

    public IEnumerable<byte[]> Of(string signal) => Received.Where(sent => sent.Path == "/v1/" + signal).Select(sent => sent.Body);

    public void Dispose() => _listener.Close();

    private async Task ReceiveAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                Received.Enqueue((context.Request.Url!.AbsolutePath, body.ToArray()));
                context.Response.ContentType = "application/x-protobuf";
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }
}
