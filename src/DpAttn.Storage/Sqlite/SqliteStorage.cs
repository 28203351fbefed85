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
    private readonly ILedgerWitness? _witness;
    private int _disposed;

    private SqliteStorage(SqliteStorageOptions options, DirectoryLock directoryLock, ILedgerWitness? witness, SecretProtector protector, LedgerChain chain, bool mayHoldSuspensions, SqliteSession writing, string file)
    {
        _lock = directoryLock;
        _witness = witness;
        _readers = new SqliteReaders(() => OpenReader(file), options.Readers, options.QueueCapacity);
        Writer = new SqliteWriter(writing, options.QueueCapacity, options.QueueBytes);
        Protector = protector;
        Backup = new SqliteBackup(file);
        Books = new SqliteLedgerBooks(Writer, _readers, chain, mayHoldSuspensions, options.Clock);
        Guard = new LedgerGuard(Books, witness, options.Clock);
        Ledger = new SqliteBudgetLedger(Writer, _readers, Books, options.Clock);
        Segments = new SqliteSegmentStore(Writer, _readers, options.Clock);
        Catalog = new SqliteCatalog(Writer, _readers, options.Clock);
    }

    /// <summary>The ledger.</summary>
    public IBudgetLedger Ledger { get; }

    /// <summary>The blobs.</summary>
    public ISegmentStore Segments { get; }

    /// <summary>The catalog.</summary>
    public ICatalog Catalog { get; }

    /// <summary>Watches over the ledger.</summary>
    public LedgerGuard Guard { get; }

    /// <summary>Copies the database.</summary>
    public IStorageBackup Backup { get; }

    /// <summary>Wraps secrets with the keys that the storage was opened with.</summary>
    public SecretProtector Protector { get; }

    /// <summary>
    /// Why writing has stopped: a flush failed, and only opening again goes back to what is really on the disk. Null while all is well. Reads go on.
    /// </summary>
    public Exception? WriteFailure => Writer.Failure;

    internal SqliteWriter Writer { get; }

    internal SqliteLedgerBooks Books { get; }

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
        FileWitness? witness = null;
        try
        {
            OwnFile.MakeDirectory(directory);
            directoryLock = DirectoryLock.Take(directory);
            var file = Path.Combine(directory, FileName);
            OwnFile.MakeEmpty(file);
            session = SqliteSession.Open(file, readOnly: false);
            // Before anything is changed in a file that may not be ours.
            var version = SqliteSchema.RequireKnown(session);
            SqlitePragmas.ApplyToWriter(session);
            SqliteIntegrity.Check(session);
            var protector = new SecretProtector(options.Keys ?? LoadKeys(directory, version));
            var chain = SqliteSchema.Apply(session, protector, options.Clock.GetUtcNow());
            SqliteBackup.Sweep(directory);
            witness = options.WitnessDirectory is { } place ? FileWitness.Open(place, directory) : null;
            // What was erased before a crash may still stand in the log: the writer empties it at its first rest.
            session.HasErased = true;
            return new SqliteStorage(options, directoryLock, options.Witness ?? witness, protector, chain, LedgerSuspensions.Count(session) > 0, session, file);
        }
        catch (Exception failure)
        {
            session?.Dispose();
            _ = witness?.DisposeAsync();
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
        Task.Run(CloseAsync).GetAwaiter().GetResult();
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            await Task.Run(CloseAsync).ConfigureAwait(false);
    }

    private async Task CloseAsync()
    {
        await Guard.FinishAsync().ConfigureAwait(false);
        _readers.Dispose();
        Writer.Dispose();
        // All that was committed is known now.
        await Guard.StopAsync().ConfigureAwait(false);
        if (_witness is not null)
            await _witness.DisposeAsync().ConfigureAwait(false);
        _lock.Dispose();
    }

    /// <summary>A database that was made with keys is not opened with new ones: what they wrapped would be lost without a word.</summary>
    private static KeyRing LoadKeys(string directory, int version)
    {
        var path = Path.Combine(directory, KeyFile.DefaultName);
        return version >= SqliteSchema.Chained ? KeyFile.Load(path) : KeyFile.LoadOrCreate(path);
    }

    private static SqliteSession OpenReader(string file)
    {
        var session = SqliteSession.Open(file, readOnly: true);
        SqlitePragmas.ApplyToReader(session);
        return session;
    }
}
