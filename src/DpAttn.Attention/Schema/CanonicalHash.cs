using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>SHA-256 over fields that each carry their length, numbers in little-endian bytes on every machine: an injective encoding.</summary>
internal sealed class CanonicalHash : IDisposable
{
    // Throws on unpaired surrogates: replacing them would give two texts one encoding.
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public CanonicalHash(string domain) => Append(domain);

    public void Append(long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        AppendField(bytes);
    }

    public void Append(double value) => Append(BitConverter.DoubleToInt64Bits(value));

    public void Append(string value) => AppendField(StrictUtf8.GetBytes(value));

    public void Append(ReadOnlySpan<byte> bytes) => AppendField(bytes);

    public void Append(ReadOnlySpan<long> values)
    {
        if (BitConverter.IsLittleEndian)
        {
            AppendField(MemoryMarshal.AsBytes(values));
            return;
        }
        var swapped = new long[values.Length];
        BinaryPrimitives.ReverseEndianness(values, swapped);
        AppendField(MemoryMarshal.AsBytes(swapped.AsSpan()));
    }

    public void Append(Region region)
    {
        Append(region.IsBox ? 1 : 0);
        Append(region.Dimension);
        foreach (var c in region.Centre)
            Append(c);
        foreach (var h in region.HalfWidths)
            Append(h);
        Append(region.BoundingRadius);
    }

    public void Append(StoreSchema schema)
    {
        Append(schema.Keys);
        Append(schema.Queries);
        Append(schema.Values.IsBox ? 1 : 0);
        Append(schema.Values.Stated);
        Append(schema.ValueDimension);
        Append(schema.Scale);
        Append((int)schema.Adjacency);
        Append(schema.Capacity);
    }

    /// <summary>What the noise of every tier depends on: the sensitivity that it was calibrated to, and the variances.</summary>
    public void Append(NoiseLadder ladder)
    {
        Append(ladder.Sensitivity.ToString());
        Append(ladder.Tiers.Count);
        foreach (var tier in ladder.Tiers)
            Append(tier.Variance.ToString());
    }

    public byte[] Finish() => _hash.GetHashAndReset();

    public void Dispose() => _hash.Dispose();

    private void AppendField(ReadOnlySpan<byte> field)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, field.Length);
        _hash.AppendData(length);
        _hash.AppendData(field);
    }
}
