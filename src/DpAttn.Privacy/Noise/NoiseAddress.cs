using System.Buffers.Binary;
using System.Text;

namespace DpAttn.Privacy;

/// <summary>
/// Names one noise vector for ever: under one release key, the same address always gives the same noise, and two
/// different addresses give independent noise.
/// </summary>
/// <param name="Mechanism">The mechanism that adds the noise.</param>
/// <param name="Tier">The ladder tier, counted from 0, that the noise belongs to.</param>
/// <param name="Node">The node of the tree, 1 for the root.</param>
/// <param name="Variance">The variance drawn: another variance is another address, so one stream is never scaled twice.</param>
public sealed record NoiseAddress(string Mechanism, int Tier, long Node, NoiseVariance Variance)
{
    // Throws on unpaired surrogates: replacing them would give two names one encoding.
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// An injective encoding: every field is preceded by its length, so no two addresses (and no two blocks of one
    /// address) share an encoding.
    /// </summary>
    /// <param name="block">The block of the vector, counted from 0.</param>
    /// <exception cref="ArgumentException">A mechanism's name that is not valid UTF-16.</exception>
    internal byte[] Encode(long block)
    {
        using var buffer = new MemoryStream(128);
        Append(buffer, "dpattn noise address"u8);
        AppendInt64(buffer, KeyedNoise.SamplerVersion);
        Append(buffer, StrictUtf8.GetBytes(Mechanism));
        AppendInt64(buffer, Tier);
        AppendInt64(buffer, Node);
        AppendInt64(buffer, block);
        Span<byte> variance = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(variance, Variance.Value);
        Append(buffer, variance);
        return buffer.ToArray();
    }

    private static void AppendInt64(MemoryStream buffer, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        Append(buffer, bytes);
    }

    private static void Append(MemoryStream buffer, ReadOnlySpan<byte> field)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, field.Length);
        buffer.Write(length);
        buffer.Write(field);
    }
}
