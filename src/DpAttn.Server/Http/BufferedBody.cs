using System.Buffers;
using DpAttn.Cluster;

namespace DpAttn.Server.Http;

/// <summary>
/// Bytes in rented pieces, to be written once and then read and sought in, for readers of files that cannot wait. The pieces are
/// wiped when they go back: they hold rows or queries. (The framework's own buffering would put them on disk.)
/// </summary>
internal sealed class BufferedBody : Stream
{
    private const int PieceBytes = 64 * 1024;
    private readonly List<byte[]> _pieces = [];
    private long _length;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => true;

    public override long Length => _length;

    public override long Position
    {
        get => _position;
        set
        {
            _position = value >= 0 ? value : throw new IOException("a place before the start was sought");
        }
    }

    /// <summary>Copies a stream to its end.</summary>
    /// <exception cref="ProblemException">too_large: it has more bytes than the cap.</exception>
    public static async Task<BufferedBody> CopyAsync(Stream source, long cap, CancellationToken cancellationToken)
    {
        var body = new BufferedBody();
        try
        {
            while (true)
            {
                var read = await source.ReadAsync(body.Room(), cancellationToken);
                if (read == 0)
                {
                    body._position = 0;
                    return body;
                }
                body._length += read;
                if (body._length > cap)
                    throw RequestBody.TooLarge(cap);
            }
        }
        catch
        {
            await body.DisposeAsync();
            throw;
        }
    }

    public override int Read(Span<byte> buffer)
    {
        var total = 0;
        while (buffer.Length > 0 && _position < _length)
        {
            var piece = Piece(_position, (int)Math.Min(buffer.Length, _length - _position));
            piece.CopyTo(buffer);
            buffer = buffer[piece.Length..];
            _position += piece.Length;
            total += piece.Length;
        }
        return total;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            while (_position >= (long)_pieces.Count * PieceBytes)
                _pieces.Add(ArrayPool<byte>.Shared.Rent(PieceBytes));
            var piece = Piece(_position, buffer.Length);
            buffer[..piece.Length].CopyTo(piece);
            buffer = buffer[piece.Length..];
            _position += piece.Length;
            _length = Math.Max(_length, _position);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Sends everything from the start.</summary>
    public async Task SendAsync(Stream destination, CancellationToken cancellationToken)
    {
        for (var sent = 0L; sent < _length; sent += PieceBytes)
            await destination.WriteAsync(_pieces[(int)(sent / PieceBytes)].AsMemory(0, (int)Math.Min(PieceBytes, _length - sent)), cancellationToken);
    }

    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
    {
        SeekOrigin.Begin => 0,
        SeekOrigin.Current => _position,
        _ => _length,
    };

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var piece in _pieces)
            ArrayPool<byte>.Shared.Return(piece, clearArray: true);
        _pieces.Clear();
        _length = 0;
        base.Dispose(disposing);
    }

    private Memory<byte> Room()
    {
        if (_length == (long)_pieces.Count * PieceBytes)
            _pieces.Add(ArrayPool<byte>.Shared.Rent(PieceBytes));
        return _pieces[^1].AsMemory((int)(_length % PieceBytes), PieceBytes - (int)(_length % PieceBytes));
    }

    private Span<byte> Piece(long position, int most)
    {
        var at = (int)(position % PieceBytes);
        return _pieces[(int)(position / PieceBytes)].AsSpan(at, Math.Min(most, PieceBytes - at));
    }
}
