using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace DpAttn.Gateway;

/// <summary>The connections that are open, so that one whose other end is no longer what it has to be is cut: its certificate has ended since, or its authority was taken away.</summary>
internal sealed class OpenLinks
{
    private readonly ConcurrentDictionary<ConnectionContext, LinkPeer> _open = new();

    public void Add(ConnectionContext connection, LinkPeer peer) => _open[connection] = peer;

    public void Remove(ConnectionContext connection) => _open.TryRemove(connection, out _);

    /// <summary>Looks at all of them, and cuts those that are not good any more.</summary>
    /// <param name="certificates">Who is trusted now.</param>
    /// <param name="tell">Told of each that is cut, and why.</param>
    public void Check(LinkCertificates certificates, Action<ConnectionContext, string> tell)
    {
        foreach (var (connection, peer) in _open)
        {
            if (peer.IsGood(certificates) || !_open.TryRemove(connection, out _))
                continue;
            tell(connection, peer.Fault!);
            connection.Abort();
        }
    }
}
