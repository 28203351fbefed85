using DpAttn.PostgresServer;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>A schema of its own in the database of this process's PostgreSQL server.</summary>
internal sealed class PostgresTestStorage : TestStorage
{
    private static readonly Lazy<Task<string>> Database = new(async () => await (await LocalPostgres.Shared).CreateDatabaseAsync());
    private static int _schemas;
    private readonly PostgresStorage _storage;
    private readonly PostgresStorageOptions _options;
    private readonly bool _isOwner;

    private PostgresTestStorage(PostgresStorage storage, PostgresStorageOptions options, string directory, bool isOwner) =>
        (_storage, _options, Directory, _isOwner) = (storage, options, directory, isOwner);

    public override IBudgetLedger Ledger => _storage.Ledger;

    public override ISegmentStore Segments => _storage.Segments;

    public override ICatalog Catalog => _storage.Catalog;

    public override LedgerGuard Guard => _storage.Guard;

    public override IStorageBackup? Backup => null;

    public override string Directory { get; }

    /// <summary>Makes an empty schema with its tables; skips the test where no server can run.</summary>
    public static async Task<PostgresTestStorage> OpenAsync()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        var database = await Database.Value;
        var schema = $"test{Interlocked.Increment(ref _schemas)}";
        await LocalPostgres.ExecuteAsync(database, $"CREATE SCHEMA {schema}");
        var directory = System.IO.Directory.CreateTempSubdirectory("dpattn-cluster-").FullName;
        var options = new PostgresStorageOptions
        {
            ConnectionString = $"{database};Search Path={schema}",
            Keys = KeyFile.LoadOrCreate(Path.Combine(directory, KeyFile.DefaultName)),
        };
        await PostgresStorage.MigrateAsync(options);
        return new PostgresTestStorage(await PostgresStorage.OpenAsync(options), options, directory, isOwner: true);
    }

    /// <summary>Connections of its own.</summary>
    public override TestStorage Connect() => new PostgresTestStorage(PostgresStorage.Open(_options), _options, Directory, isOwner: false);

    public override async ValueTask DisposeAsync()
    {
        await _storage.DisposeAsync();
        if (_isOwner)
            System.IO.Directory.Delete(Directory, recursive: true);
    }
}
