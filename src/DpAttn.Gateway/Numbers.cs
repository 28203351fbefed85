using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace DpAttn.Gateway;

/// <summary>Numbers as little-endian bytes, and back.</summary>
internal static class Numbers
{
    /// <summary>The bytes of a matrix of numbers, for sizes that a stranger states; neither is below 0.</summary>
    /// <returns><see cref="long.MaxValue"/> where no array holds them: the product of three sizes does not fit 64 bits.</returns>
    public static long BytesOf(int rows, int columns, int width) => (long)rows * columns <= Array.MaxLength / width ? (long)rows * columns * width : long.MaxValue;

    public static void Write(ReadOnlySpan<double> numbers, Span<byte> bytes)
    {
        MemoryMarshal.AsBytes(numbers).CopyTo(bytes);
        if (!BitConverter.IsLittleEndian)
            Swap(MemoryMarshal.Cast<byte, long>(bytes[..(numbers.Length * sizeof(double))]));
    }

    public static void Write(ReadOnlySpan<float> numbers, Span<byte> bytes)
    {
        MemoryMarshal.AsBytes(numbers).CopyTo(bytes);
        if (!BitConverter.IsLittleEndian)
            Swap(MemoryMarshal.Cast<byte, int>(bytes[..(numbers.Length * sizeof(float))]));
    }

    public static void Read(ReadOnlySpan<byte> bytes, Span<double> numbers)
    {
        bytes.CopyTo(MemoryMarshal.AsBytes(numbers));
        if (!BitConverter.IsLittleEndian)
            Swap(MemoryMarshal.Cast<double, long>(numbers));
    }

    public static void Read(ReadOnlySpan<byte> bytes, Span<float> numbers)
    {
        bytes.CopyTo(MemoryMarshal.AsBytes(numbers));
        if (!BitConverter.IsLittleEndian)
            Swap(MemoryMarshal.Cast<float, int>(numbers));
    }

    private static void Swap(Span<long> words) => BinaryPrimitives.ReverseEndianness(words, words);

    private static void Swap(Span<int> words) => BinaryPrimitives.ReverseEndianness(words, words);
}
