using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace DpAttn.Server.Tests.Telemetry;

/// <summary>A protobuf message, read without its schema: whatever is in it is seen, known or not.</summary>
internal sealed class Proto
{
    private readonly List<(int Field, ulong Number, int Width, ReadOnlyMemory<byte> Bytes)> _fields = [];

    /// <summary>The messages of a field.</summary>
    public IEnumerable<Proto> this[int field] => _fields.Where(f => f.Field == field && f.Width == 0).Select(f => TryParse(f.Bytes, out var message) ? message : throw new FormatException());

    /// <summary>The text of a field.</summary>
    public string Text(int field) => Encoding.UTF8.GetString(_fields.First(f => f.Field == field).Bytes.Span);

    /// <summary>The bytes of a field.</summary>
    public byte[] Bytes(int field) => _fields.First(f => f.Field == field).Bytes.ToArray();

    public bool Has(int field) => _fields.Any(f => f.Field == field);

    /// <summary>The doubles of a packed field.</summary>
    public double[] Doubles(int field) => [.. _fields.Where(f => f.Field == field).SelectMany(f => Chunks(f.Bytes)).Select(BitConverter.Int64BitsToDouble)];

    /// <summary>Reads a message.</summary>
    public static Proto Parse(ReadOnlyMemory<byte> bytes) => TryParse(bytes, out var message) ? message : throw new FormatException("no protobuf");

    /// <summary>Every number in a message and in the messages in it, however it may be meant.</summary>
    public static IEnumerable<double> Numbers(ReadOnlyMemory<byte> bytes)
    {
        if (!TryParse(bytes, out var message))
            yield break;
        foreach (var (_, number, width, inner) in message._fields)
        {
            if (width == 0)
            {
                foreach (var found in Numbers(inner))
                    yield return found;
                // A text may look like a message and the other way round; packed numbers like neither.
                foreach (var packed in inner.Length % 8 == 0 ? Chunks(inner) : [])
                {
                    yield return packed;
                    yield return BitConverter.Int64BitsToDouble(packed);
                }
            }
            else
            {
                yield return number;
                yield return width == 4 ? BitConverter.UInt32BitsToSingle((uint)number) : BitConverter.UInt64BitsToDouble(number);
            }
        }
    }

    private static IEnumerable<long> Chunks(ReadOnlyMemory<byte> bytes)
    {
        for (var at = 0; at + 8 <= bytes.Length; at += 8)
            yield return BinaryPrimitives.ReadInt64LittleEndian(bytes.Span[at..]);
    }

    private static bool TryParse(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out Proto? message)
    {
        message = null;
        var read = new Proto();
        for (var rest = bytes; rest.Length > 0;)
        {
            if (!TryVarint(ref rest, out var tag) || tag >> 3 is 0 or > 1 << 20)
                return false;
            var field = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0 when TryVarint(ref rest, out var value):
                    read._fields.Add((field, value, 1, default));
                    break;
                case 1 when rest.Length >= 8:
                    read._fields.Add((field, BinaryPrimitives.ReadUInt64LittleEndian(rest.Span), 8, default));
                    rest = rest[8..];
                    break;
                case 2 when TryVarint(ref rest, out var length) && length <= (ulong)rest.Length:
                    read._fields.Add((field, 0, 0, rest[..(int)length]));
                    rest = rest[(int)length..];
                    break;
                case 5 when rest.Length >= 4:
                    read._fields.Add((field, BinaryPrimitives.ReadUInt32LittleEndian(rest.Span), 4, default));
                    rest = rest[4..];
                    break;
                default:
                    return false;
            }
        }
        message = read;
        return true;
    }

    private static bool TryVarint(ref ReadOnlyMemory<byte> bytes, out ulong value)
    {
        value = 0;
        for (var at = 0; at < Math.Min(10, bytes.Length); at++)
        {
            value |= (ulong)(bytes.Span[at] & 0x7f) << (7 * at);
            if (bytes.Span[at] < 0x80)
            {
                bytes = bytes[(at + 1)..];
                return true;
            }
        }
        return false;
    }
}
