using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Which rows a block holds, frozen when it closes. Its bytes are stored once; shards sum exactly them or fail.</summary>
internal sealed record BlockContent : IFormatted
{
    public int Format { get; init; } = 1;

    /// <summary>
    /// 256 bits that only the release's secret gives: without them a digest of the content would confirm a guess of a row. A function of secret and block, so that
    /// a block that is frozen again with the same rows, as after a backup from before it was put back, gets the same digest and so the same noise.
    /// </summary>
    public required string Salt { get; init; }

    public required string Incarnation { get; init; }

    public required string Release { get; init; }

    public required long Block { get; init; }

    public required long FirstSlot { get; init; }

    public required int Slots { get; init; }

    /// <summary>In slot order.</summary>
    public required IReadOnlyList<FrozenPiece> Pieces { get; init; }

    /// <summary>The salt of a block.</summary>
    public static string SaltOf(ReadOnlySpan<byte> secret, long block)
    {
        Span<byte> salt = stackalloc byte[32];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, salt, [], Encoding.ASCII.GetBytes($"dpattn block salt {block}"));
        return Convert.ToHexStringLower(salt);
    }

    /// <summary>The id of a block's blob.</summary>
    public static string BlobId(string release, long block, string content) => $"{release}-b{block:D10}-{content}";

    /// <summary>The release and the block of a blob's id; null for the manifest of a whole release.</summary>
    public static (string Release, long Block)? ParseBlobId(string id)
    {
        var pieces = id.Split('-');
        return pieces.Length == 3 && pieces[1].StartsWith('b') && long.TryParse(pieces[1].AsSpan(1), out var block) ? (pieces[0], block) : null;
    }

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ClusterJson.Default.BlockContent);

    /// <summary>Reads the bytes of a stored content.</summary>
    /// <exception cref="StorageCorruptException">They are not those that were frozen, or this version cannot read them.</exception>
    public static BlockContent Parse(byte[]? bytes, long block, string digest)
    {
        if (bytes is null)
            throw new StorageCorruptException($"the content of block {block} is missing");
        if (ReleaseManifest.IdOf(bytes) != digest)
            throw new StorageCorruptException($"the content of block {block} is not the one that was frozen");
        try
        {
            return JsonSerializer.Deserialize(bytes, ClusterJson.Default.BlockContent) is { Format: <= IFormatted.Newest } content && content.Block == block
                ? content
                : throw new StorageCorruptException($"the content of block {block} is of a newer version, or of another block");
        }
        catch (JsonException e)
        {
            throw new StorageCorruptException($"the content of block {block} cannot be read by this version", e);
        }
    }
}

/// <summary>Rows of one segment in a block.</summary>
/// <param name="Segment">The segment's ordinal: its blob may change while other rows of it are erased.</param>
/// <param name="Shard">The shard that sums it.</param>
/// <param name="FirstRow">The first row within the segment.</param>
/// <param name="Rows">Rows, null and erased ones included.</param>
/// <param name="Slots">Slots that count.</param>
/// <param name="Digest">SHA-256 of the rows as a segment of their own.</param>
internal sealed record FrozenPiece(long Segment, int Shard, int FirstRow, int Rows, int Slots, string Digest);
