using System.Globalization;
using System.Text;

namespace DpAttn.Attention.IO;

/// <summary>The header of a .npy array: a Python dictionary literal with exactly descr, fortran_order and shape.</summary>
internal sealed record NpyHeader(NpyElement Element, bool BigEndian, bool FortranOrder, int[] Shape)
{
    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    public int Rank => Shape.Length;

    public int Rows => Shape[0];

    public int Columns => Rank == 2 ? Shape[1] : 1;

    public long Count => (long)Rows * Columns;

    // Two dimensions of 31 bits and 8 bytes an element: 65 bits.
    public Int128 DataBytes => (Int128)Count * Element.Size;

    public string Describe() => $"{string.Join(" x ", Shape)} {Element.Name}";

    /// <summary>Reads magic, version and header.</summary>
    public static NpyHeader Read(Stream stream, string name, NpyLimits limits)
    {
        Span<byte> start = stackalloc byte[8];
        if (stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length || !start[..6].SequenceEqual(Magic))
            throw new NpyFormatException(name, "this is not a .npy file: it does not start with the NUMPY magic and a version");
        var major = start[6];
        if (major is < 1 or > 3 || start[7] != 0)
            throw new NpyFormatException(name, $".npy version {major}.{start[7]} is not supported; versions 1.0, 2.0 and 3.0 are");
        Span<byte> lengthBytes = stackalloc byte[4];
        var lengthSize = major == 1 ? 2 : 4;
        lengthBytes.Clear();
        if (stream.ReadAtLeast(lengthBytes[..lengthSize], lengthSize, throwOnEndOfStream: false) < lengthSize)
            throw new NpyFormatException(name, "the file ends within the header's length");
        var length = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(lengthBytes);
        if (length > limits.HeaderBytes)
            throw new NpyFormatException(name, $"the header announces {length} bytes; at most {limits.HeaderBytes} are allowed");
        if (stream.CanSeek && stream.Length - stream.Position < length)
            throw new NpyFormatException(name, $"the header announces {length} bytes, more than the {stream.Length - stream.Position} that follow");
        var text = new byte[length];
        var got = stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
        if (got < text.Length)
            throw new NpyFormatException(name, $"the header announces {length} bytes, but only {got} follow");
        return new Parser(name, (major == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(text)).Parse();
    }

    /// <summary>Magic, version 1.0 and header, padded so that the data starts at a multiple of 64 bytes, as NumPy writes them.</summary>
    public static byte[] Write(NpyElement element, bool fortranOrder, int[] shape)
    {
        var tuple = shape.Length == 1 ? $"({shape[0]},)" : $"({string.Join(", ", shape)})";
        var text = $"{{'descr': '{element.Code}', 'fortran_order': {(fortranOrder ? "True" : "False")}, 'shape': {tuple}, }}";
        const int Preamble = 10;
        var total = (Preamble + text.Length + 1 + 63) / 64 * 64;
        var bytes = new byte[total];
        Magic.CopyTo(bytes);
        bytes[6] = 1;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), (ushort)(total - Preamble));
        bytes.AsSpan(Preamble).Fill((byte)' ');
        Encoding.ASCII.GetBytes(text, bytes.AsSpan(Preamble));
        bytes[^1] = (byte)'\n';
        return bytes;
    }

    /// <summary>A strict reader of the three-key literal; anything else is refused with its place.</summary>
    private sealed class Parser(string name, string text)
    {
        private int _at;

        public NpyHeader Parse()
        {
            string? descr = null;
            bool? fortran = null;
            int[]? shape = null;
            Expect('{');
            while (!TryTake('}'))
            {
                var key = TakeString();
                Expect(':');
                switch (key)
                {
                    case "descr" when descr is null:
                        descr = TakeDescr();
                        break;
                    case "fortran_order" when fortran is null:
                        fortran = TakeBool();
                        break;
                    case "shape" when shape is null:
                        shape = TakeShape();
                        break;
                    default:
                        throw Fault($"key {NpyFormatException.Quote(key)} is unknown or stands twice");
                }
                if (!TryTake(','))
                {
                    Expect('}');
                    break;
                }
            }
            SkipSpace();
            if (_at != text.Length)
                throw Fault("something follows the dictionary");
            if (descr is null || fortran is null || shape is null)
                throw new NpyFormatException(name, "the header lacks descr, fortran_order or shape");
            var element = NpyElement.Parse(descr, out var bigEndian)
                ?? throw new NpyFormatException(name, $"dtype {NpyFormatException.Quote(descr)} is not supported; float32 and float64 are, and for labels whole numbers");
            if (shape.Length is not (1 or 2))
                throw new NpyFormatException(name, $"the array has rank {shape.Length}; a vector (rank 1) or a matrix (rank 2) is needed");
            return new NpyHeader(element, bigEndian, fortran.Value, shape);
        }

        private string TakeDescr()
        {
            SkipSpace();
            if (_at < text.Length && text[_at] == '[')
                throw new NpyFormatException(name, "structured dtypes are not supported; float32 and float64 are");
            return TakeString();
        }

        private string TakeString()
        {
            SkipSpace();
            if (_at >= text.Length || text[_at] is not ('\'' or '"'))
                throw Fault("a quoted string is missing");
            var quote = text[_at];
            var end = text.IndexOf(quote, _at + 1);
            if (end < 0)
                throw Fault("a string does not end");
            var value = text[(_at + 1)..end];
            _at = end + 1;
            return value;
        }

        private bool TakeBool()
        {
            SkipSpace();
            foreach (var value in new[] { true, false })
            {
                var word = value ? "True" : "False";
                if (string.CompareOrdinal(text, _at, word, 0, word.Length) == 0)
                {
                    _at += word.Length;
                    return value;
                }
            }
            throw Fault("True or False is missing");
        }

        private int[] TakeShape()
        {
            Expect('(');
            var shape = new List<int>();
            while (!TryTake(')'))
            {
                shape.Add(TakeDimension());
                if (!TryTake(','))
                {
                    Expect(')');
                    break;
                }
            }
            return [.. shape];
        }

        private int TakeDimension()
        {
            SkipSpace();
            var start = _at;
            while (_at < text.Length && char.IsAsciiDigit(text[_at]))
                _at++;
            if (start == _at)
                throw Fault("a dimension is missing or negative");
            return int.TryParse(text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out var dimension)
                ? dimension
                : throw Fault($"a dimension is above {int.MaxValue}");
        }

        private void Expect(char c)
        {
            if (!TryTake(c))
                throw Fault($"'{c}' is missing");
        }

        private bool TryTake(char c)
        {
            SkipSpace();
            if (_at >= text.Length || text[_at] != c)
                return false;
            _at++;
            return true;
        }

        private void SkipSpace()
        {
            while (_at < text.Length && text[_at] is ' ' or '\t' or '\n' or '\r')
                _at++;
        }

        private NpyFormatException Fault(string what) => new(name, $"header, character {_at}: {what}");
    }
}
