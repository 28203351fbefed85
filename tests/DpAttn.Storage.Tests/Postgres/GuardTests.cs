using DpAttn.PostgresServer;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;
using Npgsql;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>The guard over a ledger in PostgreSQL: what was done to the database is found at the next start, closes the store, and is never refunded when it is acknowledged.</summary>
public sealed class GuardTests(OwnServer own) : IClassFixture<OwnServer>, IAsyncLifetime
{
    private static readonly StoreId Store = new("store-1");
    private static readonly AccountId Alice = new("alice");
    private static readonly AccountId Bob = new("bob");
    private static readonly ReleaseId Release = new("release-1");
    private static readonly Ladder Prices = new(1000, 3000, 9000);
    private static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));

    private readonly TemporaryDirectory _directory = new();
    private string _database = "";
    private PostgresStorage _storage = null!;
    private int _requests;

    private PostgresStorageOptions Options => new() { ConnectionString = own.Server.ConnectionString(_database), Keys = PostgresUnderTest.Keys };

    public async ValueTask InitializeAsync()
    {
        _database = new NpgsqlConnectionStringBuilder((await own.MigratedAsync()).ConnectionString).Database!;
        Assert.Empty(await StartAsync());
        await _storage.Ledger.CreateStoreAsync(Store, Limit);
        foreach (var account in new[] { Alice, Bob })
            await _storage.Ledger.SetLimitAsync(Store, account, Limit);
        await OpenTierAsync(Alice, 1);
        await OpenTierAsync(Bob, 0);
        for (var i = 0; i < 5; i++)
        {
            await ChargeAsync(Alice);
            await ChargeAsync(Bob);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_storage is not null)
            await _storage.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_ledger_that_nobody_touched_is_found_whole_and_goes_on()
    {
        for (var start = 0; start < 3; start++)
        {
            await _storage.DisposeAsync();
            Assert.Empty(await StartAsync());
            Assert.True((await ChargeAsync(Alice)).IsAdmitted);
        }
        Assert.NotEqual(PrivacyAmount.Zero, (await _storage.Ledger.ReadStoreAsync(Store))!.Reserved);
    }

    [Fact]
    public async Task A_slab_that_was_given_back_is_no_older_copy()
    {
        var spent = (await _storage.Ledger.ReadStoreAsync(Store))!.Spent;
        // Told to the witness with the slabs, then all but one unit is taken, which gives them back.
        await Task.Delay(500);
        Assert.True((await ChargeAsync(Alice, Limit.Amount.MuSquared - spent.MuSquared - 2 * 9000)).IsAdmitted);
        await Task.Delay(500);
        Assert.Null(await _storage.Guard.ReadSuspensionAsync(Store));
        await _storage.DisposeAsync();
        Assert.Empty(await StartAsync());
    }

    [Fact]
    public async Task A_database_put_back_is_behind_its_witness()
    {
        var copy = await CopyAsync();
        await ChargeAsync(Alice, 700);
        await OpenTierAsync(Bob, 2);
        await RequireFoundAsync(() => PutBackAsync(copy), LedgerFaultKind.Behind);
    }

    [Fact]
    public async Task A_database_put_back_and_written_on_without_its_witness_has_gone_another_way()
    {
        var copy = await CopyAsync();
        await ChargeAsync(Alice, 700);
        await RequireFoundAsync(
            async () =>
            {
                await PutBackAsync(copy);
                await using var storage = await PostgresStorage.OpenAsync(Options);
                for (var i = 0; i < 3; i++)
                    await storage.Ledger.ChargeAsync(Store, Alice, new($"elsewhere-{i}"), RequestFingerprint.Of([3]), new PrivacyAmount(1, 0));
            },
            LedgerFaultKind.OtherHistory);
    }

    [Fact]
    public async Task What_an_idle_account_had_reserved_and_others_spent_since_is_not_spent_again_after_the_copy_was_put_back()
    {
        var copy = await CopyAsync();
        // Bob holds a slab in the copy. Alice spends all that is left, which takes it back.
        var rest = Limit.Amount - (await SpentAsync()).Store;
        Assert.True((await _storage.Ledger.ChargeAsync(Store, Alice, new("rest"), RequestFingerprint.Of([1]), rest)).IsAdmitted);
        var charged = (await SpentAsync()).Store;
        Assert.Equal(Limit.Amount, charged);
        await _storage.DisposeAsync();
        await PutBackAsync(copy);
        Assert.Single(await StartAsync());
        Assert.NotEqual(PrivacyAmount.Zero, (await _storage.Ledger.ReadStoreAsync(Store))!.Reserved);

        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator-1"));

        var budget = (await _storage.Ledger.ReadStoreAsync(Store))!;
        Assert.Equal((charged, PrivacyAmount.Zero), (budget.Spent, budget.Reserved));
        foreach (var account in new[] { Bob, Alice })
        {
            for (var units = 1; units <= 5000; units *= 10)
                Assert.False((await ChargeAsync(account, units)).IsAdmitted);
        }
        Assert.Equal(charged, (await SpentAsync()).Store);
        Assert.Empty(await _storage.Ledger.VerifyAsync(Store));
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
    }

    /// <summary>The same where something is left: what is charged afterwards and what was charged before never exceed the limit together.</summary>
    [Fact]
    public async Task After_an_acknowledgement_what_was_charged_before_and_since_fits_the_limit()
    {
        var copy = await CopyAsync();
        var rest = Limit.Amount - (await SpentAsync()).Store - new PrivacyAmount(350, 10);
        Assert.True((await _storage.Ledger.ChargeAsync(Store, Alice, new("rest"), RequestFingerprint.Of([1]), rest)).IsAdmitted);
        var charged = (await SpentAsync()).Store;
        await _storage.DisposeAsync();
        await PutBackAsync(copy);
        Assert.Single(await StartAsync());
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator-1"));
        var shown = (await SpentAsync()).Store;
        Assert.True(charged.FitsIn(shown));

        var more = 0;
        for (var i = 0; i < 100; i++)
            more += (await ChargeAsync(i % 2 == 0 ? Bob : Alice)).IsAdmitted ? 1 : 0;

        Assert.True((charged + new PrivacyAmount(100 * more, more)).FitsIn(Limit.Amount), $"{more} more charges than fit the limit");
        Assert.Equal(shown + new PrivacyAmount(100 * more, more), (await SpentAsync()).Store);
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
    }

    [Fact]
    public async Task An_acknowledgement_takes_all_slabs_back_and_charges_none_of_them_that_nobody_used()
    {
        var accounts = Enumerable.Range(0, ChargeView.MostSlabs + 10).Select(i => new AccountId($"account-{i}")).ToArray();
        await Task.WhenAll(accounts.Select(async account =>
        {
            await _storage.Ledger.SetLimitAsync(Store, account, Limit);
            await ChargeAsync(account, 10);
        }));
        var before = await SpentAsync();
        await _storage.DisposeAsync();
        File.Delete(Path.Combine(_directory.File("witness"), FileWitness.FileName));
        Assert.Single(await StartAsync());

        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator-1"));

        var budget = (await _storage.Ledger.ReadStoreAsync(Store))!;
        Assert.Equal((before.Store, PrivacyAmount.Zero), (budget.Spent, budget.Reserved));
        Assert.Equal(before, await SpentAsync());
        Assert.True((await ChargeAsync(accounts[0])).IsAdmitted);
        await _storage.DisposeAsync();
        Assert.Empty(await StartAsync());
        Assert.Empty(await _storage.Ledger.VerifyAsync(Store));
    }

    [Theory]
    [InlineData("UPDATE dpattn_ledger_entry SET account_mu2 = 1, store_mu2 = 1 WHERE sequence = 3", LedgerFaultKind.EntryChanged)]
    [InlineData("DELETE FROM dpattn_ledger_entry WHERE sequence = 4", LedgerFaultKind.EntryMissing)]
    [InlineData("DELETE FROM dpattn_ledger_entry WHERE sequence = 7 AND book = (SELECT id FROM dpattn_ledger_book WHERE account = 'alice')", LedgerFaultKind.EntryMissing)]
    [InlineData("UPDATE dpattn_ledger_book SET spent_mu2 = 0 WHERE account = 'alice'", LedgerFaultKind.TotalChanged)]
    [InlineData("UPDATE dpattn_ledger_book SET reserved_mu2 = reserved_mu2 + 1000 WHERE account = 'bob'", LedgerFaultKind.TotalChanged)]
    [InlineData("UPDATE dpattn_ledger_book SET spent_mu2 = spent_mu2 - 1 WHERE account = ''", LedgerFaultKind.TotalChanged)]
    [InlineData("UPDATE dpattn_ledger_tier SET tier = 2 WHERE tier = 0", LedgerFaultKind.TierChanged)]
    [InlineData("DELETE FROM dpattn_ledger_tier WHERE book = (SELECT id FROM dpattn_ledger_book WHERE account = 'bob')", LedgerFaultKind.TierChanged)]
    [InlineData("DELETE FROM dpattn_ledger_tier; DELETE FROM dpattn_ledger_entry WHERE book = (SELECT id FROM dpattn_ledger_book WHERE account = 'bob'); DELETE FROM dpattn_ledger_book WHERE account = 'bob'", LedgerFaultKind.BookMissing)]
    [InlineData("DELETE FROM dpattn_ledger_identity", LedgerFaultKind.WitnessLost)]
    public Task What_was_changed_by_hand_is_found(string sql, LedgerFaultKind kind) => RequireFoundAsync(() => AlterAsync(sql), kind);

    [Fact]
    public Task A_lost_witness_closes_the_store() => RequireFoundAsync(
        () =>
        {
            File.Delete(Path.Combine(_directory.File("witness"), FileWitness.FileName));
            return Task.CompletedTask;
        },
        LedgerFaultKind.WitnessLost);

    /// <summary>The first goes on as if the second were not there, until an operator says on the second that its witness is the one.</summary>
    [Fact]
    public async Task A_second_server_with_a_witness_of_its_own_closes_its_own_ledger_and_not_the_first_ones()
    {
        await using var second = await PostgresStorage.OpenAsync(Options with { Witness = FileWitness.Open(_directory.File("witness-2"), _directory.File("data")) });
        await second.Guard.StartAsync();
        var found = new List<LedgerReport>();
        await second.Guard.VerifyPendingAsync(found.Add);
        Assert.Equal(LedgerFaultKind.WitnessLost, Assert.Single(Assert.Single(found).Faults).Kind);
        Assert.Contains("witness", (await Assert.ThrowsAsync<LedgerSuspendedException>(() => second.Ledger.ChargeAsync(Store, Bob, new("second-0"), RequestFingerprint.Of([1]), new PrivacyAmount(1, 0)))).Message);
        await Task.Delay(500);
        Assert.True((await ChargeAsync(Alice)).IsAdmitted);
        Assert.Null(await _storage.Guard.ReadSuspensionAsync(Store));

        Assert.NotNull(await second.Guard.AcknowledgeAsync(Store, "operator-1"));

        Assert.True((await second.Ledger.ChargeAsync(Store, Bob, new("second-1"), RequestFingerprint.Of([1]), new PrivacyAmount(1, 0))).IsAdmitted);
        // The first one's witness is no longer the database's: it does not go on with it.
        await _storage.Guard.TellAsync();
        Assert.Contains("witness", (await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync(Alice))).Message);
        Assert.NotNull(await _storage.Guard.ReadSuspensionAsync(Store));
        Assert.Empty((await second.Guard.VerifyAsync(Store)).Faults);
    }

    [Fact]
    public async Task An_entry_that_was_put_there_is_corrupt_and_no_answer_and_touches_no_other_charge()
    {
        var (request, fingerprint, cost) = (new RequestId("smuggled"), RequestFingerprint.Of([9]), new PrivacyAmount(100, 1));
        await LocalPostgres.ExecuteAsync(own.Server.ConnectionString(_database), $"""
            INSERT INTO dpattn_ledger_entry SELECT id, 99, 'charge', 'smuggled', decode('{fingerprint.Hex}', 'hex'), NULL, NULL, NULL, NULL, 100, 1, 100, 1, 1, decode(repeat('00', 32), 'hex'), decode('00', 'hex')
            FROM dpattn_ledger_book WHERE account = 'alice'
            """);
        await AlterAsync("SELECT 1");

        // In one batch or in several: the others are decided as if it were not there.
        var charges = Enumerable.Range(0, 20).Select(_ => ChargeAsync(Alice)).ToList();
        Assert.Contains("MAC", (await Assert.ThrowsAsync<StorageCorruptException>(() => _storage.Ledger.ChargeAsync(Store, Alice, request, fingerprint, cost))).Message);
        Assert.All(await Task.WhenAll(charges), decision => Assert.True(decision.IsAdmitted));
        Assert.Contains("MAC", (await Assert.ThrowsAsync<StorageCorruptException>(() => _storage.Ledger.OpenAsync(Store, Alice, request, fingerprint, Release, 2, Prices))).Message);
        Assert.Contains("MAC", (await Assert.ThrowsAsync<StorageCorruptException>(() => _storage.Ledger.FindRequestAsync(Store, Alice, request))).Message);

        var honest = new RequestId("honest");
        Assert.True((await _storage.Ledger.ChargeAsync(Store, Bob, honest, fingerprint, cost)).IsAdmitted);
        Assert.True(Assert.IsType<LedgerDecision.Admitted>(await _storage.Ledger.ChargeAsync(Store, Bob, honest, fingerprint, cost)).IsReplay);
        Assert.Equal(cost, (await _storage.Ledger.FindRequestAsync(Store, Bob, honest))!.Entry.AccountAmount);
    }

    [Fact]
    public async Task A_chain_without_its_key_is_not_opened()
    {
        await _storage.DisposeAsync();
        await AlterAsync("DELETE FROM dpattn_catalog WHERE kind = 'wrapped-key' AND key = 'ledger-chain'");
        Assert.Contains("key of the ledger's chain", (await Assert.ThrowsAsync<StorageCorruptException>(() => PostgresStorage.OpenAsync(Options))).Message);
    }

    [Fact]
    public async Task Other_keys_than_the_databases_are_refused()
    {
        var others = new KeyRing([new("other", new byte[KeyRing.KeyBytes])]);
        Assert.Contains("test", (await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.OpenAsync(Options with { Keys = others }))).Message);
        await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.MigrateAsync(Options with { Keys = others }));
    }

    [Fact]
    public async Task Nothing_is_charged_after_a_store_was_suspended_whoever_was_about_to()
    {
        using var stop = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 8).Select(client => Task.Run(async () =>
        {
            try
            {
                while (!stop.IsCancellationRequested)
                    await ChargeAsync(client % 2 == 0 ? Alice : Bob, 1);
                return false;
            }
            catch (LedgerSuspendedException)
            {
                return true;
            }
        })).ToArray();
        await Task.Delay(200);

        await _storage.Books.SuspendAsync(Store, "a test", default);
        var spent = await SpentAsync();

        await Task.Delay(200);
        Assert.Equal(spent, await SpentAsync());
        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(clients), Assert.True);
        Assert.Equal("a test", (await _storage.Ledger.ReadStoreAsync(Store))!.Suspension);
    }

    /// <summary>Here too: what an operator acknowledged between a verification's snapshot and its suspension does not close the store again.</summary>
    [Fact]
    public async Task What_is_acknowledged_while_a_ledger_is_verified_does_not_close_it_again()
    {
        await LocalPostgres.ExecuteAsync(Options.ConnectionString, "SET session_replication_role = replica; UPDATE dpattn_ledger_entry SET account_mu2 = 1, store_mu2 = 1 WHERE kind = 'charge'");
        Assert.NotNull((await _storage.Guard.VerifyAsync(Store)).Reason);
        var scans = 0;
        var guard = new LedgerGuard(new Guard.UnreadableBooks(_storage.Books, failures: 0)
        {
            AfterScan = async () =>
            {
                if (scans++ == 0)
                    Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
            },
        }, null, TimeProvider.System);
        Assert.Empty((await guard.VerifyAsync(Store)).Faults);
        Assert.Equal(2, scans);
        Assert.Null(await _storage.Guard.ReadSuspensionAsync(Store));
        Assert.True((await ChargeAsync(Alice)).IsAdmitted);
    }

    private async Task RequireFoundAsync(Func<Task> tamper, LedgerFaultKind kind)
    {
        var before = await SpentAsync();
        await _storage.DisposeAsync();
        await tamper();

        var report = Assert.Single(await StartAsync());

        Assert.Contains(report.Faults, fault => fault.Kind == kind);
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync(Alice));
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => OpenTierAsync(Bob, 1));
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => _storage.Ledger.SetLimitAsync(Store, Alice, Limit));
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => _storage.Ledger.SetStoreLimitAsync(Store, Limit));
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => _storage.Ledger.FindRequestAsync(Store, Alice, new("request-0")));
        Assert.Equal(report.Reason, (await _storage.Ledger.ReadStoreAsync(Store))!.Suspension);
        // A lost witness says nothing about the database, and nothing is written there before somebody acknowledges it.
        Assert.Equal(
            report.Faults is [{ Kind: LedgerFaultKind.WitnessLost }] ? 0 : 1,
            (await _storage.Catalog.ListAuditAsync(0, 100)).Count(line => line.Event.Action == LedgerGuard.SuspendAction));

        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator-1"));

        Assert.Single(await _storage.Catalog.ListAuditAsync(0, 100), line => line.Event.Action == LedgerGuard.SuspendAction);
        var after = await SpentAsync();
        Assert.True(before.Store.FitsIn(after.Store) && before.Alice.FitsIn(after.Alice) && before.Bob.FitsIn(after.Bob), $"{before} before, and {after} after");
        Assert.Empty(await _storage.Ledger.VerifyAsync(Store));
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
        await _storage.Ledger.SetLimitAsync(Store, Bob, new PrivacyLimit(new Epsilon(1.1), new Delta(1e-6)));
        Assert.True((await ChargeAsync(Alice)).IsAdmitted);
        Assert.True((await ChargeAsync(Bob)).IsAdmitted);
        await _storage.DisposeAsync();
        Assert.Empty(await StartAsync());
        Assert.Empty(await _storage.Ledger.VerifyAsync(Store));
    }

    private async Task<List<LedgerReport>> StartAsync()
    {
        _storage = await PostgresStorage.OpenAsync(Options with { Witness = FileWitness.Open(_directory.File("witness"), _directory.File("data")) });
        await _storage.Guard.StartAsync();
        var found = new List<LedgerReport>();
        await _storage.Guard.VerifyPendingAsync(report =>
        {
            if (report.Reason is not null)
                found.Add(report);
        });
        return found;
    }

    private Task<LedgerDecision> ChargeAsync(AccountId account, long units = 100) =>
        _storage.Ledger.ChargeAsync(Store, account, new($"request-{Interlocked.Increment(ref _requests)}"), RequestFingerprint.Of([1]), new PrivacyAmount(units, 1));

    private Task<LedgerDecision> OpenTierAsync(AccountId account, int tier) =>
        _storage.Ledger.OpenAsync(Store, account, new($"request-{Interlocked.Increment(ref _requests)}"), RequestFingerprint.Of([2]), Release, tier, Prices);

    private async Task<(PrivacyAmount Store, PrivacyAmount Alice, PrivacyAmount Bob)> SpentAsync() => (
        (await _storage.Ledger.ReadStoreAsync(Store))!.Spent, (await _storage.Ledger.ReadAccountAsync(Store, Alice))?.Spent ?? default, (await _storage.Ledger.ReadAccountAsync(Store, Bob))?.Spent ?? default);

    /// <summary>Copies the database as it stands, and opens it again.</summary>
    private async Task<string> CopyAsync()
    {
        await _storage.DisposeAsync();
        var copy = $"{_database}_copy";
        await own.AdministerAsync($"CREATE DATABASE {copy} TEMPLATE {_database}");
        Assert.Empty(await StartAsync());
        return copy;
    }

    /// <summary>Puts a copy in the place of the closed database.</summary>
    private async Task PutBackAsync(string copy) => await own.AdministerAsync($"DROP DATABASE {_database} WITH (FORCE)", $"ALTER DATABASE {copy} RENAME TO {_database}");

    /// <summary>Changes the closed database as somebody does who may do everything in it and has no key; the plain digests of entries are made to fit.</summary>
    private async Task AlterAsync(string sql)
    {
        await LocalPostgres.ExecuteAsync(own.Server.ConnectionString(_database), $"SET session_replication_role = replica; {sql}");
        await using var connection = new NpgsqlConnection($"{own.Server.ConnectionString(_database)};Pooling=false");
        await connection.OpenAsync();
        var entries = new List<(long Book, long Sequence, byte[] Digest)>();
        await using (var select = new NpgsqlCommand("SELECT * FROM dpattn_ledger_entry", connection))
        await using (var reader = await select.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                var (row, mac) = PostgresEntries.Row(reader);
                entries.Add((reader.GetInt64(0), row.Sequence, row.Digest(reader.GetInt64(0), mac).ToArray()));
            }
        }
        await using (var role = new NpgsqlCommand("SET session_replication_role = replica", connection))
            await role.ExecuteNonQueryAsync();
        foreach (var (book, sequence, digest) in entries)
        {
            await using var update = new NpgsqlCommand("UPDATE dpattn_ledger_entry SET digest = $3 WHERE book = $1 AND sequence = $2", connection) { Parameters = { new() { Value = book }, new() { Value = sequence }, new() { Value = digest } } };
            await update.ExecuteNonQueryAsync();
        }
    }
}
