using System.Buffers.Binary;

namespace DpAttn.Cli.Files;

/// <summary>Stored numbers as float32: float16 and bfloat16 exactly, float64 rounded to the nearest.</summary>
internal static class NumberDecoder
{
    public static int SizeOf(NumberKind kind) => kind switch
    {
        NumberKind.Float64 => 8,
        NumberKind.Float32 => 4,
        _ => 2,
    };

    /// <summary>Decodes as many numbers as <paramref name="to"/> holds.</summary>
    public static void Decode(ReadOnlySpan<byte> from, NumberKind kind, bool bigEndian, Span<float> to)
    {
        var size = SizeOf(kind);
        for (var i = 0; i < to.Length; i++)
        {
            var bytes = from.Slice(i * size, size);
            to[i] = kind switch
            {
                NumberKind.Float32 => bigEndian ? BinaryPrimitives.ReadSingleBigEndian(bytes) : BinaryPrimitives.ReadSingleLittleEndian(bytes),
                NumberKind.Float64 => (float)(bigEndian ? BinaryPrimitives.ReadDoubleBigEndian(bytes) : BinaryPrimitives.ReadDoubleLittleEndian(bytes)),
                NumberKind.Float16 => (float)(bigEndian ? BinaryPrimitives.ReadHalfBigEndian(bytes) : BinaryPrimitives.ReadHalfLittleEndian(bytes)),
                _ => BitConverter.Int32BitsToSingle((bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes)) << 16),
            };
        }
    }
}
