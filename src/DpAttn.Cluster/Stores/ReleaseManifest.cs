using System.Security.Cryptography;
using System.Text.Json;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>What a release is made of, frozen before any noise is drawn. Its bytes are stored once and never written anew.</summary>
internal sealed record ReleaseManifest
{
    public int Format { get; init; } = 1;

    public required string Incarnation { get; init; }

    public required string Release { get; init; }

    public required StoreDefinition Definition { get; init; }

    public required IReadOnlyList<double> Ladder { get; init; }

    public required int SamplerVersion { get; init; }

    public required long Slots { get; init; }

    public required IReadOnlyList<ManifestSegment> Segments { get; init; }

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ClusterJson.Default.ReleaseManifest);

    public static ReleaseManifest Parse(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize(bytes, ClusterJson.Default.ReleaseManifest) ?? throw new InvalidDataException("a manifest is empty");

    public static string IdOf(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}

/// <summary>One segment of a manifest.</summary>
/// <param name="Blob">The blob's id.</param>
/// <param name="Shard">The shard that sums it.</param>
/// <param name="Slots">Slots that count.</param>
/// <param name="Digest">SHA-256 of the blob.</param>
internal sealed record ManifestSegment(string Blob, int Shard, int Slots, string Digest);
