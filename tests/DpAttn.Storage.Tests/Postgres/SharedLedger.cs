using DpAttn.Privacy;
using DpAttn.Storage.Tests.Guard;
using DpAttn.Storage.Tests.Support;
using Npgsql;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>A ledger in one database and its witness in another, used by any number of processes: storages that know nothing of each other.</summary>
internal sealed class SharedLedger(TwoServers servers, string database, string witness) : IAsyncDisposable
{
    public static readonly StoreId Store = new("store-1");
    public static readonly AccountId Alice = new("alice");
    public static readonly AccountId Bob = new("bob");
    public static readonly ReleaseId Release = new("release-1");
    public static readonly Ladder Prices = new(1000, 3000, 9000);
    public static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));

    private readonly List<Server> _running = [];
    private int _requests;

    /// <summary>How the processes reach both.</summary>
    public PostgresStorageOptions Options => new() { ConnectionString = servers.Ledgers.Server.ConnectionString(database), WitnessConnectionString = Witness, Keys = PostgresUnderTest.Keys, Lanes = 2, Writers = 2, Readers = 4 };

    public string Witness => servers.Witnesses.Server.ConnectionString(witness);

    /// <summary>Makes both; nobody has opened them yet.</summary>
    public static async Task<SharedLedger> CreateAsync(TwoServers servers)
    {
        var database = new NpgsqlConnectionStringBuilder((await servers.Ledgers.MigratedAsync()).ConnectionString).Database!;
        var witness = new NpgsqlConnectionStringBuilder(await servers.Witnesses.Server.CreateDatabaseAsync()).Database!;
        var ledger = new SharedLedger(servers, database, witness);
        Assert.Equal((0, PostgresWitness.SchemaVersion), await PostgresStorage.MigrateWitnessAsync(ledger.Options));
        return ledger;
    }

    /// <summary>The same with a store, two accounts and some charges, all of which the witness was told.</summary>
    public static async Task<SharedLedger> CreateChargedAsync(TwoServers servers)
    {
        var ledger = await CreateAsync(servers);
        var server = await ledger.StartAsync();
        await server.Storage.Ledger.CreateStoreAsync(Store, Limit);
        foreach (var account in new[] { Alice, Bob })
        {
            await server.Storage.Ledger.SetLimitAsync(Store, account, Limit);
            for (var i = 0; i < 3; i++)
                await ledger.ChargeAsync(server, account, 10);
        }
        await ledger.StopAsync();
        return ledger;
    }

    /// <summary>Starts a process.</summary>
    /// <param name="isVerified">Whether it verifies what is there, as every one does in the end.</param>
    /// <param name="isWhole">Whether nothing may be found.</param>
    public async Task<Server> StartAsync(bool isVerified = true, bool isWhole = true)
    {
        var held = new HeldWitness(await PostgresWitness.OpenAsync(Witness));
        var server = new Server(await PostgresStorage.OpenAsync(Options with { WitnessConnectionString = null, Witness = held }), held);
        lock (_running)
            _running.Add(server);
        await server.Storage.Guard.StartAsync();
        if (isVerified)
            await server.Storage.Guard.VerifyPendingAsync(report => Assert.True(report.Reason is null == isWhole, report.Reason ?? "nothing was found"));
        return server;
    }

    /// <summary>Stops all processes in order.</summary>
    public async Task StopAsync()
    {
        foreach (var server in _running)
            await server.Storage.DisposeAsync();
        _running.Clear();
    }

    /// <summary>Ends a process that tells nobody anything any more.</summary>
    public async Task KillAsync(Server server)
    {
        server.Held.IsHeld = true;
        await server.Storage.DisposeAsync();
        _running.Remove(server);
    }

    public Task<LedgerDecision> ChargeAsync(Server server, AccountId account, long units) =>
        server.Storage.Ledger.ChargeAsync(Store, account, new RequestId($"request-{Interlocked.Increment(ref _requests)}"), RequestFingerprint.Of([1]), new PrivacyAmount(units, 0));

    public Task<LedgerDecision> OpenTierAsync(Server server, AccountId account, int tier) =>
        server.Storage.Ledger.OpenAsync(Store, account, new RequestId($"request-{Interlocked.Increment(ref _requests)}"), RequestFingerprint.Of([2]), Release, tier, Prices);

    public static async Task<long> SpentAsync(Server server, AccountId account) => (await server.Storage.Ledger.ReadAccountAsync(Store, account))!.Spent.MuSquared;

    /// <summary>What the witness has of an account.</summary>
    public static async Task<WitnessMark> MarkAsync(Server server, AccountId? account) => (await server.Held.FindAsync(Store, account))!;

    /// <summary>Requires that the witness has just what the database has.</summary>
    public static async Task RequireToldAsync(Server server)
    {
        foreach (var (book, isAuthentic) in await server.Storage.Books.ListMarksAsync(Store, null, 1000, default))
        {
            var mark = await MarkAsync(server, book.Account);
            Assert.True(isAuthentic && mark.IsSameState(book), $"{mark} at the witness, and {book} in the database");
        }
    }

    public async Task RequireClosedAsync(Server server, AccountId account) =>
        Assert.Contains("witness", (await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync(server, account, 1))).Message);

    /// <summary>Copies the database while nobody uses it.</summary>
    public async Task<string> CopyAsync()
    {
        await StopAsync();
        await servers.Ledgers.AdministerAsync($"CREATE DATABASE {database}_copy TEMPLATE {database}");
        return $"{database}_copy";
    }

    /// <summary>Puts a copy in the database's place, whoever is using it.</summary>
    public async Task PutBackAsync(string copy)
    {
        await servers.Ledgers.AdministerAsync($"DROP DATABASE {database} WITH (FORCE)", $"ALTER DATABASE {copy} RENAME TO {database}");
        foreach (var server in _running)
        {
            // Until its connections are new ones.
            for (var i = 0; i < 100; i++)
            {
                try
                {
                    await server.Storage.Books.ReadIdentityAsync(default);
                    break;
                }
                catch (StorageUnavailableException)
                {
                    await Task.Delay(20);
                }
            }
        }
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    /// <summary>A process.</summary>
    /// <param name="Storage">Its storage.</param>
    /// <param name="Held">Its way to the witness.</param>
    internal sealed record Server(PostgresStorage Storage, HeldWitness Held)
    {
        public Task TellAsync() => Storage.Guard.TellAsync();
    }
}
