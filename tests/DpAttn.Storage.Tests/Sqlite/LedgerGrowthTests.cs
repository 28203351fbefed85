using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Sqlite;

/// <summary>
/// What the ledger does costs the same however many entries an account has. Counted, not timed: SQLite tells how many steps of its machine each statement took, how many
/// rows it went through without a key, and whether it sorted.
/// </summary>
public sealed class LedgerGrowthTests : IDisposable
{
    private const int StepsTaken = 4; // SQLITE_STMTSTATUS_VM_STEP
    private static readonly (int Code, string Name)[] WithoutKey = [(1, "went through rows without a key"), (2, "sorted"), (3, "made an index of its own")];
    private static readonly StoreId Store = new("store");
    private static readonly AccountId Account = new("account");

    // Opens releases, so that reading the other one's tiers stays the same.
    private static readonly AccountId Opener = new("opener");
    private static readonly PrivacyLimit Limit = new(new Epsilon(8), new Delta(1e-6)), Larger = new(new Epsilon(9), new Delta(1e-6));
    private static readonly Ladder Prices = new(1000, 3000, 9000);
    private readonly TemporaryDirectory _directory = new();
    private readonly SqliteStorage _storage;
    private readonly SqliteReaders _readers;
    private readonly SqliteBudgetLedger _ledger;
    private int _requests;

