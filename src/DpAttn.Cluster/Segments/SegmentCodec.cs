using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// How rows are stored: a header, a bit per row that is null or erased, keys, values; little-endian, float32 or float64 as they came.
/// </summary>
/// <remarks>
/// Header, 32 bytes: "DPAS", format (2 bytes), flags (2 bytes: 1 clip), rows, key dimension, value dimension, bytes per key number and per value number
/// (4 bytes each), 4 bytes of zero. Then the mask, one bit a row, padded to 8 bytes.
/// </remarks>
internal static class SegmentCodec
{
    public const ushort Format = 1;
    private const int HeaderBytes = 32;
    private const ushort ClipFlag = 1;
    private static ReadOnlySpan<byte> Magic => "DPAS"u8;

    /// <summary>How many rows fit a blob of <paramref name="largest"/> bytes, at least 1.</summary>
    /// <exception cref="ArgumentException">A single row is too large.</exception>
    public static int RowsPerSegment(RowBatch batch, int largest)
    {
        var row = (long)batch.Keys.Columns * ElementBytes(batch.Keys) + (long)batch.Values.Columns * ElementBytes(batch.Values);
        var room = ISegmentStore.LargestBlobBytes - HeaderBytes - 64;
        if (row > room)
            throw new ArgumentException($"one row takes {row} bytes; at most {room} fit a segment");
        return (int)Math.Max(1, (largest - HeaderBytes) / (row + 1));
    }

    /// <summary>Encodes rows <paramref name="start"/> to <paramref name="start"/> + <paramref name="count"/> - 1 of a batch.</summary>
    public static byte[] Encode(RowBatch batch, int start, int count)
    {
        int keyBytes = ElementBytes(batch.Keys), valueBytes = ElementBytes(batch.Values);
        int d = batch.Keys.Columns, dv = batch.Values.Columns;
        var maskBytes = MaskBytes(count);
        var bytes = new byte[HeaderBytes + maskBytes + (long)count * ((long)d * keyBytes + (long)dv * valueBytes)];
        WriteHeader(bytes, batch.Clip, count, d, dv, keyBytes, valueBytes);
        var mask = bytes.AsSpan(HeaderBytes, maskBytes);
        for (var i = 0; i < count; i++)
        {
            if (batch.IsNull is { } isNull && isNull[start + i])
                mask[i >> 3] |= (byte)(1 << (i & 7));
        }
        var keys = bytes.AsSpan(HeaderBytes + maskBytes, count * d * keyBytes);
        CopyRows(batch.Keys, start, keys);
        CopyRows(batch.Values, start, bytes.AsSpan(HeaderBytes + maskBytes + keys.Length));
        // The numbers of a null slot mean nothing and are not kept.
        var header = Header.Read(bytes);
        for (var i = 0; i < count; i++)
        {
            if ((mask[i >> 3] >> (i & 7) & 1) != 0)
                ClearRow(bytes, header, i);
        }
        return bytes;
    }

    /// <summary>Rows of a segment under a schema: null slots keep their place under add-remove; erased rows are left out under replace-one.</summary>
    /// <exception cref="StorageCorruptException">Not a segment of this format, or of other dimensions.</exception>
    public static (RowSet? Rows, bool Clip) Decode(byte[] bytes, StoreSchema schema)
    {
        var header = Header.Read(bytes);
        if (header.D != schema.KeyDimension || header.Dv != schema.ValueDimension)
            throw new StorageCorruptException($"a segment has dimensions {header.D} and {header.Dv}; the schema states {schema.KeyDimension} and {schema.ValueDimension}");
        var isNull = Mask(bytes, header);
        var keep = schema.Adjacency == Adjacency.AddRemove || isNull is null
            ? null
            : Enumerable.Range(0, header.Rows).Where(i => !isNull[i]).ToArray();
        var rows = keep?.Length ?? header.Rows;
        if (rows == 0)
            return (null, header.Clip);
        var keys = ReadMatrix(bytes.AsSpan(header.KeysStart), header.Rows, header.D, header.KeyBytes, keep);
        var values = ReadMatrix(bytes.AsSpan(header.ValuesStart), header.Rows, header.Dv, header.ValueBytes, keep);
        return (FloatMatrix.ToRows(keys, values, keep is null ? isNull : null), header.Clip);
    }

