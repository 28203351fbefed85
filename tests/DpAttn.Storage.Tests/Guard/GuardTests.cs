using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>The guard while a ledger is in use: what waits for it, what it tells its witness, and what it finds then.</summary>
public sealed class GuardTests : IAsyncLifetime
{
    private static readonly StoreId Store = new("store-1");
    private static readonly AccountId Alice = new("alice");
    private static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));
    private static readonly PrivacyLimit Smaller = new(new Epsilon(0.5), new Delta(1e-6));

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeWitness _witness = new();
    private SqliteStorage _storage = null!;
    private int _requests;

    public async ValueTask InitializeAsync()
    {
        Open();
        await _storage.Guard.StartAsync();
        await _storage.Ledger.CreateStoreAsync(Store, Limit);
        await _storage.Ledger.SetLimitAsync(Store, Alice, Limit);
    }

    public async ValueTask DisposeAsync()
    {
        await _storage.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Until_a_store_is_verified_its_charges_are_refused_and_everything_else_goes_on()
    {
        await ChargeAsync();
        await _storage.DisposeAsync();
        Open();
        await RequireUnverifiedAsync();
        await _storage.Guard.StartAsync();
        await RequireUnverifiedAsync();
        // A store that is made now has nothing to verify.
        await _storage.Ledger.CreateStoreAsync(new StoreId("store-2"), Limit);

        await _storage.Guard.VerifyPendingAsync();

        Assert.True((await ChargeAsync()).IsAdmitted);

        async Task RequireUnverifiedAsync()
        {
            await Assert.ThrowsAsync<StorageUnavailableException>(() => ChargeAsync());
            await Assert.ThrowsAsync<StorageUnavailableException>(() => _storage.Ledger.SetLimitAsync(Store, Alice, Smaller));
            await Assert.ThrowsAsync<StorageUnavailableException>(() => _storage.Ledger.FindRequestAsync(Store, Alice, new RequestId("request-0")));
            Assert.Equal(10, (await _storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent.MuSquared);
            Assert.Equal(2, (await _storage.Ledger.ListEntriesAsync(Store, Alice, 0, 10)).Count);
        }
    }

    [Fact]
    public async Task A_verification_that_is_given_up_leaves_its_store_refused_and_goes_on_later()
    {
        await ChargeAsync();
        await _storage.DisposeAsync();
        Open();
        await _storage.Guard.StartAsync();
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _storage.Guard.VerifyPendingAsync(null, cancelled.Token));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => ChargeAsync());
        await _storage.Guard.VerifyPendingAsync();
        Assert.True((await ChargeAsync()).IsAdmitted);
    }

    [Fact]
    public async Task The_witness_is_told_every_change_and_all_books_of_a_charge_at_once()
    {
        for (var i = 1; i <= 20; i++)
        {
            await ChargeAsync();
            await TellAsync();
            var (own, all) = (_witness.Marks[("store-1", "alice")], _witness.Marks[("store-1", "")]);
            Assert.Equal((i + 1, 10L * i), (own.Version, own.Spent.MuSquared));
            Assert.Equal(own.Spent, all.Spent);
        }
    }

    [Fact]
    public async Task What_was_committed_at_the_end_is_told_before_closing()
    {
        await ChargeAsync();
        await _storage.DisposeAsync();
        Assert.Equal(10, _witness.Marks[("store-1", "alice")].Spent.MuSquared);
    }

    [Fact]
    public async Task Charges_wait_for_a_witness_that_is_behind_and_are_refused_when_it_does_not_come()
    {
        var free = new TaskCompletionSource();
        _witness.BeforeRaise = () => free.Task;
        await ChargeAsync();
        await Task.Delay(WitnessJournal.LongestLag + TimeSpan.FromMilliseconds(200));

        var waiting = ChargeAsync();
        Assert.False(waiting.IsCompleted);
        Assert.Contains("witness", (await Assert.ThrowsAsync<StorageUnavailableException>(() => waiting)).Message);
        Assert.Equal(10, (await _storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);

        var next = ChargeAsync();
        free.SetResult();
        Assert.True((await next).IsAdmitted);
    }

    [Fact]
    public async Task A_witness_that_cannot_be_written_is_tried_again_and_nothing_is_forgotten()
    {
        var failures = 0;
        _witness.BeforeRaise = () => failures++ < 2 ? throw new StorageFullException("no room") : Task.CompletedTask;
        await ChargeAsync();
        await Assert.ThrowsAsync<StorageFullException>(TellAsync);
        for (var i = 0; i < 100 && !(_witness.Marks.TryGetValue(("store-1", "alice"), out var mark) && mark.Spent.MuSquared == 10); i++)
            await Task.Delay(50);
        Assert.Equal(10, _witness.Marks[("store-1", "alice")].Spent.MuSquared);
        Assert.Equal(10, _witness.Marks[("store-1", "")].Spent.MuSquared);
    }

    [Fact]
    public async Task A_database_that_goes_back_while_it_is_in_use_is_found_when_the_witness_is_told()
    {
        await ChargeAsync();
        await TellAsync();
        // As after failing over to a copy that lags: the witness has seen an entry that this database does not have.
        var seen = _witness.Marks[("store-1", "alice")];
        _witness.Marks[("store-1", "alice")] = seen with { Version = seen.Version + 5, Spent = new PrivacyAmount(500, 0) };
        await ChargeAsync();

        await TellAsync();

        var refused = await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync());
        Assert.Contains("behind the witness", refused.Message);
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        // What was charged on the copy comes on top of what the witness saw.
        Assert.Equal(510, (await _storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent.MuSquared);
        Assert.True((await ChargeAsync()).IsAdmitted);
        // Entries before and after the sequences that were skipped go on answering.
        Assert.NotNull(await _storage.Ledger.FindRequestAsync(Store, Alice, new RequestId("request-0")));
        Assert.NotNull(await _storage.Ledger.FindRequestAsync(Store, Alice, new RequestId($"request-{_requests - 1}")));
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
    }

    [Fact]
    public async Task What_was_charged_on_a_database_that_had_gone_back_is_charged_on_top_of_what_the_witness_saw()
    {
        await ChargeAsync();
        await TellAsync();
        var known = _witness.Marks[("store-1", "alice")];
        var seen = known with { Version = known.Version + 1, Spent = new PrivacyAmount(500, 0), Mac = new byte[32] };
        _witness.Marks[("store-1", "alice")] = seen;
        var free = new TaskCompletionSource();
        _witness.BeforeRaise = () => free.Task;
        await ChargeAsync();
        await ChargeAsync(600);
        free.SetResult();
        await TellAsync();
        await TellAsync();
        // 500 on the way that was lost, 10 and 600 on the other one; the 10 before they parted are part of the 500. However often it is looked at.
        Assert.Equal(1110, _witness.Marks[("store-1", "alice")].Spent.MuSquared);
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync());

        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));

        Assert.Equal(1110, (await _storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent.MuSquared);
        Assert.True((await ChargeAsync()).IsAdmitted);
        await TellAsync();
        Assert.Equal((await _storage.Ledger.ReadAccountAsync(Store, Alice))!.Sequence, _witness.Marks[("store-1", "alice")].Version);
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
        Assert.Null(await _storage.Guard.ReadSuspensionAsync(Store));
    }

    /// <summary>As after a process that died with its charges on the copy untold: nobody knows where the ways parted, and nothing of either is refunded.</summary>
    [Fact]
    public async Task A_book_that_went_another_way_untold_is_charged_both_ways_whole()
    {
        await ChargeAsync(30);
        await TellAsync();
        var known = _witness.Marks[("store-1", "alice")];
        await ChargeAsync(600);
        await TellAsync();
        _witness.Marks[("store-1", "alice")] = known with { Version = known.Version + 1, Spent = new PrivacyAmount(530, 0), Mac = new byte[32] };
        Assert.Contains((await _storage.Guard.VerifyAsync(Store)).Faults, fault => fault.Kind == LedgerFaultKind.OtherHistory);
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        Assert.Equal(530 + 630, (await _storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent.MuSquared);
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
    }

    /// <summary>A copy that is found before anything was charged on it: nothing is counted twice.</summary>
    [Fact]
    public async Task A_book_that_is_merely_behind_goes_on_from_what_the_witness_saw()
    {
        await ChargeAsync(300);
        await TellAsync();
        var known = _witness.Marks[("store-1", "alice")];
        _witness.Marks[("store-1", "alice")] = known with { Version = known.Version + 3, Spent = new PrivacyAmount(600, 0), Mac = new byte[32] };
        Assert.NotEmpty((await _storage.Guard.VerifyAsync(Store)).Faults);
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        Assert.Equal(600, (await _storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent.MuSquared);
    }

    [Fact]
    public async Task A_mark_that_comes_late_is_no_finding()
    {
        await ChargeAsync();
        var early = (await ((ILedgerBooks)_storage.Books).ReadMarkAsync(Store, Alice, default))!;
        await ChargeAsync();
        await TellAsync();
        _storage.Books.Journal.Add(new WitnessStep(null, early));
        await TellAsync();
        Assert.True((await ChargeAsync()).IsAdmitted);
    }

    [Fact]
    public async Task What_is_acknowledged_may_stand_above_the_limit_and_then_nothing_is_charged()
    {
        await ChargeAsync();
        await TellAsync();
        var beyond = new PrivacyAmount(Limit.Amount.MuSquared + 7, 3);
        _witness.Marks[("store-1", "alice")] = _witness.Marks[("store-1", "alice")] with { Version = 40, Spent = beyond };
        Assert.Contains((await _storage.Guard.VerifyAsync(Store)).Faults, fault => fault.Kind == LedgerFaultKind.Behind);

        await _storage.Guard.AcknowledgeAsync(Store, "operator");

        var account = (await _storage.Ledger.ReadAccountAsync(Store, Alice))!;
        Assert.Equal((beyond, 41L), (account.Spent, account.Sequence));
        var entry = (await _storage.Ledger.ListEntriesAsync(Store, Alice, 0, 10))[^1].Entry;
        Assert.Equal((LedgerEntryKind.Acknowledgement, beyond - new PrivacyAmount(10, 0)), (entry.Kind, entry.AccountAmount));
        var refused = Assert.IsType<LedgerDecision.Refused>(await ChargeAsync());
        Assert.Equal((RefusalReason.AccountLimit, 0L, 17L), (refused.Reason, refused.Remaining!.Value.MuSquared, refused.ShortBy!.Value.MuSquared));
        Assert.Equal(RefusalReason.LimitBelowSpent, Assert.IsType<LedgerDecision.Refused>(await _storage.Ledger.SetLimitAsync(Store, Alice, Smaller)).Reason);
        Assert.Empty(await _storage.Ledger.VerifyAsync(Store));
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
        // Acknowledged, it is as good as any: only what is done to it afterwards is found.
        await _storage.DisposeAsync();
        Open();
        await _storage.Guard.StartAsync();
        await _storage.Guard.VerifyPendingAsync(report => Assert.Null(report.Reason));
    }

    [Fact]
    public async Task A_ledger_can_be_verified_while_it_is_charged()
    {
        using var stop = new CancellationTokenSource();
        var charging = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
                await ChargeAsync(1);
        });
        for (var i = 0; i < 30; i++)
        {
            await TellAsync();
            Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
        }
        await stop.CancelAsync();
        await charging;
    }

    /// <summary>What an acknowledgement covers stays covered by its MAC: it is as it was then, and nothing else.</summary>
    [Fact]
    public async Task What_was_acknowledged_cannot_be_changed_once_more()
    {
        await ChargeAsync();
        await ChargeAsync();
        await _storage.DisposeAsync();
        Alter("UPDATE ledger_entry SET account_mu2 = 1, store_mu2 = 1 WHERE kind = 'charge' AND sequence = 2");
        Open();
        await _storage.Guard.StartAsync();
        var found = new List<LedgerReport>();
        await _storage.Guard.VerifyPendingAsync(found.Add);
        Assert.NotNull(Assert.Single(found).Reason);
        await _storage.Guard.AcknowledgeAsync(Store, "operator");
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
        await _storage.DisposeAsync();

        Alter("UPDATE ledger_entry SET account_mu2 = 2, store_mu2 = 2 WHERE kind = 'charge' AND sequence = 2");

        Open();
        await _storage.Guard.StartAsync();
        found.Clear();
        await _storage.Guard.VerifyPendingAsync(found.Add);
        Assert.Contains(Assert.Single(found).Faults, fault => fault.Kind == LedgerFaultKind.EntryChanged);
    }

    /// <summary>A verification reads a snapshot, an operator acknowledges what is wrong in it, and only then would the verification suspend the store.</summary>
    [Fact]
    public async Task What_is_acknowledged_while_a_ledger_is_verified_does_not_close_it_again()
    {
        await ChargeAsync();
        await _storage.Writer.RunAsync("a deed", 0, session =>
        {
            session.ExecuteScript("DROP TRIGGER ledger_entry_is_never_changed; UPDATE ledger_entry SET account_mu2 = 1, store_mu2 = 1 WHERE kind = 'charge'");
            return true;
        }, default);
        Assert.NotNull((await _storage.Guard.VerifyAsync(Store)).Reason);
        var scans = 0;
        var guard = new LedgerGuard(new UnreadableBooks(_storage.Books, failures: 0)
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
        Assert.True((await ChargeAsync()).IsAdmitted);
    }

    [Fact]
    public async Task Without_a_witness_chains_are_verified_and_acknowledged_all_the_same()
    {
        await ChargeAsync();
        await _storage.DisposeAsync();
        Alter("UPDATE ledger_book SET spent_mu2 = 1 WHERE account = 'alice'");
        _storage = await SqliteStorage.OpenAsync(new SqliteStorageOptions { Directory = _directory.File("data") });
        await _storage.Guard.StartAsync();
        Assert.Contains((await _storage.Guard.VerifyAsync(Store)).Faults, fault => fault.Kind == LedgerFaultKind.TotalChanged);
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync());
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        Assert.Equal(10, (await _storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent.MuSquared);
        Assert.True((await ChargeAsync()).IsAdmitted);
    }

    [Fact]
    public async Task A_database_of_before_there_were_witnesses_gets_one_and_its_old_copy_is_another_database()
    {
        await _storage.DisposeAsync();
        var options = new SqliteStorageOptions { Directory = _directory.File("old"), WitnessDirectory = _directory.File("witness") };
        Directory.CreateDirectory(options.Directory);
        var golden = Path.Combine(AppContext.BaseDirectory, "Golden", "v1", SqliteStorage.FileName);
        File.Copy(golden, Path.Combine(options.Directory, SqliteStorage.FileName));
        for (var start = 0; start < 2; start++)
        {
            await using var storage = await SqliteStorage.OpenAsync(options);
            await storage.Guard.StartAsync();
            var found = new List<LedgerReport>();
            await storage.Guard.VerifyPendingAsync(found.Add);
            Assert.Equal(2, found.Count);
            Assert.All(found, report => Assert.Null(report.Reason));
        }
        File.Copy(golden, Path.Combine(options.Directory, SqliteStorage.FileName), overwrite: true);
        await using var back = await SqliteStorage.OpenAsync(options);
        await back.Guard.StartAsync();
        var reports = new List<LedgerReport>();
        await back.Guard.VerifyPendingAsync(reports.Add);
        Assert.All(reports, report => Assert.Contains(report.Faults, fault => fault.Kind == LedgerFaultKind.WitnessLost));
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => back.Ledger.CreateStoreAsync(new StoreId("new"), Limit));
        _storage = back;
    }

    [Fact]
    public async Task A_database_that_is_paired_with_another_witness_while_it_is_in_use_takes_no_more_charges_until_it_is_paired_again()
    {
        await ChargeAsync();
        await TellAsync();
        var books = (ILedgerBooks)_storage.Books;
        var identity = (await books.ReadIdentityAsync(default))!;
        await books.WriteIdentityAsync(identity with { Witness = "another" }, default);
        var told = _witness.Marks[("store-1", "alice")];
        for (var i = 0; i < 100 && await _storage.Guard.ReadSuspensionAsync(Store) is null; i++)
            await Task.Delay(50);
        Assert.Contains("the witness", (await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync())).Message);
        Assert.Null(await books.ReadSuspensionAsync(Store, default));
        for (var i = 0; i < 100 && _storage.Guard.WitnessFailure is null; i++)
            await Task.Delay(50);
        Assert.IsType<StorageUnavailableException>(_storage.Guard.WitnessFailure);
        await _storage.Guard.LookAgainAsync();
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync());
        Assert.Same(told, _witness.Marks[("store-1", "alice")]);

        await books.WriteIdentityAsync(identity, default);
        await _storage.Guard.LookAgainAsync();
        // Not before it was compared with its witness.
        await Assert.ThrowsAsync<StorageUnavailableException>(() => ChargeAsync());
        await _storage.Guard.VerifyPendingAsync(report => Assert.Null(report.Reason));
        Assert.True((await ChargeAsync()).IsAdmitted);
    }

    [Fact]
    public async Task A_witness_that_is_acknowledged_for_one_store_opens_no_other_one()
    {
        var other = new StoreId("store-2");
        await _storage.Ledger.CreateStoreAsync(other, Limit);
        await _storage.DisposeAsync();
        Assert.True(await _witness.BeginAsync(new WitnessIdentity("another", "database"), await _witness.ReadIdentityAsync()));
        for (var start = 0; start < 2; start++)
        {
            Open();
            await _storage.Guard.StartAsync();
            await _storage.Guard.VerifyPendingAsync();
            await RefusedAsync(other);
            if (start == 0)
            {
                await RefusedAsync(Store);
                Assert.Null(await _storage.Guard.AcknowledgeAsync(new StoreId("unknown"), "operator"));
                await RefusedAsync(Store);
                Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
            }
            Assert.True((await ChargeAsync()).IsAdmitted);
            await RefusedAsync(other);
            if (start == 0)
                await _storage.DisposeAsync();
        }
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(other, "operator"));
        Assert.True((await _storage.Ledger.SetLimitAsync(other, Alice, Limit)).IsAdmitted);

        Task RefusedAsync(StoreId store) => Assert.ThrowsAsync<LedgerSuspendedException>(() => _storage.Ledger.SetLimitAsync(store, Alice, Smaller));
    }

    [Fact]
    public async Task Rotating_the_keys_changes_no_MAC()
    {
        await ChargeAsync();
        await _storage.DisposeAsync();
        KeyFile.AddKey(Path.Combine(_directory.File("data"), KeyFile.DefaultName));
        for (var start = 0; start < 2; start++)
        {
            Open();
            await _storage.Guard.StartAsync();
            await _storage.Guard.VerifyPendingAsync(report => Assert.Null(report.Reason));
            Assert.True((await ChargeAsync()).IsAdmitted);
            await _storage.DisposeAsync();
        }
        // Without the one that wrapped it first, now that it is wrapped anew.
        var lines = await File.ReadAllLinesAsync(Path.Combine(_directory.File("data"), KeyFile.DefaultName));
        await File.WriteAllLinesAsync(Path.Combine(_directory.File("data"), KeyFile.DefaultName), lines.Where(line => line.StartsWith('#')).Append(lines[^1]));
        Open();
        await _storage.Guard.StartAsync();
        await _storage.Guard.VerifyPendingAsync(report => Assert.Null(report.Reason));
    }

    [Fact]
    public async Task A_database_without_its_key_file_is_not_opened_and_gets_no_new_one()
    {
        await _storage.DisposeAsync();
        var key = Path.Combine(_directory.File("data"), KeyFile.DefaultName);
        File.Move(key, key + ".away");
        Assert.Contains(key, Assert.Throws<StorageRefusedException>(Open).Message);
        Assert.False(File.Exists(key));
        KeyFile.LoadOrCreate(key);
        Assert.Contains("wrapped with the key", Assert.Throws<StorageRefusedException>(Open).Message);
        File.Move(key + ".away", key, overwrite: true);
        Open();
    }

    private void Open() => _storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = _directory.File("data"), Witness = _witness });

    private Task TellAsync() => _storage.Guard.TellAsync();

    private Task<LedgerDecision> ChargeAsync(long units = 10) =>
        _storage.Ledger.ChargeAsync(Store, Alice, new RequestId($"request-{Interlocked.Increment(ref _requests) - 1}"), RequestFingerprint.Of([1]), new PrivacyAmount(units, 0));

    private void Alter(string sql)
    {
        using var session = SqliteSession.Open(Path.Combine(_directory.File("data"), SqliteStorage.FileName), readOnly: false);
        session.ExecuteScript($"DROP TRIGGER IF EXISTS ledger_entry_is_never_changed; {sql}; PRAGMA wal_checkpoint(TRUNCATE)");
    }
}
