using System.Security.Cryptography;
using DpAttn.PostgresServer;
using DpAttn.Storage.Tests.Conformance;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>A schema of its own in the database of this process's server, opened twice: as two processes would.</summary>
internal sealed class PostgresUnderTest : IStorageUnderTest
{
    private static readonly Lazy<Task<string>> Database = new(async () => await (await LocalPostgres.Shared).CreateDatabaseAsync());
    private static int _schemas;

    /// <summary>The keys of all databases of the tests.</summary>
    public static KeyRing Keys { get; } = new([new("test", RandomNumberGenerator.GetBytes(KeyRing.KeyBytes))]);

    private readonly ManualClock _clock = new();
    private PostgresStorage _storage = null!;
    private PostgresStorage _other = null!;

    private PostgresUnderTest(string connectionString) => Options = new PostgresStorageOptions { ConnectionString = connectionString, Keys = Keys, Clock = _clock, Lanes = 2, Writers = 4, Readers = 4 };

    public PostgresStorageOptions Options { get; }

    public PostgresStorage Storage => _storage;

    public IBudgetLedger Ledger => _storage.Ledger;

    public ISegmentStore Segments => _storage.Segments;

    public ICatalog Catalog => _storage.Catalog;

    public (IBudgetLedger Ledger, ISegmentStore Segments, ICatalog Catalog) Other => (_other.Ledger, _other.Segments, _other.Catalog);

    public DateTimeOffset Now
    {
        get => _clock.Now;
        set => _clock.Now = value;
    }

    /// <summary>Makes an empty schema with its tables; skips the test where no server can run.</summary>
    public static async Task<PostgresUnderTest> CreateAsync()
    {
        var created = new PostgresUnderTest(await CreateSchemaAsync());
        await PostgresStorage.MigrateAsync(created.Options);
        await created.OpenAsync();
        return created;
    }

    /// <summary>The connection string of an empty schema; skips the test where no server can run.</summary>
    public static async Task<string> CreateSchemaAsync()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        var database = await Database.Value;
        var schema = $"test{Interlocked.Increment(ref _schemas)}";
        await LocalPostgres.ExecuteAsync(database, $"CREATE SCHEMA {schema}");
        return $"{database};Search Path={schema}";
    }

    public async Task RestartAsync()
    {
        await _storage.DisposeAsync();
        await _other.DisposeAsync();
        await OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _storage.DisposeAsync();
        await _other.DisposeAsync();
    }

    private async Task OpenAsync()
    {
        _storage = await PostgresStorage.OpenAsync(Options);
        _other = await PostgresStorage.OpenAsync(Options);
    }
}