    /// <summary>The segment without one row: its numbers overwritten, its bit set.</summary>
    public static byte[] Erase(byte[] bytes, int row)
    {
        var header = Header.Read(bytes);
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, header.Rows);
        var erased = (byte[])bytes.Clone();
        erased[HeaderBytes + (row >> 3)] |= (byte)(1 << (row & 7));
        ClearRow(erased, header, row);
        return erased;
    }

    /// <summary>
    /// Some rows of a segment as a segment of their own, whose bytes say all that is summed of them. Erasing another row of the segment does not change them.
    /// </summary>
    /// <exception cref="StorageCorruptException">Not a segment of this format.</exception>
    /// <exception cref="ArgumentException">It does not have these rows.</exception>
    public static byte[] Slice(byte[] bytes, int start, int count)
    {
        var header = Header.Read(bytes);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, header.Rows - start);
        int key = header.D * header.KeyBytes, value = header.Dv * header.ValueBytes, maskBytes = MaskBytes(count);
        var slice = new byte[HeaderBytes + maskBytes + count * (key + value)];
        WriteHeader(slice, header.Clip, count, header.D, header.Dv, header.KeyBytes, header.ValueBytes);
        for (var i = 0; i < count; i++)
        {
            if (IsMarked(bytes, start + i))
                slice[HeaderBytes + (i >> 3)] |= (byte)(1 << (i & 7));
        }
        bytes.AsSpan(header.KeysStart + start * key, count * key).CopyTo(slice.AsSpan(HeaderBytes + maskBytes));
        bytes.AsSpan(header.ValuesStart + start * value, count * value).CopyTo(slice.AsSpan(HeaderBytes + maskBytes + count * key));
        return slice;
    }

    /// <summary>How many rows, from one on, hold so many slots that count: the fewest.</summary>
    /// <param name="bytes">A segment.</param>
    /// <param name="start">The first row.</param>
    /// <param name="slots">The slots, at least 1.</param>
    /// <param name="keepsSlots">Whether rows that are null or erased have slots that count.</param>
    /// <exception cref="StorageCorruptException">Not a segment of this format, or one that has fewer.</exception>
    public static int CountRowsOf(byte[] bytes, int start, int slots, bool keepsSlots)
    {
        var header = Header.Read(bytes);
        for (var row = start; row < header.Rows; row++)
        {
            if ((keepsSlots || !IsMarked(bytes, row)) && --slots == 0)
                return row - start + 1;
        }
        throw new StorageCorruptException("a segment has fewer slots than its directory says");
    }

    /// <summary>Rows, null and erased ones included.</summary>
    public static int CountRows(ReadOnlySpan<byte> bytes) => Header.Read(bytes).Rows;

    /// <summary>Rows that are null or erased.</summary>
    public static int CountNulls(byte[] bytes)
    {
        var nulls = 0;
        foreach (var bits in bytes.AsSpan(HeaderBytes, MaskBytes(Header.Read(bytes).Rows)))
            nulls += System.Numerics.BitOperations.PopCount(bits);
        return nulls;
    }

    private static int ElementBytes(FloatMatrix matrix) => matrix.Single is null ? sizeof(double) : sizeof(float);

    private static int MaskBytes(int rows) => (int)(((long)rows + 63) / 64 * 8);

    private static bool IsMarked(byte[] bytes, int row) => (bytes[HeaderBytes + (row >> 3)] >> (row & 7) & 1) != 0;

    private static bool[]? Mask(byte[] bytes, Header header)
    {
        var mask = bytes.AsSpan(HeaderBytes, MaskBytes(header.Rows));
        if (!mask.ContainsAnyExcept((byte)0))
            return null;
        var isNull = new bool[header.Rows];
        for (var i = 0; i < isNull.Length; i++)
            isNull[i] = (mask[i >> 3] >> (i & 7) & 1) != 0;
        return isNull;
    }

    private static void ClearRow(byte[] bytes, Header header, int row)
    {
        bytes.AsSpan(header.KeysStart + row * header.D * header.KeyBytes, header.D * header.KeyBytes).Clear();
        bytes.AsSpan(header.ValuesStart + row * header.Dv * header.ValueBytes, header.Dv * header.ValueBytes).Clear();
    }

    private static void CopyRows(FloatMatrix matrix, int start, Span<byte> target)
    {
        if (matrix.Single is { } single)
            CopyElements<float, int>(single.Data.AsSpan(start * single.Columns, target.Length / sizeof(float)), target);
        else
            CopyElements<double, long>(matrix.Double!.Data.AsSpan(start * matrix.Columns, target.Length / sizeof(double)), target);
    }

    private static void CopyElements<T, TBits>(ReadOnlySpan<T> source, Span<byte> target)
        where T : unmanaged
        where TBits : unmanaged
    {
        MemoryMarshal.AsBytes(source).CopyTo(target);
        SwapIfBigEndian<TBits>(target);
    }

    private static FloatMatrix ReadMatrix(Span<byte> bytes, int rows, int columns, int elementBytes, int[]? keep) =>
        elementBytes == sizeof(float)
            ? new FloatMatrix(ReadElements<float, int>(bytes, rows, columns, keep))
            : new FloatMatrix(ReadElements<double, long>(bytes, rows, columns, keep));

    private static Matrix<T> ReadElements<T, TBits>(Span<byte> bytes, int rows, int columns, int[]? keep)
        where T : unmanaged
        where TBits : unmanaged
    {
        var all = MemoryMarshal.Cast<byte, T>(bytes)[..(rows * columns)];
        var matrix = new Matrix<T>(keep?.Length ?? rows, columns);
        if (keep is null)
        {
            all.CopyTo(matrix.Data);
        }
        else
        {
            for (var i = 0; i < keep.Length; i++)
                all.Slice(keep[i] * columns, columns).CopyTo(matrix.Row(i));
        }
        SwapIfBigEndian<TBits>(MemoryMarshal.AsBytes(matrix.Data.AsSpan()));
        return matrix;
    }

    private static void SwapIfBigEndian<TBits>(Span<byte> bytes)
        where TBits : unmanaged
    {
        if (BitConverter.IsLittleEndian)
            return;
        if (typeof(TBits) == typeof(int))
        {
            var values = MemoryMarshal.Cast<byte, int>(bytes);
            BinaryPrimitives.ReverseEndianness(values, values);
        }
        else
        {
            var values = MemoryMarshal.Cast<byte, long>(bytes);
            BinaryPrimitives.ReverseEndianness(values, values);
        }
    }

    private static void WriteHeader(Span<byte> bytes, bool clip, int rows, int d, int dv, int keyBytes, int valueBytes)
    {
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[4..], Format);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[6..], clip ? ClipFlag : (ushort)0);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], rows);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[12..], d);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[16..], dv);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[20..], keyBytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[24..], valueBytes);
    }

    private readonly record struct Header(int Rows, int D, int Dv, int KeyBytes, int ValueBytes, bool Clip)
    {
        public int KeysStart => HeaderBytes + MaskBytes(Rows);

        public int ValuesStart => KeysStart + Rows * D * KeyBytes;

        public static Header Read(ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length < HeaderBytes || !bytes.StartsWith(Magic))
                throw new StorageCorruptException("a segment does not begin as one");
            var format = BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]);
            if (format != Format)
                throw new StorageCorruptException($"a segment has format {format}; this version reads {Format}");
            var flags = BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]);
            var header = new Header(
                BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[20..]),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[24..]),
                (flags & ClipFlag) != 0);
            var sane = flags <= ClipFlag && BinaryPrimitives.ReadInt32LittleEndian(bytes[28..]) == 0 && header is { Rows: > 0, D: > 0, Dv: > 0, KeyBytes: sizeof(float) or sizeof(double), ValueBytes: sizeof(float) or sizeof(double) };
            // In 128 bits: no header can wrap the length around.
            if (!sane || HeaderBytes + (Int128)MaskBytes(header.Rows) + (Int128)header.Rows * ((Int128)header.D * header.KeyBytes + (Int128)header.Dv * header.ValueBytes) != bytes.Length)
                throw new StorageCorruptException("a segment's header does not fit its length");
            for (var bit = header.Rows; bit < 8 * MaskBytes(header.Rows); bit++)
            {
                if ((bytes[HeaderBytes + (bit >> 3)] >> (bit & 7) & 1) != 0)
                    throw new StorageCorruptException("a segment marks rows that it does not have");
            }
            return header;
        }
    }
}
