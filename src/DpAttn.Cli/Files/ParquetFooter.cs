using System.Buffers.Binary;

namespace DpAttn.Cli.Files;

/// <summary>
/// Checks the frame of a .parquet file before the library reads it: magic, footer length, and that the footer is exactly one structure of the
/// Thrift compact protocol. On some broken footers the library would not come back.
/// </summary>
internal static class ParquetFooter
{
    private const int TailBytes = 8;
    private const int DeepestNesting = 32;

    /// <summary>Leaves the stream at its beginning.</summary>
    /// <exception cref="RowFileException">Not such a file.</exception>
    public static void Check(Stream stream, string name, RowFileLimits limits)
    {
        Span<byte> tail = stackalloc byte[TailBytes];
        Span<byte> magic = stackalloc byte[4];
        if (stream.Length < magic.Length + TailBytes)
            throw new RowFileException(name, $"this is not a .parquet file: it has {stream.Length} bytes");
        stream.ReadExactly(magic);
        stream.Position = stream.Length - TailBytes;
        stream.ReadExactly(tail);
        if (tail[4..].SequenceEqual("PARE"u8))
            throw new RowFileException(name, "its footer is encrypted, which is not supported");
        if (!magic.SequenceEqual("PAR1"u8) || !tail[4..].SequenceEqual("PAR1"u8))
            throw new RowFileException(name, "this is not a whole .parquet file: it does not begin and end with PAR1");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (length > stream.Length - magic.Length - TailBytes)
            throw new RowFileException(name, $"the footer announces {length} bytes, more than the {stream.Length - magic.Length - TailBytes} before it");
        if (length > limits.FooterBytes)
            throw new RowFileException(name, $"the footer announces {length} bytes; at most {limits.FooterBytes} are allowed");
        var footer = new byte[length];
        stream.Position = stream.Length - TailBytes - length;
        stream.ReadExactly(footer);
        var walker = new Walker(footer);
        if (!walker.TryStruct(DeepestNesting) || !walker.IsAtEnd)
            throw new RowFileException(name, "the footer is damaged");
        stream.Position = 0;
    }

    /// <summary>Walks over a structure of the Thrift compact protocol without keeping anything.</summary>
    private ref struct Walker(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public readonly bool IsAtEnd => _rest.IsEmpty;

        public bool TryStruct(int depth)
        {
            if (depth <= 0)
                return false;
            while (TryByte(out var head))
            {
                if (head == 0)
                    return true;
                // The upper half is the step to the field's number; 0 is a number that follows.
                if (head >> 4 == 0 && !TryVarint(out _))
                    return false;
                // Booleans of a field stand in its type.
                if ((head & 15) is not (1 or 2) && !TryValue(head & 15, depth))
                    return false;
            }
            return false;
        }

        private bool TryValue(int type, int depth) => type switch
        {
            1 or 2 or 3 => TrySkip(1),
            4 or 5 or 6 => TryVarint(out _),
            7 => TrySkip(8),
            8 => TryVarint(out var length) && TrySkip(length),
            9 or 10 => TryList(depth),
            11 => TryMap(depth),
            12 => TryStruct(depth - 1),
            13 => TrySkip(16),
            _ => false,
        };

        private bool TryList(int depth)
        {
            if (!TryByte(out var head))
                return false;
            var count = (ulong)(head >> 4);
            return (count < 15 || TryVarint(out count)) && TryElements(count, depth, head & 15);
        }

        private bool TryMap(int depth)
        {
            if (!TryVarint(out var count))
                return false;
            return count == 0 || (TryByte(out var types) && TryElements(count, depth, types >> 4, types & 15));
        }

        private bool TryElements(ulong count, int depth, params ReadOnlySpan<int> types)
        {
            if (depth <= 0)
                return false;
            // Every element takes a byte at least, so an announced number beyond the bytes that are left ends soon.
            for (ulong i = 0; i < count; i++)
            {
                foreach (var type in types)
                {
                    if (!TryValue(type, depth - 1))
                        return false;
                }
            }
            return true;
        }

        private bool TryVarint(out ulong value)
        {
            value = 0;
            for (var shift = 0; shift < 70; shift += 7)
            {
                if (!TryByte(out var part))
                    return false;
                value |= shift < 64 ? (ulong)(part & 127) << shift : 0;
                if (part < 128)
                    return true;
            }
            return false;
        }

        private bool TryByte(out int value)
        {
            (value, var has) = _rest.IsEmpty ? (0, false) : (_rest[0], true);
            _rest = has ? _rest[1..] : _rest;
            return has;
        }

        private bool TrySkip(ulong count)
        {
            if (count > (ulong)_rest.Length)
                return false;
            _rest = _rest[(int)count..];
            return true;
        }
    }
}
