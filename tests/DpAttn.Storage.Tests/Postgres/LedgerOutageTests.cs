using System.Diagnostics;
using DpAttn.PostgresServer;
using DpAttn.Privacy;
using Npgsql;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>Charges while the database fails them: charged once, whoever retries, and never less than what was granted.</summary>
public sealed class LedgerOutageTests(OwnServer own) : IClassFixture<OwnServer>
{
    private static readonly StoreId Store = new("store-1");
    private static readonly PrivacyLimit Limit = new(new Epsilon(4), new Delta(1e-6));
    private static readonly PrivacyAmount Cost = new(1000, 1);

    [Fact]
    public async Task A_connection_lost_at_the_commit_leaves_a_charge_unknown_and_its_retry_charges_once()
    {
        await using var storage = await OpenAsync("alice", "bob");
        storage.Database.BeforeCommit = TerminateAsync;
        var charges = new[] { ChargeAsync(storage, "alice", 1), ChargeAsync(storage, "bob", 1) };
        foreach (var charge in charges)
            await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => charge);
        storage.Database.BeforeCommit = null;

        for (var i = 0; i < 2; i++)
            Assert.True((await ChargeAsync(storage, "alice", 1)).IsAdmitted);

        Assert.Equal(Cost, (await storage.Ledger.ReadAccountAsync(Store, new("alice")))!.Spent);
        Assert.Empty(await storage.Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task A_charge_whose_commit_is_not_answered_in_time_is_unknown_and_its_retry_is_a_replay()
    {
        await using var storage = await OpenAsync("alice");
        var frozen = 0;
        storage.Database.BeforeCommit = async () => LocalPostgres.Kill("-STOP", frozen = await BackendAsync());
        await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => ChargeAsync(storage, "alice", 1));
        storage.Database.BeforeCommit = null;
        LocalPostgres.Kill("-CONT", frozen);
        var start = Stopwatch.GetTimestamp();
        while ((await storage.Ledger.ReadAccountAsync(Store, new("alice")))!.Spent != Cost && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10))
            await Task.Delay(20);

