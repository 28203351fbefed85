using Microsoft.Data.Sqlite;

namespace DpAttn.Storage;

/// <summary>
/// The embedded storage: one SQLite file in a directory that one process uses. What is acknowledged has been flushed to the disk. See the
/// project's README for what each method guarantees.
/// </summary>
public sealed class SqliteStorage : IAsyncDisposable, IDisposable
{
    /// <summary>The database's file name within its directory.</summary>
    public const string FileName = "dpattn.db";

    private readonly DirectoryLock _lock;
    private readonly SqliteReaders _readers;
    private int _disposed;

    private SqliteStorage(SqliteStorageOptions options, DirectoryLock directoryLock, SqliteSession writing, string file)
    {
        _lock = directoryLock;
        _readers = new SqliteReaders(() => OpenReader(file), options.Readers, options.QueueCapacity);
        Writer = new SqliteWriter(writing, options.QueueCapacity, options.QueueBytes);
        Ledger = new SqliteBudgetLedger(Writer, _readers, options.Clock);
        Segments = new SqliteSegmentStore(Writer, _readers, options.Clock);
        Catalog = new SqliteCatalog(Writer, _readers, options.Clock);
    }

    /// <summary>The ledger.</summary>
    public IBudgetLedger Ledger { get; }

    /// <summary>The blobs.</summary>
    public ISegmentStore Segments { get; }

    /// <summary>The catalog.</summary>
    public ICatalog Catalog { get; }

    /// <summary>
    /// Why writing has stopped: a flush failed, and only opening again goes back to what is really on the disk. Null while all is well. Reads go on.
    /// </summary>
    public Exception? WriteFailure => Writer.Failure;

    internal SqliteWriter Writer { get; }

    /// <summary>Opens the storage of a directory, making or upgrading the database file.</summary>
    /// <exception cref="StorageRefusedException">In use by another process, written by a newer version, without flushing, or the directory cannot be used.</exception>
    /// <exception cref="StorageCorruptException">The file is damaged.</exception>
    /// <exception cref="StorageFullException">No room on the disk.</exception>
    /// <exception cref="StorageUnavailableException">The file cannot be read.</exception>
    public static SqliteStorage Open(SqliteStorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var directory = Path.GetFullPath(options.Directory);
        DirectoryLock? directoryLock = null;
        SqliteSession? session = null;
        try
        {
            OwnFile.MakeDirectory(directory);
            directoryLock = DirectoryLock.Take(directory);
            var file = Path.Combine(directory, FileName);
            OwnFile.MakeEmpty(file);
            session = SqliteSession.Open(file, readOnly: false);
            // Before anything is changed in a file that may not be ours.
            SqliteSchema.RequireKnown(session);
            SqlitePragmas.ApplyToWriter(session);
            SqliteSchema.Apply(session, options.Clock.GetUtcNow());
            SqliteIntegrity.Check(session);
            // What was erased before a crash may still stand in the log: the writer empties it at its first rest.
            session.HasErased = true;
            return new SqliteStorage(options, directoryLock, session, file);
        }
        catch (Exception failure)
        {
            session?.Dispose();
            directoryLock?.Dispose();
            if (failure is SqliteException database)
                throw SqliteFailure.Unread($"opening the storage in {directory}", database);
            if (failure is IOException or UnauthorizedAccessException)
                throw new StorageRefusedException($"the storage in {directory} cannot be opened: {failure.Message}", failure);
            throw;
        }
    }

    /// <inheritdoc cref="Open"/>
    public static Task<SqliteStorage> OpenAsync(SqliteStorageOptions options, CancellationToken cancellationToken = default) =>
        Task.Run(() => Open(options), cancellationToken);

    /// <summary>Carries out what is queued, closes the file and releases the directory. What comes later is refused.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _readers.Dispose();
        Writer.Dispose();
        _lock.Dispose();
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync() => await Task.Run(Dispose).ConfigureAwait(false);

    private static SqliteSession OpenReader(string file)
    {
        var session = SqliteSession.Open(file, readOnly: true);
        SqlitePragmas.ApplyToReader(session);
        return session;
    }
}
