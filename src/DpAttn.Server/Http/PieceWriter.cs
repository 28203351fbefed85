using System.Buffers;

namespace DpAttn.Server.Http;

/// <summary>
/// A body in rented pieces, sent only when it is whole: its length is known then, and a fault on the way leaves as a problem. The pieces
/// are wiped when they go back.
/// </summary>
internal sealed class PieceWriter : IBufferWriter<byte>, IDisposable
{
    private const int FirstBytes = 16 * 1024;
    private const int PieceBytes = 256 * 1024;
    private readonly List<(byte[] Bytes, int Length)> _full = [];
    private byte[] _piece = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private int _used;
    private long _before;

    /// <summary>Bytes written.</summary>
    public long Length => _before + _used;

    public void Advance(int count) => _used += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _piece.AsMemory(_used);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _piece.AsSpan(_used);
    }

    /// <summary>Sends everything.</summary>
    public async Task SendAsync(HttpResponse response, CancellationToken cancellationToken)
    {
        response.ContentLength = Length;
        foreach (var (bytes, length) in _full)
            await response.Body.WriteAsync(bytes.AsMemory(0, length), cancellationToken);
        await response.Body.WriteAsync(_piece.AsMemory(0, _used), cancellationToken);
    }

    public void Dispose()
    {
        foreach (var (bytes, length) in _full)
            Return(bytes, length);
        _full.Clear();
        Return(_piece, _used);
        (_piece, _used) = ([], 0);
    }

    private void Ensure(int sizeHint)
    {
        var wanted = Math.Max(sizeHint, 1);
        if (_piece.Length - _used >= wanted)
            return;
        _full.Add((_piece, _used));
        _before += _used;
        (_piece, _used) = (ArrayPool<byte>.Shared.Rent(Math.Max(wanted, PieceBytes)), 0);
    }

    private static void Return(byte[] bytes, int length)
    {
        bytes.AsSpan(0, length).Clear();
        ArrayPool<byte>.Shared.Return(bytes);
    }
}
