using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>A storage that clusters of a test stand on. What was opened goes, with its data, when it is disposed.</summary>
internal abstract class TestStorage : IAsyncDisposable
{
    public abstract IBudgetLedger Ledger { get; }

    public abstract ISegmentStore Segments { get; }

    public abstract ICatalog Catalog { get; }

    public abstract LedgerGuard Guard { get; }

    /// <summary>Null where the storage is a server, which has its own.</summary>
    public abstract IStorageBackup? Backup { get; }

    /// <summary>A directory for the key file, and for the data where it lies in files.</summary>
    public abstract string Directory { get; }

    /// <summary>The same storage as another process has it, where several may write; otherwise the same objects. Disposing it leaves the data.</summary>
    public abstract TestStorage Connect();

    public abstract ValueTask DisposeAsync();
}

/// <summary>The embedded storage in a temporary directory: one file, one process.</summary>
internal sealed class SqliteTestStorage : TestStorage
{
    private readonly SqliteStorage _storage;
    private readonly bool _isOwner;

    private SqliteTestStorage(SqliteStorage storage, string directory, bool isOwner) => (_storage, Directory, _isOwner) = (storage, directory, isOwner);

    public override IBudgetLedger Ledger => _storage.Ledger;

    public override ISegmentStore Segments => _storage.Segments;

    public override ICatalog Catalog => _storage.Catalog;

    public override LedgerGuard Guard => _storage.Guard;

    public override IStorageBackup? Backup => _storage.Backup;

    public override string Directory { get; }

    public string DatabaseFile => Path.Combine(Directory, SqliteStorage.FileName);

    public static SqliteTestStorage Open()
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("dpattn-cluster-").FullName;
        return new SqliteTestStorage(SqliteStorage.Open(new SqliteStorageOptions { Directory = directory }), directory, isOwner: true);
    }

    public override TestStorage Connect() => new SqliteTestStorage(_storage, Directory, isOwner: false);

    public override async ValueTask DisposeAsync()
    {
        if (!_isOwner)
            return;
        await _storage.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
