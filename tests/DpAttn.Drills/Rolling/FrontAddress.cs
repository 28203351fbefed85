using System.Net.Sockets;

namespace DpAttn.Drills.Rolling;

/// <summary>One address for all fronts, as a load balancer gives: a connection goes to the first that takes it, beginning with another one each time.</summary>
internal sealed class FrontAddress(IReadOnlyList<Uri> fronts)
{
    private int _next;

    /// <summary>The address that a client is told.</summary>
    public Uri Endpoint => fronts[0];

    /// <summary>A handler that connects to any of them.</summary>
    public SocketsHttpHandler Handler() => new() { AllowAutoRedirect = false, UseProxy = false, ConnectCallback = (_, cancellationToken) => ConnectAsync(cancellationToken) };

    private async ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        var first = (int)((uint)Interlocked.Increment(ref _next) % fronts.Count);
        for (var i = 0; ; i++)
        {
            var front = fronts[(first + i) % fronts.Count];
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(front.Host, front.Port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException) when (i + 1 < fronts.Count)
            {
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }
}
