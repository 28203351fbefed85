using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace DpAttn.Client.Internal;

/// <summary>The media type of a .npy body.</summary>
internal static class NpyContent
{
    public const string MediaType = "application/x-npy";
}

/// <summary>A float32 or float64 matrix as a .npy body, version 1.0, C order, sent from the caller's memory through a small window.</summary>
internal sealed class NpyContent<T> : HttpContent
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int PieceBytes = 1 << 16;
    private static readonly int Element = Marshal.SizeOf<T>();

    private readonly byte[] _header;
    private readonly ReadOnlyMemory<T> _data;

    public NpyContent(ReadOnlyMemory<T> data, int rows, int columns)
    {
        _header = Header(rows, columns);
        _data = data;
        Headers.ContentType = new MediaTypeHeaderValue(NpyContent.MediaType);
    }

    /// <summary>Magic, version and dictionary, padded so that the data starts at a multiple of 64 bytes, as NumPy writes them.</summary>
    internal static byte[] Header(int rows, int columns)
    {
        const int Preamble = 10;
        var text = $"{{'descr': '<f{Element}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}";
        var total = (Preamble + text.Length + 1 + 63) / 64 * 64;
        var header = new byte[total];
        ReadOnlySpan<byte> magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];
        magic.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(total - Preamble));
        header.AsSpan(Preamble).Fill((byte)' ');
        Encoding.ASCII.GetBytes(text, header.AsSpan(Preamble));
        header[^1] = (byte)'\n';
        return header;
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _header.Length + (long)_data.Length * Element;
        return true;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(_header, cancellationToken).ConfigureAwait(false);
        // Streams take memory of bytes: a small window is filled again and again, little-endian on every machine.
        var window = new byte[Math.Min((long)PieceBytes, (long)_data.Length * Element)];
        for (var start = 0; start < _data.Length; start += PieceBytes / Element)
        {
            var piece = _data.Slice(start, Math.Min(PieceBytes / Element, _data.Length - start));
            var bytes = window.AsMemory(0, piece.Length * Element);
            Fill(bytes.Span, piece.Span);
            await stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        }
    }

    private static void Fill(Span<byte> bytes, ReadOnlySpan<T> numbers)
    {
        if (BitConverter.IsLittleEndian)
        {
            MemoryMarshal.AsBytes(numbers).CopyTo(bytes);
            return;
        }
        for (var i = 0; i < numbers.Length; i++)
        {
            if (numbers[i] is float single)
                BinaryPrimitives.WriteSingleLittleEndian(bytes[(i * Element)..], single);
            else
                BinaryPrimitives.WriteDoubleLittleEndian(bytes[(i * Element)..], double.CreateTruncating(numbers[i]));
        }
    }
}
