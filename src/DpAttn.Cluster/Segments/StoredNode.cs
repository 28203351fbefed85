using System.Security.Cryptography;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Released integers in the storage.</summary>
internal static class StoredNode
{
    /// <summary>Stores released integers if there are none, and reads back what is served from now on, whoever wrote it.</summary>
    /// <exception cref="StorageCorruptException">Two writers disagree about what is too long for one blob: parts of both are never served.</exception>
    public static async Task<byte[]> StoreNodeAsync(this ISegmentStore blobs, StoreId store, string id, byte[] bytes, string name, CancellationToken cancellationToken)
    {
        var isOwn = await blobs.PutPartsAsync(store, BlobKind.Node, id, bytes, cancellationToken);
        var stored = await blobs.ReadPartsAsync(store, BlobKind.Node, id, bytes.Length, cancellationToken)
            ?? throw new StorageUnavailableException($"{name} was stored and cannot be read");
        if (!isOwn && bytes.Length > ISegmentStore.LargestBlobBytes && !stored.AsSpan().SequenceEqual(bytes))
            throw new StorageCorruptException($"{name} was stored by two writers that disagree");
        return stored;
    }

    /// <summary>Reads what a release names, or refuses it.</summary>
    /// <exception cref="StorageCorruptException">It is missing, or not what was published.</exception>
    public static async Task<byte[]> ReadNodeAsync(this ISegmentStore blobs, StoreId store, string id, int bytes, ReadOnlyMemory<byte> digest, string name, CancellationToken cancellationToken = default)
    {
        var stored = await blobs.ReadPartsAsync(store, BlobKind.Node, id, bytes, cancellationToken)
            ?? throw new StorageCorruptException($"{name} is missing");
        return SHA256.HashData(stored).AsSpan().SequenceEqual(digest.Span)
            ? stored
            : throw new StorageCorruptException($"{name} is not the one that was published");
    }
}
