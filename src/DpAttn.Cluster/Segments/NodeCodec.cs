using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>How sums and released integers are stored: "DPAN", format (4 bytes), slots and count (8 bytes each), then 64-bit integers, little-endian.</summary>
internal static class NodeCodec
{
    public const int Format = 1;
    private const int HeaderBytes = 24;
    private static ReadOnlySpan<byte> Magic => "DPAN"u8;

    /// <summary>The bytes that a number of integers takes.</summary>
    public static int LengthOf(long count) => checked((int)(HeaderBytes + count * sizeof(long)));

    public static byte[] Encode(ReadOnlySpan<long> values, long slots)
    {
        var bytes = new byte[LengthOf(values.Length)];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), Format);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), slots);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), values.Length);
        var target = MemoryMarshal.Cast<byte, long>(bytes.AsSpan(HeaderBytes));
        if (BitConverter.IsLittleEndian)
            values.CopyTo(target);
        else
            BinaryPrimitives.ReverseEndianness(values, target);
        return bytes;
    }

    /// <param name="bytes">What was stored.</param>
    /// <param name="expected">How many integers belong in it.</param>
    /// <exception cref="StorageCorruptException">Not of this format, or another number of integers.</exception>
    public static (long[] Values, long Slots) Decode(ReadOnlySpan<byte> bytes, long expected)
    {
        if (bytes.Length < HeaderBytes || !bytes.StartsWith(Magic) || BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]) != Format)
            throw new StorageCorruptException("a node does not begin as one of this version");
        var slots = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]);
        var count = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]);
        if (count != expected || slots < 0 || bytes.Length != HeaderBytes + count * sizeof(long))
            throw new StorageCorruptException($"a node has {count} integers where {expected} belong");
        var values = MemoryMarshal.Cast<byte, long>(bytes[HeaderBytes..]).ToArray();
        if (!BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(values, values);
        return (values, slots);
    }
}
