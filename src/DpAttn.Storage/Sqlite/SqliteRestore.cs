using Microsoft.Data.Sqlite;

namespace DpAttn.Storage;

/// <summary>Puts a backup in the place of a database, on the machine itself, while no process uses the directory.</summary>
public static class SqliteRestore
{
    /// <summary>The kind of the catalog's row that stands in a database which was put back, until whoever keeps more than the ledger in it has seen to that.</summary>
    public const string MarkKind = "restored";

    /// <summary>The key of that row.</summary>
    public const string MarkKey = "copy";

    /// <summary>
    /// Checks a backup and puts it in place. The database that is there is kept beside it. The key file has to be the one that the backup was made with, and the witness stays as
    /// it is: the next start finds the database behind it, and closes the stores that have spent more since.
    /// The database is marked as put back (<see cref="MarkKind"/>), for what charges nothing and so leaves no trace at the witness.
    /// </summary>
    /// <param name="backup">The backup's file; it stays.</param>
    /// <param name="directory">The storage's directory.</param>
    /// <returns>Where the database of before is kept; null when there was none.</returns>
    /// <exception cref="StorageRefusedException">Another process uses the directory, the key file is missing, or the file is of another program or of a newer version.</exception>
    /// <exception cref="StorageCorruptException">The backup is damaged.</exception>
    public static string? Restore(string backup, string directory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(backup);
        ArgumentException.ThrowIfNullOrWhiteSpace(directory);
        (backup, directory) = (Path.GetFullPath(backup), Path.GetFullPath(directory));
        try
        {
            if (!File.Exists(backup))
                throw new StorageRefusedException($"there is no file {backup}");
            OwnFile.MakeDirectory(directory);
            using var directoryLock = DirectoryLock.Take(directory);
            var file = Path.Combine(directory, SqliteStorage.FileName);
            var draft = $"{file}.restoring";
            Copy(backup, draft);
            try
            {
                Check(draft, directory);
                Mark(draft);
                var kept = File.Exists(file) ? PutAside(file) : null;
                File.Move(draft, file);
                OwnFile.FlushDirectory(directory);
                return kept;
            }
            finally
            {
                File.Delete(draft);
                File.Delete($"{draft}-wal");
                File.Delete($"{draft}-shm");
            }
        }
        catch (SqliteException failure)
        {
            throw SqliteFailure.Unread($"restoring {backup}", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StorageRefusedException($"{backup} cannot be restored: {failure.Message}", failure);
        }
    }

    private static void Copy(string from, string to)
    {
        File.Delete(to);
        using var source = File.OpenRead(from);
        using var target = new FileStream(to, OwnFile.Options(FileMode.CreateNew));
        source.CopyTo(target);
        target.Flush(flushToDisk: true);
    }

    /// <summary>Reads the whole file, and what only its keys can open.</summary>
    private static void Check(string file, string directory)
    {
        using var session = SqliteSession.Open(file, readOnly: false);
        var version = SqliteSchema.RequireKnown(session);
        if (version == 0)
            throw new StorageRefusedException("the backup holds nothing");
        if (session.Scalar("PRAGMA integrity_check(1)") is not "ok" and var found)
            throw new StorageCorruptException($"the backup is damaged: {found}");
        if (version < SqliteSchema.Chained)
            return;
        // A backup without its key file is only rows that nobody can charge or publish.
        var keys = KeyFile.Load(Path.Combine(directory, KeyFile.DefaultName));
        var row = SqliteCatalog.Read(session, WrappedKey.CatalogKind, LedgerChain.KeyName) ?? throw new StorageCorruptException("the backup holds no key of the ledger's chain");
        _ = new SecretProtector(keys).Unprotect(row.Content.Span, $"{WrappedKey.CatalogKind}/{LedgerChain.KeyName}");
    }

    /// <summary>In the database itself, before it is in place: no start can miss it.</summary>
    private static void Mark(string file)
    {
        using var session = SqliteSession.Open(file, readOnly: false);
        if (SqliteCatalog.Read(session, MarkKind, MarkKey) is null)
            SqliteCatalog.Commit(session, new CatalogCommit { Writes = [new CatalogWrite(MarkKind, MarkKey, 0, "{}"u8.ToArray())] }, DateTimeOffset.UtcNow);
    }

    /// <summary>Moves a database, and the log that belongs to it, to the first free name.</summary>
    private static string PutAside(string file)
    {
        var number = 1;
        while (File.Exists($"{file}.{number}"))
            number++;
        var kept = $"{file}.{number}";
        File.Move(file, kept);
        foreach (var part in new[] { "-wal", "-shm" })
        {
            if (File.Exists(file + part))
                File.Move(file + part, kept + part);
        }
        return kept;
    }
}