    public LedgerGrowthTests()
    {
        _storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = _directory.Path });
        // One connection, so that all reads are counted in one place.
        _readers = new SqliteReaders(OpenReader, connections: 1, queueCapacity: 100);
        _ledger = new SqliteBudgetLedger(_storage.Writer, _readers, new SqliteLedgerBooks(_storage.Writer, _readers, _storage.Books.Chain, mayHoldSuspensions: true, TimeProvider.System), TimeProvider.System);
    }

    public void Dispose()
    {
        _readers.Dispose();
        _storage.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Every_statement_of_the_ledger_finds_its_rows_by_a_key()
    {
        await GrantAsync();
        await FillAsync(600);
        await ResetAsync();
        foreach (var (_, operation) in Operations())
            await operation();
        await _ledger.ListAccountsAsync(Store, null, 10);
        await _ledger.SetLimitAsync(Store, Account, Larger);
        await _ledger.SetStoreLimitAsync(Store, Larger);
        await _ledger.SetLimitAsync(Store, new AccountId("another"), Limit);
        await _ledger.CreateStoreAsync(new StoreId("another"), Limit);
        await _ledger.CloseStoreAsync(new StoreId("another"));
        var (writes, reads) = await FindAsync(Keyless);
        Assert.Empty(writes.Concat(reads));

        // The counters say something: a look at entries by their time has no key.
        var found = await _readers.ReadAsync("without a key", session =>
        {
            using var statement = session.Prepare("SELECT count(*) FROM ledger_entry WHERE written_at > 0");
            statement.Execute();
            return Keyless(session);
        }, default);
        Assert.Contains(found, what => what.StartsWith(WithoutKey[0].Name, StringComparison.Ordinal));
    }

    [Fact]
    public Task Charging_opening_finding_and_reading_take_the_same_steps_after_20_000_entries() => StepsAreEqualAsync(20_000);

    [Fact, Trait("Suite", "Long")]
    public Task Charging_opening_finding_and_reading_take_the_same_steps_after_a_million_entries() => StepsAreEqualAsync(1_000_000);

    private async Task StepsAreEqualAsync(int entries)
    {
        await GrantAsync();
        await FillAsync(1000);
        var early = await StepsAsync();
        await FillAsync(entries);
        Assert.True((await _ledger.ReadAccountAsync(Store, Account))!.Sequence > entries);
        Assert.Equal(early, await StepsAsync());
        Assert.All(early, step => Assert.InRange(step.Value, 1, 2000));
    }

    /// <summary>The steps of each operation.</summary>
    private async Task<Dictionary<string, long>> StepsAsync()
    {
        var steps = new Dictionary<string, long>();
        foreach (var (name, operation) in Operations())
        {
            await ResetAsync();
            await operation();
            var (writes, reads) = await FindAsync(session => Statements(session).Select(statement => (long)statement.Value.TakeStatus(StepsTaken)));
            steps[name] = writes.Sum() + reads.Sum();
        }
        return steps;
    }

    private IEnumerable<(string Name, Func<Task> Operation)> Operations()
    {
        var release = new ReleaseId($"release-{_requests}");
        var known = new RequestId("request-7");
        yield return ("charge", async () => Assert.True((await ChargeAsync(Next(), new PrivacyAmount(1, 0))).IsAdmitted));
        yield return ("replay", async () => Assert.True((await ChargeAsync(known, new PrivacyAmount(1, 0))).IsAdmitted));
        yield return ("refusal", async () => Assert.False((await ChargeAsync(Next(), Limit.Amount)).IsAdmitted));
        yield return ("open", async () => Assert.True((await OpenAsync(release, 0)).IsAdmitted));
        yield return ("upgrade", async () => Assert.True((await OpenAsync(release, 2)).IsAdmitted));
        yield return ("find", async () => Assert.NotNull(await _ledger.FindRequestAsync(Store, Account, known)));
        yield return ("read the account", async () => Assert.NotNull(await _ledger.ReadAccountAsync(Store, Account)));
        yield return ("read the store", async () => Assert.NotNull(await _ledger.ReadStoreAsync(Store)));
        yield return ("a page of entries", async () => Assert.Equal(10, (await _ledger.ListEntriesAsync(Store, Account, 500, 10)).Count));
    }

    private async Task GrantAsync()
    {
        await _ledger.CreateStoreAsync(Store, Limit);
        await _ledger.SetLimitAsync(Store, Account, Limit);
        await _ledger.SetLimitAsync(Store, Opener, Limit);
    }

    /// <summary>Charges until there are so many entries more, and a tenth of them of the one that opens.</summary>
    private async Task FillAsync(int entries)
    {
        for (var left = entries; left > 0;)
        {
            var group = Math.Min(left, 1024);
            await Task.WhenAll(Enumerable.Range(0, group).Select(_ => ChargeAsync(Next(), new PrivacyAmount(1, 0))));
            await Task.WhenAll(Enumerable.Range(0, group / 10).Select(_ => ChargeAsync(Next(), new PrivacyAmount(1, 0), Opener)));
            left -= group;
        }
    }

    private RequestId Next() => new($"request-{++_requests}");

    private Task<LedgerDecision> ChargeAsync(RequestId request, PrivacyAmount cost, AccountId? account = null) =>
        _ledger.ChargeAsync(Store, account ?? Account, request, RequestFingerprint.Of([1]), cost);

    private Task<LedgerDecision> OpenAsync(ReleaseId release, int tier) => _ledger.OpenAsync(Store, Opener, Next(), RequestFingerprint.Of([1]), release, tier, Prices);

    private Task ResetAsync() => FindAsync(session =>
    {
        foreach (var statement in Statements(session))
        {
            foreach (var code in new[] { 1, 2, 3, StepsTaken })
                statement.Value.TakeStatus(code);
        }
        return Array.Empty<int>();
    });

    /// <summary>Asks the writer's connection and the readers'.</summary>
    private async Task<(T[] Writes, T[] Reads)> FindAsync<T>(Func<SqliteSession, IEnumerable<T>> ask) => (
        await _storage.Writer.RunAsync("counting", 0, session => ask(session).ToArray(), default),
        await _readers.ReadAsync("counting", session => ask(session).ToArray(), default));

    private static string[] Keyless(SqliteSession session) =>
        [.. from statement in Statements(session)
            from counter in WithoutKey
            let count = statement.Value.TakeStatus(counter.Code)
            where count > 0
            select $"{counter.Name}, {count} times: {statement.Key}"];

    /// <summary>All statements of a connection but those that begin and end transactions.</summary>
    private static IEnumerable<KeyValuePair<string, SqliteStatement>> Statements(SqliteSession session) =>
        session.Prepared.Where(statement => statement.Key is not ("BEGIN" or "BEGIN IMMEDIATE" or "COMMIT" or "ROLLBACK"));

    private SqliteSession OpenReader()
    {
        var session = SqliteSession.Open(Path.Combine(_directory.Path, SqliteStorage.FileName), readOnly: true);
        SqlitePragmas.ApplyToReader(session);
        return session;
    }
}