        Assert.Equal(new Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: true), await ChargeAsync(storage, "alice", 1));
        Assert.Equal(Cost, (await storage.Ledger.ReadAccountAsync(Store, new("alice")))!.Spent);
    }

    [Fact]
    public async Task An_account_whose_row_is_locked_elsewhere_does_not_keep_the_others_from_charging()
    {
        await using var storage = await OpenAsync("alice", "bob", "carol", "dave");
        await using var connection = new NpgsqlConnection(_options!.ConnectionString);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using (var hold = new NpgsqlCommand("SELECT 1 FROM dpattn_ledger_book WHERE account = 'bob' FOR UPDATE", connection, transaction))
            await hold.ExecuteNonQueryAsync();

        string[] accounts = ["alice", "bob", "carol", "dave"];
        var charges = accounts.Select(account => ChargeAsync(storage, account, 1)).ToArray();

        var failure = await Assert.ThrowsAsync<StorageUnavailableException>(() => charges[1]);
        Assert.Contains("lock", failure.Message);
        foreach (var other in new[] { 0, 2, 3 })
            Assert.True((await charges[other]).IsAdmitted);
        await transaction.RollbackAsync();
        Assert.Equal(PrivacyAmount.Zero, (await storage.Ledger.ReadAccountAsync(Store, new("bob")))!.Spent);
        Assert.True((await ChargeAsync(storage, "bob", 1)).IsAdmitted);
    }

    [Fact]
    public async Task A_charge_given_up_after_it_began_is_unknown_and_before_is_not_made()
    {
        await using var storage = await OpenAsync("alice");
        var (reached, free) = (new TaskCompletionSource(), new TaskCompletionSource());
        storage.Database.BeforeCommit = () =>
        {
            reached.TrySetResult();
            return free.Task;
        };
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        var begun = ChargeAsync(storage, "alice", 1, first.Token);
        await reached.Task;
        var waiting = ChargeAsync(storage, "alice", 2, second.Token);
        await second.CancelAsync();
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => begun);
        free.SetResult();
        storage.Database.BeforeCommit = null;

        Assert.Equal(new Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: true), await ChargeAsync(storage, "alice", 1));
        Assert.Null(await storage.Ledger.FindRequestAsync(Store, new("alice"), new("request-2")));
    }

    [Fact]
    public async Task Charges_that_wait_are_bounded()
    {
        await using var storage = await OpenAsync(options => options with { Lanes = 1, QueueCapacity = 3 }, "alice");
        var (reached, free) = (new TaskCompletionSource(), new TaskCompletionSource());
        storage.Database.BeforeCommit = () =>
        {
            reached.TrySetResult();
            return free.Task;
        };
        var charges = new List<Task<LedgerDecision>> { ChargeAsync(storage, "alice", 0) };
        await reached.Task;
        charges.AddRange(Enumerable.Range(1, 3).Select(i => ChargeAsync(storage, "alice", i)));
        await Assert.ThrowsAsync<StorageBusyException>(() => ChargeAsync(storage, "alice", 4));
        free.SetResult();
        Assert.All(await Task.WhenAll(charges), decision => Assert.True(decision.IsAdmitted));
        await storage.DisposeAsync();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => ChargeAsync(storage, "alice", 5));
    }

    [Fact]
    public async Task Charges_of_many_stores_take_no_more_locks_at_once_than_the_server_has_room_for()
    {
        await using var storage = await OpenAsync("alice");
        var stores = Enumerable.Range(0, 2 * ChargeLane.MostStores + 10).Select(i => new StoreId($"store-of-many-{i}")).ToArray();
        await Task.WhenAll(stores.Select(async store =>
        {
            await storage.Ledger.CreateStoreAsync(store, Limit);
            await storage.Ledger.SetLimitAsync(store, new("alice"), Limit);
        }));
        var (reached, free) = (new TaskCompletionSource(), new TaskCompletionSource());
        storage.Database.BeforeCommit = () =>
        {
            reached.TrySetResult();
            return free.Task;
        };
        var first = ChargeAsync(storage, "alice", 0);
        await reached.Task;
        var charges = stores.Select(store => storage.Ledger.ChargeAsync(store, new("alice"), new("request-1"), RequestFingerprint.Of([1]), Cost)).ToArray();
        var locks = new List<long>();
        storage.Database.BeforeCommit = async () => locks.Add(await AdvisoryLocksAsync());
        free.SetResult();

        Assert.All(await Task.WhenAll(charges), decision => Assert.True(decision.IsAdmitted));
        Assert.True((await first).IsAdmitted);
        // They are seen, and they are shared by as many stores as may be.
        Assert.Equal(ChargeLane.MostStores, locks.Max());
    }

    /// <summary>8 clients who retry whatever is not decided, with the same ids, over two crashes of the server.</summary>
    [Fact]
    public async Task Over_crashes_of_the_server_every_request_is_charged_exactly_once()
    {
        string[] accounts = ["alice", "bob", "carol"];
        await using var storage = await OpenAsync(accounts);
        using var stop = new CancellationTokenSource();
        var failures = 0;
        var clients = Enumerable.Range(0, 8).Select(client => Task.Run(async () =>
        {
            var made = 0;
            for (; !stop.IsCancellationRequested; made++)
            {
                for (var isDecided = false; !isDecided;)
                {
                    try
                    {
                        Assert.True((await ChargeAsync(storage, accounts[client % 3], client * 1_000_000 + made)).IsAdmitted);
                        isDecided = true;
                    }
                    catch (StorageException)
                    {
                        Interlocked.Increment(ref failures);
                        await Task.Delay(20);
                    }
                }
            }
            return (Account: accounts[client % 3], Made: made);
        })).ToArray();
        for (var crash = 0; crash < 2; crash++)
        {
            await Task.Delay(400);
            own.Server.Stop(crash: true);
            await Task.Delay(100);
            await own.Server.StartAgainAsync();
        }
        await Task.Delay(400);
        await stop.CancelAsync();
        var made = await Task.WhenAll(clients);

        Assert.True(failures > 0);
        foreach (var account in accounts)
        {
            var expected = made.Where(client => client.Account == account).Sum(client => client.Made);
            Assert.Equal(expected * Cost.MuSquared, (await storage.Ledger.ReadAccountAsync(Store, new(account)))!.Spent.MuSquared);
        }
        Assert.Empty(await storage.Ledger.VerifyAsync(Store));
        Assert.Empty((await storage.Guard.VerifyAsync(Store)).Faults);
    }

    private PostgresStorageOptions? _options;

    private Task<PostgresStorage> OpenAsync(params string[] accounts) => OpenAsync(options => options with { Lanes = 1 }, accounts);

    private async Task<PostgresStorage> OpenAsync(Func<PostgresStorageOptions, PostgresStorageOptions> configure, params string[] accounts)
    {
        _options = configure(await own.MigratedAsync());
        var storage = await PostgresStorage.OpenAsync(_options);
        await storage.Ledger.CreateStoreAsync(Store, Limit);
        foreach (var account in accounts)
            await storage.Ledger.SetLimitAsync(Store, new(account), Limit);
        return storage;
    }

    private static Task<LedgerDecision> ChargeAsync(PostgresStorage storage, string account, int request, CancellationToken cancellationToken = default) =>
        storage.Ledger.ChargeAsync(Store, new(account), new($"request-{request}"), RequestFingerprint.Of([1]), Cost, cancellationToken);

    private async Task<int> BackendAsync()
    {
        await using var connection = new NpgsqlConnection($"{own.Server.ConnectionString("postgres")};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE application_name = 'dpattn' AND state = 'idle in transaction'", connection);
        return (int)(await command.ExecuteScalarAsync())!;
    }

    private async Task<long> AdvisoryLocksAsync()
    {
        await using var connection = new NpgsqlConnection($"{own.Server.ConnectionString("postgres")};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private async Task TerminateAsync() => await own.AdministerAsync($"SELECT pg_terminate_backend({await BackendAsync()}, 2000)");
}
