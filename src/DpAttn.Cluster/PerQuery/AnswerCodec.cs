using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// How the answer of a per-query request is stored: "DPAA", format, queries, columns (4 bytes each), the kernel's error bound, then outputs, deviations, lower and upper
/// ends as doubles and a byte per interval that is the whole range; little-endian.
/// </summary>
internal static class AnswerCodec
{
    public const int Format = 1;
    private const int HeaderBytes = 24;
    private const int Tables = 4;
    private static ReadOnlySpan<byte> Magic => "DPAA"u8;

    /// <summary>The bytes of an answer.</summary>
    public static long LengthOf(long queries, int columns) => HeaderBytes + queries * columns * (Tables * sizeof(double) + 1);

    public static byte[] Encode(AnswerBatch batch)
    {
        var count = batch.Outputs.Length;
        var bytes = new byte[LengthOf(count / batch.Columns, batch.Columns)];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), Format);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), count / batch.Columns);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), batch.Columns);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(16), batch.KernelErrorBound);
        var at = HeaderBytes;
        foreach (var table in new[] { batch.Outputs, batch.Deviations, batch.Low, batch.High })
        {
            Copy(MemoryMarshal.Cast<double, long>(table), MemoryMarshal.Cast<byte, long>(bytes.AsSpan(at, count * sizeof(double))));
            at += count * sizeof(double);
        }
        for (var i = 0; i < count; i++)
            bytes[at + i] = batch.Whole[i] ? (byte)1 : (byte)0;
        return bytes;
    }

    /// <exception cref="StorageCorruptException">Not of this format, or of other numbers of queries and columns.</exception>
    public static AnswerBatch Decode(ReadOnlySpan<byte> bytes, int queries, int columns)
    {
        if (bytes.Length < HeaderBytes || !bytes.StartsWith(Magic) || BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]) != Format)
            throw new StorageCorruptException("a stored answer does not begin as one of this version");
        if (BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) != queries || BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]) != columns || bytes.Length != LengthOf(queries, columns))
            throw new StorageCorruptException($"a stored answer is not one to {queries} queries of {columns} columns");
        var count = queries * columns;
        var tables = new double[Tables][];
        var at = HeaderBytes;
        for (var t = 0; t < Tables; t++, at += count * sizeof(double))
        {
            tables[t] = new double[count];
            Copy(MemoryMarshal.Cast<byte, long>(bytes.Slice(at, count * sizeof(double))), MemoryMarshal.Cast<double, long>(tables[t].AsSpan()));
        }
        var whole = new bool[count];
        for (var i = 0; i < count; i++)
            whole[i] = bytes[at + i] != 0;
        return new AnswerBatch(columns, tables[0], tables[1], tables[2], tables[3], whole, [], BinaryPrimitives.ReadDoubleLittleEndian(bytes[16..]));
    }

    private static void Copy(ReadOnlySpan<long> from, Span<long> to)
    {
        if (BitConverter.IsLittleEndian)
            from.CopyTo(to);
        else
            BinaryPrimitives.ReverseEndianness(from, to);
    }
}
