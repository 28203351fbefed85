using DpAttn.PostgresServer;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Guard;
using DpAttn.Storage.Tests.Support;
using Npgsql;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>What a commit of unknown outcome leaves behind: nothing is answered from it, or built upon it, before it is durable and the witness is told.</summary>
public sealed class UnsettledTests(OwnServer own) : IClassFixture<OwnServer>
{
    private static readonly StoreId Store = new("store-1");
    private static readonly AccountId Alice = new("alice");
    private static readonly PrivacyLimit Limit = new(new Epsilon(4), new Delta(1e-6));
    private static readonly PrivacyAmount Cost = new(1000, 1);

    private readonly FakeWitness _witness = new();

    [Theory]
    [InlineData("charged again")]
    [InlineData("replayed")]
    [InlineData("found")]
    [InlineData("read")]
    public async Task A_charge_that_was_committed_unknown_is_told_to_the_witness_before_its_account_is(string use)
    {
        await using var storage = await OpenAsync();
        await GrantAsync(storage);
        await CommitUnansweredAsync(storage, () => ChargeAsync(storage, 1));

        switch (use)
        {
            case "charged again":
                Assert.Equal(new Admitted(Cost, Cost, IsReplay: false), await ChargeAsync(storage, 2));
                break;
            case "replayed":
                Assert.Equal(new Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: true), await ChargeAsync(storage, 1));
                break;
            case "found":
                Assert.NotNull(await storage.Ledger.FindRequestAsync(Store, Alice, new("request-1")));
                break;
            default:
                Assert.Equal(Cost, (await storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent);
                break;
        }

        await storage.Guard.TellAsync();
        // Both: the charge took a slab, and the store's row is not touched again by what comes after.
        await RequireToldAsync(storage, Alice);
        await RequireToldAsync(storage, null);
        // Once is enough.
        Assert.False(storage.Books.Unsettled.Holds(Store.Value, Alice.Value));
    }

    [Fact]
    public async Task A_limit_that_was_committed_unknown_is_told_to_the_witness_when_it_is_set_again_or_the_store_is_charged()
    {
        await using var storage = await OpenAsync();
        await GrantAsync(storage);
        var larger = new PrivacyLimit(new Epsilon(5), new Delta(1e-6));

        await CommitUnansweredAsync(storage, () => storage.Ledger.SetLimitAsync(Store, Alice, larger));
        Assert.True((await storage.Ledger.SetLimitAsync(Store, Alice, larger)).IsAdmitted);
        await storage.Guard.TellAsync();
        await RequireToldAsync(storage, Alice);

        await CommitUnansweredAsync(storage, () => storage.Ledger.SetStoreLimitAsync(Store, larger));
        Assert.True((await storage.Ledger.SetStoreLimitAsync(Store, larger)).IsAdmitted);
        await storage.Guard.TellAsync();
        await RequireToldAsync(storage, null);

        await CommitUnansweredAsync(storage, () => storage.Ledger.SetStoreLimitAsync(Store, Limit));
        Assert.True((await ChargeAsync(storage, 1)).IsAdmitted);
        await storage.Guard.TellAsync();
        await RequireToldAsync(storage, null);
        Assert.False(storage.Books.Unsettled.Holds(Store.Value, Alice.Value));
    }

    [Fact]
    public async Task While_a_charge_may_still_be_committed_its_account_is_refused_and_not_told_that_it_was_not()
    {
        await using var storage = await OpenAsync();
        await GrantAsync(storage);
        await CommitUnansweredAsync(storage, () => ChargeAsync(storage, 1), async () =>
        {
            Assert.Contains("lock", (await Assert.ThrowsAsync<StorageUnavailableException>(() => storage.Ledger.FindRequestAsync(Store, Alice, new("request-1")))).Message);
            Assert.Contains("lock", (await Assert.ThrowsAsync<StorageUnavailableException>(() => ChargeAsync(storage, 2))).Message);
        });
        Assert.NotNull(await storage.Ledger.FindRequestAsync(Store, Alice, new("request-1")));
        Assert.Null(await storage.Ledger.FindRequestAsync(Store, Alice, new("request-2")));
    }

