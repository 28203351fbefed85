using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// Sees to a database that was put back from an older copy: rows that were released since would be released again, with other content, for the same charge. So the growth of every continual
/// release in it ends before anything is frozen; what it has released goes on answering.
/// </summary>
internal sealed class RestoredCopy(ICatalog catalog, StoreServices services)
{
    /// <summary>Why a release grows no more.</summary>
    public const string Text = "an older copy of the storage was put back; retire this release and publish a new one";

    /// <summary>Ends the growth of all continual releases if the database is marked as put back, and removes the mark. May be done by several processes at once.</summary>
    /// <returns>Whether it was marked.</returns>
    /// <exception cref="StorageException">To be tried again: the mark stays until all are ended.</exception>
    public async Task<bool> SettleAsync(CancellationToken cancellationToken)
    {
        if (await catalog.ReadAsync(SqliteRestore.MarkKind, SqliteRestore.MarkKey, cancellationToken) is not { } mark)
            return false;
        await foreach (var release in catalog.ListAsync(Documents.Release, "", cancellationToken))
        {
            if (ContinualBook.IsLive(release.Value))
                await services.Continual(new StoreId(release.Key.Split('/')[0])).StopAsync(release.Value.Id, Text, cancellationToken);
        }
        await catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite(mark.Kind, mark.Key, mark.Version, null)] }, cancellationToken);
        return true;
    }
}
