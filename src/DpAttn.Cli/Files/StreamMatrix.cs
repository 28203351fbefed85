namespace DpAttn.Cli.Files;

/// <summary>A matrix in C order behind a stream's position, read through a small buffer.</summary>
/// <param name="stream">Owned.</param>
/// <param name="name">What messages call it.</param>
/// <param name="rows">Rows.</param>
/// <param name="columns">Columns.</param>
/// <param name="kind">The type of its numbers.</param>
/// <param name="bigEndian">Their byte order.</param>
/// <param name="isWholeStream">Whether the stream must end behind it.</param>
internal sealed class StreamMatrix(Stream stream, string name, long rows, int columns, NumberKind kind, bool bigEndian, bool isWholeStream) : IMatrixSource
{
    private readonly byte[] _buffer = new byte[1 << 16];
    private long _read;

    public string Name => name;

    public long Rows => rows;

    public int Columns => columns;

    public void Read(Span<float> to)
    {
        var size = NumberDecoder.SizeOf(kind);
        while (to.Length > 0)
        {
            var piece = to[..Math.Min(to.Length, _buffer.Length / size)];
            var bytes = _buffer.AsSpan(0, piece.Length * size);
            var got = Guard(bytes, static (s, b) => s.ReadAtLeast(b, b.Length, throwOnEndOfStream: false));
            _read += got;
            if (got < bytes.Length)
                throw new RowFileException(name, $"{rows} x {columns} numbers ({rows * columns * size} bytes) are announced, but only {_read} bytes follow");
            NumberDecoder.Decode(bytes, kind, bigEndian, piece);
            to = to[piece.Length..];
        }
    }

    public void RequireEnd()
    {
        if (isWholeStream && Guard(_buffer.AsSpan(0, 1), static (s, b) => s.Read(b)) > 0)
            throw new RowFileException(name, "more bytes follow the array than its header announces");
    }

    public void Dispose() => stream.Dispose();

    private delegate int Reader(Stream stream, Span<byte> bytes);

    private int Guard(Span<byte> bytes, Reader read)
    {
        try
        {
            return read(stream, bytes);
        }
        catch (InvalidDataException e)
        {
            throw new RowFileException(name, "the compressed data is damaged", e);
        }
    }
}
