using System.Security.Cryptography;
using System.Text.Json;
using DpAttn.Contracts;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>What a release is made of, frozen before any noise is drawn. Its bytes are stored once and never written anew.</summary>
internal sealed record ReleaseManifest : IFormatted
{
    public int Format { get; init; } = 1;

    /// <summary>
    /// 256 random bits. The manifest's digest is public, and without them whoever knew all rows but one could check a guess of that one against it: the digest
    /// of a manifest without a salt is a number that depends on rows and leaves without noise.
    /// </summary>
    public required string Salt { get; init; }

    public required string Incarnation { get; init; }

    public required string Release { get; init; }

    public required StoreDefinition Definition { get; init; }

    public required IReadOnlyList<double> Ladder { get; init; }

    public required int SamplerVersion { get; init; }

    public required long Slots { get; init; }

    public required IReadOnlyList<ManifestSegment> Segments { get; init; }

    /// <summary>A fresh salt.</summary>
    public static string NewSalt() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ClusterJson.Default.ReleaseManifest);

    /// <summary>Reads the bytes of a stored manifest.</summary>
    /// <exception cref="StorageCorruptException">They are not those that were frozen, or this version cannot read them.</exception>
    public static ReleaseManifest Parse(byte[]? bytes, string id)
    {
        if (bytes is null)
            throw new StorageCorruptException("the manifest is missing");
        if (IdOf(bytes) != id)
            throw new StorageCorruptException("the manifest is not the one that was frozen");
        try
        {
            return JsonSerializer.Deserialize(bytes, ClusterJson.Default.ReleaseManifest) is { Format: <= IFormatted.Newest } manifest
                ? manifest
                : throw new StorageCorruptException("the manifest is of a newer version, or empty");
        }
        catch (JsonException e)
        {
            throw new StorageCorruptException("the manifest cannot be read by this version", e);
        }
    }

    public static string IdOf(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}

/// <summary>One segment of a manifest.</summary>
/// <param name="Blob">The blob's id.</param>
/// <param name="Shard">The shard that sums it.</param>
/// <param name="Slots">Slots that count.</param>
/// <param name="Digest">SHA-256 of the blob.</param>
internal sealed record ManifestSegment(string Blob, int Shard, int Slots, string Digest);
