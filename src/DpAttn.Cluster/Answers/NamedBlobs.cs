using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Reading what a published release names.</summary>
internal static class NamedBlobs
{
    /// <summary>The bytes of a blob that is named. One that is gone because its release was retired while it was read is not damage.</summary>
    /// <param name="blobs">The storage.</param>
    /// <param name="store">The store.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="named">How the release names it.</param>
    /// <param name="missing">What to say when it is missing.</param>
    /// <param name="find">Looks again for the release that names it, and throws not_found where there is none any more.</param>
    /// <exception cref="StorageCorruptException">It is missing, and still named.</exception>
    public static async Task<byte[]> ReadNamedAsync(this ISegmentStore blobs, StoreId store, BlobKind kind, NodeDocument named, string missing, Func<Task> find)
    {
        try
        {
            return await blobs.ReadPartsAsync(store, kind, named.Blob, named.Bytes) ?? throw new StorageCorruptException(missing);
        }
        catch (StorageCorruptException)
        {
            await find();
            throw;
        }
    }
}
