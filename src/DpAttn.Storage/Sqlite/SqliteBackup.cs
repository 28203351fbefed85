using Microsoft.Data.Sqlite;

namespace DpAttn.Storage;

/// <summary>Copies the database into one file, as of one moment and without what was erased; charges go on meanwhile.</summary>
internal sealed class SqliteBackup(string file) : IStorageBackup
{
    private const string Prefix = "dpattn-backup-";

    /// <summary>Removes copies that a process left which was killed while it made them.</summary>
    public static void Sweep(string directory)
    {
        foreach (var left in Directory.GetFiles(directory, $"{Prefix}*"))
            File.Delete(left);
    }

    public async Task<StorageBackup> CreateAsync(CancellationToken cancellationToken = default)
    {
        var copy = Path.Combine(Path.GetDirectoryName(file)!, $"{Prefix}{Guid.NewGuid():N}");
        try
        {
            // SQLite accepts an empty file as its target, and keeps its mode.
            OwnFile.MakeEmpty(copy);
            await Task.Run(() => Copy(copy), cancellationToken).ConfigureAwait(false);
            return await StorageBackup.OfAsync(copy, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            File.Delete(copy);
            throw failure switch
            {
                SqliteException database => SqliteFailure.Unread("copying the database", database),
                IOException or UnauthorizedAccessException => new StorageUnavailableException($"copying the database: {failure.Message}", failure),
                _ => failure,
            };
        }
    }

    private void Copy(string copy)
    {
        using var session = SqliteSession.Open(file, readOnly: true);
        session.ExecuteScript($"PRAGMA busy_timeout = {SqlitePragmas.BusyMilliseconds}");
        using var vacuum = session.Prepare("VACUUM INTO ?1").With(copy);
        vacuum.Execute();
    }
}
