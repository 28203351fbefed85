using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DpAttn.Benchmarks.Server;

/// <summary>One connection that sends a fixed request and reads the answer to its end: as little client as there can be, since it shares the machine with the server.</summary>
internal sealed class RawHttp : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _request;
    private readonly byte[] _buffer = new byte[1 << 20];

    public RawHttp(Uri endpoint, string path, string key, string contentType, byte[] body, string accept = "application/json")
    {
        var head = $"POST {path} HTTP/1.1\r\nHost: {endpoint.Authority}\r\nAuthorization: Bearer {key}\r\nContent-Type: {contentType}\r\nAccept: {accept}\r\nContent-Length: {body.Length}\r\n\r\n";
        _request = [.. Encoding.ASCII.GetBytes(head), .. body];
        _socket.Connect(IPAddress.Loopback, endpoint.Port);
    }

    /// <summary>Sends the request and reads the answer.</summary>
    /// <returns>Bytes of the answer's body.</returns>
    /// <exception cref="InvalidOperationException">Any status but 200.</exception>
    public int Ask()
    {
        _socket.Send(_request);
        var have = 0;
        while (true)
        {
            have += Receive(have);
            var head = _buffer.AsSpan(0, have);
            var end = head.IndexOf("\r\n\r\n"u8);
            if (end < 0)
                continue;
            if (!head.StartsWith("HTTP/1.1 200"u8))
                throw new InvalidOperationException(Encoding.ASCII.GetString(head));
            return ReadBody(head[..end], end + 4, have);
        }
    }

    public void Dispose() => _socket.Dispose();

    private int ReadBody(ReadOnlySpan<byte> head, int start, int have)
    {
        if (TryLength(head, out var length))
        {
            while (have < start + length)
                have += Receive(have);
            return length;
        }
        // Chunked: the last chunk ends it.
        while (!_buffer.AsSpan(start, have - start).EndsWith("0\r\n\r\n"u8))
            have += Receive(have);
        return have - start;
    }

    private static bool TryLength(ReadOnlySpan<byte> head, out int length)
    {
        length = 0;
        var at = head.IndexOf("Content-Length: "u8);
        if (at < 0)
            return false;
        foreach (var digit in head[(at + "Content-Length: ".Length)..])
        {
            if (digit is < (byte)'0' or > (byte)'9')
                break;
            length = 10 * length + digit - '0';
        }
        return true;
    }

    private int Receive(int at)
    {
        var got = _socket.Receive(_buffer, at, _buffer.Length - at, SocketFlags.None);
        return got > 0 ? got : throw new InvalidOperationException("the server closed the connection");
    }
}
