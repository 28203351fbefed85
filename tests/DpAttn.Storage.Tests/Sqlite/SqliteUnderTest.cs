using DpAttn.Storage.Tests.Conformance;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Sqlite;

/// <summary>The embedded storage in a directory of its own.</summary>
internal sealed class SqliteUnderTest : IStorageUnderTest
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualClock _clock = new();

    private SqliteUnderTest() => Storage = SqliteStorage.Open(Options);

    public SqliteStorage Storage { get; private set; }

    public IBudgetLedger Ledger => Storage.Ledger;

    public ISegmentStore Segments => Storage.Segments;

    public ICatalog Catalog => Storage.Catalog;

    /// <summary>One process writes; there is no other writer.</summary>
    public (IBudgetLedger Ledger, ISegmentStore Segments, ICatalog Catalog) Other => (Ledger, Segments, Catalog);

    public DateTimeOffset Now
    {
        get => _clock.Now;
        set => _clock.Now = value;
    }

    private SqliteStorageOptions Options => new() { Directory = _directory.Path, Clock = _clock };

    public static Task<IStorageUnderTest> CreateAsync() => Task.FromResult<IStorageUnderTest>(new SqliteUnderTest());

    public async Task RestartAsync()
    {
        await Storage.DisposeAsync();
        Storage = await SqliteStorage.OpenAsync(Options);
    }

    public async ValueTask DisposeAsync()
    {
        await Storage.DisposeAsync();
        _directory.Dispose();
    }
}
