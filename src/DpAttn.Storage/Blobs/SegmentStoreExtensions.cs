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
    public static async Task PutPartsAsync(this ISegmentStore blobs, StoreId store, BlobKind kind, string id, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(blobs);
        foreach (var key in PartsOf(store, kind, id, content.Length))
        {
            var start = key.Part * ISegmentStore.LargestBlobBytes;
            await blobs.PutAsync(key, content.Slice(start, Math.Min(ISegmentStore.LargestBlobBytes, content.Length - start)), cancellationToken);
        }
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
