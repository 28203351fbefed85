using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace DpAttn.Client.Internal;

/// <summary>Reads the .npy arrays that a server of this family writes: version 1.0, C order, one known type.</summary>
internal static partial class NpyReading
{
    private const int LongestHeader = 1024;

    /// <summary>The shape of an array of this type, and the stream at its data; null when it is something else.</summary>
    public static int[]? ReadShape(Stream stream, string descr)
    {
        Span<byte> start = stackalloc byte[10];
        stream.ReadExactly(start);
        ReadOnlySpan<byte> magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];
        var length = BinaryPrimitives.ReadUInt16LittleEndian(start[8..]);
        if (!start[..8].SequenceEqual(magic) || length > LongestHeader)
            return null;
        var text = new byte[length];
        stream.ReadExactly(text);
        var match = Header().Match(Encoding.Latin1.GetString(text));
        if (!match.Success || match.Groups["descr"].Value != descr)
            return null;
        var shape = match.Groups["shape"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var sizes = new int[shape.Length];
        for (var i = 0; i < sizes.Length; i++)
        {
            if (!int.TryParse(shape[i], NumberStyles.None, CultureInfo.InvariantCulture, out sizes[i]))
                return null;
        }
        return sizes;
    }

    /// <summary>Reads little-endian float64 numbers.</summary>
    /// <exception cref="EndOfStreamException">Too few.</exception>
    public static void Read(Stream stream, double[] numbers)
    {
        stream.ReadExactly(MemoryMarshal.AsBytes(numbers.AsSpan()));
        if (BitConverter.IsLittleEndian)
            return;
        var words = MemoryMarshal.Cast<double, long>(numbers.AsSpan());
        BinaryPrimitives.ReverseEndianness(words, words);
    }

    [GeneratedRegex(@"^\{'descr': '(?<descr>[^']{3})', 'fortran_order': False, 'shape': \((?<shape>[0-9, ]{1,60})\), \}\s*$")]
    private static partial Regex Header();
}
