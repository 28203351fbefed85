using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>
/// What was done to the file while it was closed is found at the next start, and closes the store: nothing is charged, what is open can still be seen, and after an
/// operator's acknowledgement no total is lower than it was.
/// </summary>
public sealed class DetectionTests : IAsyncLifetime
{
    private GuardedLedger _guarded = null!;

    public async ValueTask InitializeAsync() => _guarded = await GuardedLedger.CreateAsync();

    public async ValueTask DisposeAsync() => await _guarded.DisposeAsync();

    [Fact]
    public async Task A_ledger_that_nobody_touched_is_found_whole_and_goes_on()
    {
        var before = await _guarded.SpentAsync();
        for (var start = 0; start < 3; start++)
        {
            await _guarded.StopAsync();
            Assert.Empty(await _guarded.StartAsync());
            Assert.Equal(before, await _guarded.SpentAsync());
            Assert.True((await _guarded.ChargeAsync(GuardedLedger.Alice)).IsAdmitted);
            before = await _guarded.SpentAsync();
        }
        Assert.Null(await _guarded.Storage.Guard.AcknowledgeAsync(GuardedLedger.Store, "operator"));
        Assert.Equal(before, await _guarded.SpentAsync());
        Assert.DoesNotContain(await _guarded.Storage.Catalog.ListAuditAsync(0, 100), line => line.Event.Action.StartsWith("ledger.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_database_put_back_is_behind_its_witness()
    {
        await _guarded.StopAsync();
        var copy = _guarded.Copy("old.db");
        Assert.Empty(await _guarded.StartAsync());
        await _guarded.ChargeAsync(GuardedLedger.Alice, 700);
        await _guarded.OpenTierAsync(GuardedLedger.Bob, 2);
        await RequireFoundAsync(() => _guarded.PutBack(copy), LedgerFaultKind.Behind);
    }

    [Fact]
    public async Task A_database_put_back_and_written_on_without_its_witness_has_gone_another_way()
    {
        await _guarded.StopAsync();
        var copy = _guarded.Copy("old.db");
        Assert.Empty(await _guarded.StartAsync());
        await _guarded.ChargeAsync(GuardedLedger.Alice, 700);
        await RequireFoundAsync(
            () =>
            {
                _guarded.PutBack(copy);
                // As a program does that was told of no witness: its totals and MACs are right, and say less.
                using var storage = SqliteStorage.Open(_guarded.Options with { WitnessDirectory = null });
                for (var i = 0; i < 3; i++)
                    storage.Ledger.ChargeAsync(GuardedLedger.Store, GuardedLedger.Alice, new RequestId($"elsewhere-{i}"), RequestFingerprint.Of([3]), new PrivacyAmount(1, 0)).GetAwaiter().GetResult();
            },
            LedgerFaultKind.OtherHistory);
    }

    /// <summary>How many accounts there are, or are concerned, is not for every user: the reason is in each refusal.</summary>
    [Fact]
    public async Task What_users_are_told_is_the_same_however_many_books_it_concerns()
    {
        foreach (var kind in Enum.GetValues<LedgerFaultKind>())
            Assert.Equal(new LedgerFault(kind, 1).Text, new LedgerFault(kind, 5432).Text);
        await _guarded.StopAsync();
        _guarded.Alter("UPDATE ledger_book SET spent_mu2 = spent_mu2 - 1 WHERE account <> ''");
        var report = Assert.Single(await _guarded.StartAsync());
        Assert.Equal(2, Assert.Single(report.Faults).Books);
        Assert.DoesNotContain((await Assert.ThrowsAsync<LedgerSuspendedException>(() => _guarded.ChargeAsync(GuardedLedger.Alice))).Message, char.IsAsciiDigit);
    }

    [Theory]
    [InlineData("UPDATE ledger_entry SET account_mu2 = 1, store_mu2 = 1 WHERE sequence = 3 AND book = (SELECT id FROM ledger_book WHERE account = 'alice')")]
    [InlineData("UPDATE ledger_entry SET request = 'another' WHERE sequence = 4 AND book = (SELECT id FROM ledger_book WHERE account = 'bob')")]
    [InlineData("UPDATE ledger_entry SET tier = 2 WHERE kind = 'open' AND book = (SELECT id FROM ledger_book WHERE account = 'bob')")]
    [InlineData("UPDATE ledger_entry SET written_at = written_at + 1 WHERE kind = 'store-limit'")]
    [InlineData("UPDATE ledger_entry SET account_mu2 = 9000000000000000000 WHERE kind = 'account-limit'")]
    [InlineData("UPDATE ledger_entry SET mac = zeroblob(32) WHERE sequence = 3")]
    [InlineData("UPDATE ledger_entry SET kind = 'acknowledgement', request = NULL, fingerprint = NULL WHERE sequence = 5")]
    [InlineData("INSERT INTO ledger_entry SELECT book, 99, kind, 'smuggled', fingerprint, release, tier, stated_epsilon, stated_delta, account_mu2, account_slack, store_mu2, store_slack, written_at, mac, digest FROM ledger_entry WHERE sequence = 4")]
    public Task An_edited_entry_breaks_its_chain(string sql) => RequireFoundAsync(() => _guarded.Alter(sql), LedgerFaultKind.EntryChanged);

    [Fact]
    public Task An_entry_missing_from_the_middle_breaks_its_chain() => RequireFoundAsync(
        () => _guarded.Alter("DELETE FROM ledger_entry WHERE sequence = 4 AND book = (SELECT id FROM ledger_book WHERE account = 'alice')"),
        LedgerFaultKind.EntryMissing);

    [Fact]
    public Task An_entry_missing_from_the_middle_is_found_with_the_others_moved_up() => RequireFoundAsync(
        () => _guarded.Alter("""
            DELETE FROM ledger_entry WHERE sequence = 4 AND book = (SELECT id FROM ledger_book WHERE account = 'alice');
            UPDATE ledger_entry SET sequence = sequence - 1 WHERE sequence > 4 AND book = (SELECT id FROM ledger_book WHERE account = 'alice');
            """),
        LedgerFaultKind.EntryChanged);

    [Fact]
    public Task A_missing_last_entry_is_missed_by_its_book() => RequireFoundAsync(
        () => _guarded.Alter("DELETE FROM ledger_entry WHERE sequence = 7 AND book = (SELECT id FROM ledger_book WHERE account = 'alice')"),
        LedgerFaultKind.EntryMissing);

    /// <summary>Head, sequence and totals fixed up as well as one can without the key.</summary>
    [Fact]
    public Task A_missing_last_entry_is_found_with_all_totals_made_to_fit() => RequireFoundAsync(
        () => _guarded.Alter("""
            UPDATE ledger_book SET sequence = 6, version = 6, spent_mu2 = spent_mu2 - 100, spent_slack = spent_slack - 1,
                head = (SELECT mac FROM ledger_entry WHERE sequence = 6 AND book = ledger_book.id) WHERE account = 'alice';
            UPDATE ledger_book SET spent_mu2 = spent_mu2 - 100, spent_slack = spent_slack - 1 WHERE account = '';
            DELETE FROM ledger_entry WHERE sequence = 7 AND book = (SELECT id FROM ledger_book WHERE account = 'alice');
            """),
        LedgerFaultKind.TotalChanged);

    /// <summary>The one thing that can be made without the key: rows as they once were. The store's total and the witness tell.</summary>
    [Fact]
    public async Task One_account_put_back_as_it_once_was_is_behind_its_witness()
    {
        await _guarded.StopAsync();
        var copy = _guarded.Copy("old.db");
        Assert.Empty(await _guarded.StartAsync());
        await _guarded.ChargeAsync(GuardedLedger.Alice, 700);
        await RequireFoundAsync(
            () => _guarded.Alter($"""
                ATTACH '{copy}' AS old;
                DELETE FROM ledger_entry WHERE sequence = 8 AND book = (SELECT id FROM ledger_book WHERE account = 'alice');
                UPDATE ledger_book SET (spent_mu2, spent_slack, sequence, version, head, mac) =
                    (SELECT spent_mu2, spent_slack, sequence, version, head, mac FROM old.ledger_book WHERE account = 'alice') WHERE account = 'alice';
                DETACH old;
                """),
            LedgerFaultKind.Behind);
    }

    [Theory]
    [InlineData("UPDATE ledger_book SET spent_mu2 = 0, spent_slack = 0 WHERE account = 'alice'")]
    [InlineData("UPDATE ledger_book SET spent_mu2 = spent_mu2 - 1 WHERE account = ''")]
    [InlineData("UPDATE ledger_book SET limit_mu2 = limit_mu2 * 2 WHERE account = 'alice'")]
    [InlineData("UPDATE ledger_book SET limit_mu2 = limit_mu2 * 2, stated_epsilon = 2 WHERE account = ''")]
    [InlineData("UPDATE ledger_book SET head = zeroblob(32) WHERE account = 'bob'")]
    [InlineData("UPDATE ledger_book SET mac = (SELECT mac FROM ledger_book WHERE account = 'bob') WHERE account = 'alice'")]
    [InlineData("UPDATE ledger_book SET closed = 1 WHERE account = 'alice'")]
    public Task An_edited_total_has_another_MAC(string sql) => RequireFoundAsync(() => _guarded.Alter(sql), LedgerFaultKind.TotalChanged);

    [Fact]
    public Task A_missing_account_is_missed_by_the_witness() => RequireFoundAsync(
        () => _guarded.Alter("""
            DELETE FROM ledger_tier WHERE book = (SELECT id FROM ledger_book WHERE account = 'bob');
            DELETE FROM ledger_entry WHERE book = (SELECT id FROM ledger_book WHERE account = 'bob');
            DELETE FROM ledger_book WHERE account = 'bob';
            """),
        LedgerFaultKind.BookMissing);

    /// <summary>What is left of it must not become part of the book that is made in its place.</summary>
    [Fact]
    public Task A_missing_account_whose_entries_were_left_behind_is_missed_by_the_witness() => RequireFoundAsync(
        () => _guarded.Alter("DELETE FROM ledger_book WHERE account = 'bob'"), LedgerFaultKind.BookMissing);

    [Fact]
    public Task A_missing_store_is_missed_by_the_witness() => RequireFoundAsync(
        () => _guarded.Alter("DELETE FROM ledger_tier; DELETE FROM ledger_entry; DELETE FROM ledger_book"), LedgerFaultKind.BookMissing, leavesNothing: true);

    [Theory]
    [InlineData("UPDATE ledger_tier SET tier = 2 WHERE book = (SELECT id FROM ledger_book WHERE account = 'bob')")]
    [InlineData("UPDATE ledger_tier SET tier = 2, mac = (SELECT mac FROM ledger_tier WHERE tier = 1 AND book = (SELECT id FROM ledger_book WHERE account = 'alice')) WHERE book = (SELECT id FROM ledger_book WHERE account = 'bob')")]
    [InlineData("INSERT INTO ledger_tier SELECT book, 'release-9', tier, mac FROM ledger_tier WHERE book = (SELECT id FROM ledger_book WHERE account = 'bob')")]
    [InlineData("DELETE FROM ledger_tier WHERE book = (SELECT id FROM ledger_book WHERE account = 'bob')")]
    [InlineData("UPDATE ledger_tier SET tier = 2 WHERE book = (SELECT id FROM ledger_book WHERE account = '')")]
    public Task An_edited_tier_is_none(string sql) => RequireFoundAsync(() => _guarded.Alter(sql), LedgerFaultKind.TierChanged);

    [Fact]
    public Task A_lost_witness_closes_the_store() => RequireFoundAsync(() => File.Delete(_guarded.WitnessFile), LedgerFaultKind.WitnessLost);

    /// <summary>The store's own book does not tell: what bob opened had been paid for it already.</summary>
    [Fact]
    public async Task A_witness_begun_anew_knows_every_book()
    {
        await _guarded.StopAsync();
        var copy = _guarded.Copy("old.db");
        Assert.Empty(await _guarded.StartAsync());
        var before = await _guarded.SpentAsync();
        await _guarded.OpenTierAsync(GuardedLedger.Bob, 1);
        Assert.Equal(before.Store, (await _guarded.SpentAsync()).Store);
        await _guarded.StopAsync();
        File.Delete(_guarded.WitnessFile);
        Assert.NotEmpty(await _guarded.StartAsync());
        Assert.NotNull(await _guarded.Storage.Guard.AcknowledgeAsync(GuardedLedger.Store, "operator-1"));
        await _guarded.StopAsync();
        _guarded.Alter($"""
            ATTACH '{copy}' AS old;
            CREATE TEMP TABLE bob AS SELECT * FROM old.ledger_book WHERE account = 'bob';
            DELETE FROM ledger_entry WHERE book = (SELECT id FROM bob) AND sequence > (SELECT sequence FROM bob);
            UPDATE ledger_book SET (spent_mu2, spent_slack, sequence, version, head, mac) = (SELECT spent_mu2, spent_slack, sequence, version, head, mac FROM bob) WHERE account = 'bob';
            DELETE FROM ledger_tier WHERE book = (SELECT id FROM bob);
            INSERT INTO ledger_tier SELECT * FROM old.ledger_tier WHERE book = (SELECT id FROM bob);
            DETACH old
            """);
        Assert.Contains(Assert.Single(await _guarded.StartAsync()).Faults, fault => fault.Kind == LedgerFaultKind.Behind);
    }

    [Fact]
    public Task A_damaged_witness_is_a_lost_one() => RequireFoundAsync(
        () =>
        {
            var bytes = File.ReadAllBytes(_guarded.WitnessFile);
            bytes[bytes.AsSpan().IndexOf("alice"u8)]++;
            File.WriteAllBytes(_guarded.WitnessFile, bytes);
        },
        LedgerFaultKind.WitnessLost);

    [Fact]
    public async Task Another_databases_witness_closes_the_store()
    {
        await using var other = await GuardedLedger.CreateAsync();
        await other.StopAsync();
        await RequireFoundAsync(() => File.Copy(other.WitnessFile, _guarded.WitnessFile, overwrite: true), LedgerFaultKind.WitnessLost);
    }

    [Theory]
    [InlineData("DELETE FROM ledger_identity")]
    [InlineData("UPDATE ledger_identity SET witness = NULL")]
    public Task A_database_that_does_not_say_which_it_is_closes_the_store(string sql) => RequireFoundAsync(() => _guarded.Alter(sql), LedgerFaultKind.WitnessLost);

    /// <summary>Without its key nothing in the ledger can be told from what somebody made up, opened tiers included.</summary>
    [Fact]
    public Task A_ledger_whose_key_was_removed_closes_the_store() => RequireFoundAsync(
        () => _guarded.Alter("DELETE FROM catalog WHERE kind = 'wrapped-key' AND key = 'ledger-chain'"), LedgerFaultKind.TotalChanged, leavesTiers: false);

    private async Task RequireFoundAsync(Action tamper, LedgerFaultKind kind, bool leavesNothing = false, bool leavesTiers = true)
    {
        var before = await _guarded.SpentAsync();
        await _guarded.StopAsync();
        tamper();

        var report = Assert.Single(await _guarded.StartAsync());

        Assert.Contains(report.Faults, fault => fault.Kind == kind);
        await RequireClosedAsync(report.Reason!, leavesNothing, leavesTiers);
        // Finding it again tells nobody twice, nor does a start.
        await _guarded.StopAsync();
        Assert.Equal(report.Reason, Assert.Single(await _guarded.StartAsync()).Reason);
        // A lost witness says nothing about the database, and nothing is written there before somebody acknowledges it.
        if (report.Faults is [{ Kind: LedgerFaultKind.WitnessLost }])
            Assert.DoesNotContain(await _guarded.Storage.Catalog.ListAuditAsync(0, 100), line => line.Event.Action == LedgerGuard.SuspendAction);
        else
            await RequireToldAsync(report.Reason!);

        Assert.NotNull(await _guarded.Storage.Guard.AcknowledgeAsync(GuardedLedger.Store, "operator-1"));

        await RequireToldAsync(report.Reason!);
        var acknowledged = Assert.Single(await _guarded.Storage.Catalog.ListAuditAsync(0, 100), line => line.Event.Action == LedgerGuard.AcknowledgeAction);
        Assert.Equal("operator-1", acknowledged.Event.Actor);
        var after = await _guarded.SpentAsync();
        Assert.True(before.Store.FitsIn(after.Store) && before.Alice.FitsIn(after.Alice) && before.Bob.FitsIn(after.Bob), $"{before} before, and {after} after");
        Assert.Empty(await _guarded.Ledger.VerifyAsync(GuardedLedger.Store));
        if (!leavesNothing)
        {
            // Of an account that was lost the limit is lost as well: granted anew, it has spent what it had.
            await _guarded.Ledger.SetLimitAsync(GuardedLedger.Store, GuardedLedger.Bob, new PrivacyLimit(new Epsilon(1.1), new Delta(1e-6)));
            Assert.True((await _guarded.ChargeAsync(GuardedLedger.Alice)).IsAdmitted);
            Assert.True((await _guarded.ChargeAsync(GuardedLedger.Bob)).IsAdmitted);
            Assert.True((await _guarded.OpenTierAsync(GuardedLedger.Alice, 2)).IsAdmitted);
        }
        await _guarded.StopAsync();
        Assert.Empty(await _guarded.StartAsync());
        Assert.Empty(await _guarded.Ledger.VerifyAsync(GuardedLedger.Store));
    }

    private async Task RequireToldAsync(string reason)
    {
        var told = Assert.Single(await _guarded.Storage.Catalog.ListAuditAsync(0, 100), line => line.Event.Action == LedgerGuard.SuspendAction);
        Assert.Equal((GuardedLedger.Store, reason), (told.Event.Store, told.Event.Detail));
    }

    private async Task RequireClosedAsync(string reason, bool leavesNothing, bool leavesTiers)
    {
        await RefusedAsync(() => _guarded.ChargeAsync(GuardedLedger.Alice));
        await RefusedAsync(() => _guarded.OpenTierAsync(GuardedLedger.Bob, 1));
        await RefusedAsync(() => _guarded.Ledger.SetLimitAsync(GuardedLedger.Store, GuardedLedger.Alice, GuardedLedger.Limit));
        await RefusedAsync(() => _guarded.Ledger.SetLimitAsync(GuardedLedger.Store, new AccountId("carol"), GuardedLedger.Limit));
        await RefusedAsync(() => _guarded.Ledger.SetStoreLimitAsync(GuardedLedger.Store, GuardedLedger.Limit));
        await RefusedAsync(() => _guarded.Ledger.FindRequestAsync(GuardedLedger.Store, GuardedLedger.Alice, new RequestId("request-0")));
        if (leavesNothing)
            return;
        Assert.Equal(reason, (await _guarded.Ledger.ReadStoreAsync(GuardedLedger.Store))!.Suspension);
        // What is open is still told, and never more than what was opened.
        var open = (await _guarded.Ledger.ReadAccountAsync(GuardedLedger.Store, GuardedLedger.Alice))!.OpenTiers;
        Assert.Equal(leavesTiers ? [new(GuardedLedger.Release, 1)] : [], open);
        foreach (var account in await _guarded.Ledger.ListAccountsAsync(GuardedLedger.Store, null, 10))
            Assert.All(account.OpenTiers, pair => Assert.True(pair.Value <= (account.Account == GuardedLedger.Alice ? 1 : 0)));

        async Task RefusedAsync(Func<Task> call)
        {
            var failure = await Assert.ThrowsAsync<LedgerSuspendedException>(call);
            Assert.Contains(reason, failure.Message);
            Assert.Contains("dpattn restore --acknowledge", failure.Message);
        }
    }
}
