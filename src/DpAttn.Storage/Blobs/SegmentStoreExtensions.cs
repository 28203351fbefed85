using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>Content of any length as parts of at most 4 MiB.</summary>
public static class SegmentStoreExtensions
{
    /// <summary>The keys of the parts that content of a length has.</summary>
    public static IReadOnlyList<BlobKey> PartsOf(StoreId store, BlobKind kind, string id, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        var count = Math.Max(1, (int)((bytes + ISegmentStore.LargestBlobBytes - 1) / ISegmentStore.LargestBlobBytes));
        return [.. Enumerable.Range(0, count).Select(part => new BlobKey(store, kind, id, part))];
    }

    /// <summary>Stores content as parts, each inserted if absent.</summary>
    /// <returns>Whether this content is what is stored; false when another content's part was there first, and what is stored may be parts of both.</returns>
    public static async Task<bool> PutPartsAsync(this ISegmentStore blobs, StoreId store, BlobKind kind, string id, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(blobs);
        var isStored = true;
        foreach (var key in PartsOf(store, kind, id, content.Length))
        {
            var start = key.Part * ISegmentStore.LargestBlobBytes;
            var part = content.Slice(start, Math.Min(ISegmentStore.LargestBlobBytes, content.Length - start));
            var stored = await blobs.PutAsync(key, part, cancellationToken);
            isStored &= stored.Digest.Span.SequenceEqual(SHA256.HashData(part.Span));
        }
        return isStored;
    }

    /// <summary>Reads content of a known length from its parts; null when the first one is missing.</summary>
    /// <exception cref="StorageCorruptException">A later part is missing, or the length differs.</exception>
    public static async Task<byte[]?> ReadPartsAsync(this ISegmentStore blobs, StoreId store, BlobKind kind, string id, int bytes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(blobs);
        var content = new byte[bytes];
        var done = 0;
        foreach (var key in PartsOf(store, kind, id, bytes))
        {
            var part = await blobs.ReadAsync(key, cancellationToken);
            if (part is null && key.Part == 0)
                return null;
            if (part is null || part.Length > bytes - done)
                throw new StorageCorruptException($"{kind} {id}, part {key.Part}: missing or longer than announced");
            part.CopyTo(content, done);
            done += part.Length;
        }
        return done == bytes ? content : throw new StorageCorruptException($"{kind} {id} has {done} bytes where {bytes} were announced");
    }
}
