using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>What a blob holds.</summary>
public enum BlobKind
{
    /// <summary>Rows of one batch.</summary>
    Segment = 1,

    /// <summary>Exact partial sums of one shard for one release.</summary>
    ShardSums = 2,

    /// <summary>Released integers of one tier.</summary>
    Node = 3,

    /// <summary>The frozen manifest of a release.</summary>
    Manifest = 4,

    /// <summary>The answer of a per-query request.</summary>
    Answer = 5,
}

/// <summary>Names one blob.</summary>
/// <param name="Store">The store.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Id">Its id within the kind: 1 to 200 printable ASCII characters.</param>
/// <param name="Part">The part of it, counted from 0.</param>
public readonly record struct BlobKey(StoreId Store, BlobKind Kind, string Id, int Part = 0);

/// <summary>A blob without its content.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Digest">SHA-256 of its content.</param>
/// <param name="Written">When, UTC.</param>
public sealed record BlobInfo(BlobKey Key, int Bytes, ReadOnlyMemory<byte> Digest, DateTimeOffset Written);

/// <summary>
/// Immutable blobs of at most 4 MiB with checksums: inserted if absent, never overwritten. Partial writes are invisible, corruption is found when
/// reading and refused. What is larger is several parts (<see cref="SegmentStoreExtensions"/>).
/// </summary>
public interface ISegmentStore
{
    /// <summary>The largest blob.</summary>
    const int LargestBlobBytes = 4 << 20;

    /// <summary>Stores a blob if none of that key exists.</summary>
    /// <returns>What is stored now: the winner's digest, which differs from the content's when another came first.</returns>
    /// <exception cref="ArgumentException">More than 4 MiB.</exception>
    Task<BlobInfo> PutAsync(BlobKey key, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default);

    /// <summary>The content, its checksum verified; null when there is none.</summary>
    /// <exception cref="StorageCorruptException">The content does not have its checksum.</exception>
    Task<byte[]?> ReadAsync(BlobKey key, CancellationToken cancellationToken = default);

    /// <summary>Blobs of one kind whose id starts with a prefix, in the order of (id, part), after a key.</summary>
    Task<IReadOnlyList<BlobInfo>> ListAsync(StoreId store, BlobKind kind, string idPrefix, BlobKey? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>Removes all parts of a blob, for what no directory names any more.</summary>
    Task DeleteAsync(StoreId store, BlobKind kind, string id, CancellationToken cancellationToken = default);

    /// <summary>Removes all blobs of a deleted store.</summary>
    Task DeleteStoreAsync(StoreId store, CancellationToken cancellationToken = default);
}
