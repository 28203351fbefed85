using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Reading what a published release names.</summary>
internal static class NamedBlobs
{
    /// <summary>What is read. A blob that is gone because its release was retired meanwhile is not damage.</summary>
    /// <param name="read">Reads what a release names.</param>
    /// <param name="find">Looks again for the release, and throws not_found where there is none any more.</param>
    /// <exception cref="StorageCorruptException">It is missing or not what was published, and still named.</exception>
    public static async Task<T> ReadAsync<T>(Func<Task<T>> read, Func<Task> find)
    {
        try
        {
            return await read();
        }
        catch (StorageCorruptException)
        {
            await find();
            throw;
        }
    }
}
