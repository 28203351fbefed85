using DpAttn.Privacy;
using Microsoft.Data.Sqlite;

namespace DpAttn.Storage;

/// <summary>
/// A witness in a small SQLite file of its own, in another directory than the database: on another disk where there is one, and never part of the same copy. Each round of
/// marks is one flushed transaction; a round that was cut off leaves the one before. What is damaged counts as lost.
/// </summary>
public sealed class FileWitness : ILedgerWitness
{
    /// <summary>The file's name within its directory.</summary>
    public const string FileName = "dpattn-witness.db";

    private readonly object _gate = new();
    private readonly string _file;
    private readonly DirectoryLock _lock;
    private WitnessTable? _table;
    private Exception? _broken;
    private bool _isClosed;

    private FileWitness(string file, DirectoryLock directoryLock) => (_file, _lock, _table) = (file, directoryLock, WitnessTable.TryOpen(file));

    /// <summary>Opens the witness of a directory, which is made with mode 0700 if it is not there. One process uses it at a time.</summary>
    /// <param name="directory">The witness's directory.</param>
    /// <param name="databaseDirectory">The directory of the database that it watches; null where that is no file of this machine.</param>
    /// <exception cref="StorageRefusedException">
    /// It lies within the database's directory, another process holds it, it cannot be used, or a newer version wrote it.
    /// </exception>
    public static FileWitness Open(string directory, string? databaseDirectory = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(directory);
        directory = Path.GetFullPath(directory);
        DirectoryLock? directoryLock = null;
        try
        {
            OwnFile.MakeDirectory(directory);
            if (databaseDirectory is not null && IsWithin(directory, databaseDirectory))
                throw new StorageRefusedException($"the witness in {directory} lies within the directory of its database: whoever puts back an older copy of the one would put back the other. Name another directory");
            directoryLock = DirectoryLock.Take(directory);
            return new FileWitness(Path.Combine(directory, FileName), directoryLock);
        }
        catch (Exception failure)
        {
            directoryLock?.Dispose();
            if (failure is SqliteException database)
                throw SqliteFailure.Unread($"opening the witness in {directory}", database);
            if (failure is IOException or UnauthorizedAccessException)
                throw new StorageRefusedException($"the witness in {directory} cannot be opened: {failure.Message}", failure);
            throw;
        }
    }

    /// <summary>Whether a directory is another one or lies below it, also through links.</summary>
    public static bool IsWithin(string directory, string other)
    {
        var (inner, outer) = (Resolve(directory), Resolve(other));
        return inner == outer || inner.StartsWith(outer + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public Task<WitnessIdentity?> ReadIdentityAsync(CancellationToken cancellationToken = default) =>
        RunAsync("reading the witness", () => _table?.ReadIdentity());

    /// <inheritdoc/>
    public Task<bool> BeginAsync(WitnessIdentity identity, WitnessIdentity? replaced, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(identity);
        return RunAsync("beginning a witness", () =>
        {
            if (_table?.ReadIdentity() != replaced)
                return false;
            _table?.Dispose();
            _table = null;
            WitnessTable.PutAside(_file);
            _table = WitnessTable.Create(_file, identity);
            return true;
        });
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<WitnessMark>> RaiseAsync(IReadOnlyList<WitnessStep> steps, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(steps);
        return RunAsync("writing the witness", () => Table.Raise(steps));
    }

    /// <inheritdoc/>
    public Task<WitnessMark?> FindAsync(StoreId store, AccountId? account, CancellationToken cancellationToken = default) =>
        RunAsync("reading the witness", () => Table.Find(store, account?.Value ?? LedgerBook.StoreItself));

    /// <inheritdoc/>
    public Task<IReadOnlyList<WitnessMark>> ListAsync(StoreId store, string? after, int limit, CancellationToken cancellationToken = default) =>
        RunAsync<IReadOnlyList<WitnessMark>>("reading the witness", () => Table.List(store, after, limit));

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoreId>> ListStoresAsync(StoreId? after, int limit, CancellationToken cancellationToken = default) =>
        RunAsync<IReadOnlyList<StoreId>>("reading the witness", () => Table.ListStores(after, limit));

    /// <summary>Closes the file and releases the directory.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_isClosed)
                return ValueTask.CompletedTask;
            _isClosed = true;
            _table?.Dispose();
            _lock.Dispose();
        }
        return ValueTask.CompletedTask;
    }

    private WitnessTable Table => _table ?? throw new StorageUnavailableException("the witness was never begun, or is lost");

    /// <summary>Runs on the caller's thread, one at a time; the file is small and local.</summary>
    private Task<T> RunAsync<T>(string name, Func<T> work)
    {
        lock (_gate)
        {
            try
            {
                if (_isClosed)
                    throw new StorageUnavailableException($"{name}: the witness is closed");
                if (_broken is not null)
                    throw new StorageUnavailableException($"{name}: the witness stopped after a failed write and must be opened again", _broken);
                return Task.FromResult(work());
            }
            catch (SqliteException failure)
            {
                // As for the database itself: after a failed flush nobody knows what the system has kept.
                if (!SqliteFailure.IsFull(failure))
                    _broken = failure;
                return Task.FromException<T>(SqliteFailure.Unread(name, failure));
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                return Task.FromException<T>(new StorageUnavailableException($"{name}: {failure.Message}", failure));
            }
            catch (StorageException failure)
            {
                return Task.FromException<T>(failure);
            }
        }
    }

    private static string Resolve(string directory)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        var rest = new Stack<string>();
        // The deepest part that exists may be reached through links.
        for (var part = path; ; part = Path.GetDirectoryName(part)!)
        {
            if (Directory.Exists(part) || Path.GetDirectoryName(part) is null)
            {
                var target = new DirectoryInfo(part).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? part;
                if (Path.GetDirectoryName(target) is { } parent && Path.GetFileName(target) is { Length: > 0 } name)
                    target = Path.Combine(Resolve(parent), name);
                return rest.Aggregate(Path.TrimEndingDirectorySeparator(target), Path.Combine);
            }
            rest.Push(Path.GetFileName(part));
        }
    }
}