    [Fact]
    public async Task A_charge_that_no_replica_confirmed_is_no_replay_and_not_found_in_any_process_until_one_did()
    {
        await using var storage = await OpenAsync();
        await using var other = await PostgresStorage.OpenAsync(_options!);
        await GrantAsync(storage);
        await WithoutReplicaAsync(async () =>
        {
            await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => ChargeAsync(storage, 1));
            Assert.Equal(Cost, (await other.Ledger.ReadAccountAsync(Store, Alice))!.Spent);
            foreach (var process in new[] { storage, other })
            {
                await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => ChargeAsync(process, 1));
                await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => process.Ledger.FindRequestAsync(Store, Alice, new("request-1")));
            }
            await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => storage.Ledger.SetLimitAsync(Store, Alice, Limit));
        });
        foreach (var process in new[] { other, storage })
        {
            Assert.Equal(new Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: true), await ChargeAsync(process, 1));
            Assert.NotNull(await process.Ledger.FindRequestAsync(Store, Alice, new("request-1")));
        }
        Assert.Equal(Cost, (await storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent);
    }

    [Fact]
    public async Task A_tier_that_no_replica_confirmed_is_open_in_no_process_until_one_did()
    {
        await using var storage = await OpenAsync();
        await using var other = await PostgresStorage.OpenAsync(_options!);
        await GrantAsync(storage);
        await WithoutReplicaAsync(async () =>
        {
            await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() =>
                storage.Ledger.OpenAsync(Store, Alice, new("request-1"), RequestFingerprint.Of([1]), new("release-1"), 0, new Ladder(1000)));
            foreach (var process in new[] { storage, other })
                await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => process.Ledger.ReadAccountAsync(Store, Alice));
        });
        foreach (var process in new[] { other, storage })
            Assert.Single((await process.Ledger.ReadAccountAsync(Store, Alice))!.OpenTiers);
    }

    private PostgresStorageOptions? _options;

    private async Task<PostgresStorage> OpenAsync()
    {
        _options = await own.MigratedAsync() with { Lanes = 1 };
        var storage = await PostgresStorage.OpenAsync(_options with { Witness = _witness });
        await storage.Guard.StartAsync();
        await storage.Guard.VerifyPendingAsync();
        return storage;
    }

    private static async Task GrantAsync(PostgresStorage storage)
    {
        await storage.Ledger.CreateStoreAsync(Store, Limit);
        await storage.Ledger.SetLimitAsync(Store, Alice, Limit);
    }

    /// <summary>Makes a change whose commit is made, and not answered in time.</summary>
    private async Task CommitUnansweredAsync(PostgresStorage storage, Func<Task> change, Func<Task>? meanwhile = null)
    {
        var frozen = 0;
        storage.Database.BeforeCommit = async () => LocalPostgres.Kill("-STOP", frozen = int.Parse(await ShowAsync(
            "SELECT coalesce(max(pid), 0)::text FROM pg_stat_activity WHERE application_name = 'dpattn' AND state = 'idle in transaction'"), System.Globalization.CultureInfo.InvariantCulture));
        try
        {
            await Assert.ThrowsAsync<StorageOutcomeUnknownException>(change);
            storage.Database.BeforeCommit = null;
            if (meanwhile is not null)
                await meanwhile();
        }
        finally
        {
            LocalPostgres.Kill("-CONT", frozen);
        }
        await WaitUntilAsync(async () => await ShowAsync($"SELECT count(*)::text FROM pg_stat_activity WHERE pid = {frozen} AND state <> 'idle'") is "0");
    }

    private async Task RequireToldAsync(PostgresStorage storage, AccountId? account)
    {
        var now = (await storage.Books.ReadMarkAsync(Store, account, default))!;
        var told = _witness.Marks[(Store.Value, account?.Value ?? "")];
        Assert.True(told.IsSameState(now), $"the witness was told version {told.Version} and not {now.Version}");
    }

    /// <summary>Does something while the server waits for a replica that is not there.</summary>
    private async Task WithoutReplicaAsync(Func<Task> meanwhile)
    {
        await own.SetAsync("synchronous_standby_names", "nobody");
        try
        {
            await meanwhile();
        }
        finally
        {
            // Only the server's own file, since a change of it by SQL would wait for the replica as well.
            await SetUnconfirmedAsync("ALTER SYSTEM RESET synchronous_standby_names");
            await SetUnconfirmedAsync("SELECT pg_reload_conf()");
        }
        await WaitUntilAsync(async () => await ShowAsync("SHOW synchronous_standby_names") is "");
    }

    private static Task<LedgerDecision> ChargeAsync(PostgresStorage storage, int request) =>
        storage.Ledger.ChargeAsync(Store, Alice, new($"request-{request}"), RequestFingerprint.Of([1]), Cost);

    private async Task SetUnconfirmedAsync(string sql)
    {
        await using var connection = new NpgsqlConnection($"{own.Server.ConnectionString("postgres")};Pooling=false;Options=-c synchronous_commit=local");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private async Task<string> ShowAsync(string sql)
    {
        await using var connection = new NpgsqlConnection($"{own.Server.ConnectionString("postgres")};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (string)(await command.ExecuteScalarAsync())!;
    }

    private static async Task WaitUntilAsync(Func<Task<bool>> isTrue)
    {
        for (var i = 0; i < 500; i++)
        {
            if (await isTrue())
                return;
            await Task.Delay(20);
        }
        Assert.Fail("it did not come to that within 10 s");
    }
}
