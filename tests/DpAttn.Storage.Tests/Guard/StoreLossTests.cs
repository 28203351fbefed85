using System.Globalization;
using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>
/// What a store is charged when accounts lost something with an older copy: what was truly charged to it, before the copy was put back and since, and never less. A tier costs an account what it costs; the store pays it
/// once, however many open it.
/// </summary>
public sealed class StoreLossTests : IAsyncLifetime
{
    private GuardedLedger _guarded = null!;

    public async ValueTask InitializeAsync() => _guarded = await GuardedLedger.CreateAsync();

    public async ValueTask DisposeAsync() => await _guarded.DisposeAsync();

    [Theory]
    [InlineData(2)]
    [InlineData(100)]
    public async Task A_tier_that_many_opened_after_a_backup_costs_the_store_once_what_it_cost(int count)
    {
        var accounts = await AccountsAsync(count);
        var copy = await CopyAsync();
        foreach (var account in accounts)
            Assert.True((await _guarded.OpenTierAsync(account, 2)).IsAdmitted);
        await RequireAcknowledgedExactlyAsync(copy, accounts);
    }

    /// <summary>Those that came after the backup cost the store nothing: its row, and its mark, are those of the copy.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(100)]
    public async Task A_tier_that_somebody_had_opened_before_the_backup_costs_the_store_nothing_more(int count)
    {
        var accounts = await AccountsAsync(count);
        Assert.True((await _guarded.OpenTierAsync(GuardedLedger.Bob, 2)).IsAdmitted);
        var copy = await CopyAsync();
        var spent = (await _guarded.SpentAsync()).Store;
        foreach (var account in accounts)
            Assert.True((await _guarded.OpenTierAsync(account, 2)).IsAdmitted);
        Assert.Equal(spent, (await _guarded.SpentAsync()).Store);
        await RequireAcknowledgedExactlyAsync(copy, accounts);
    }

    /// <summary>Tiers, upgrades and charges together, and accounts that the copy does not have.</summary>
    [Fact]
    public async Task Whatever_was_lost_with_a_copy_that_nobody_used_the_store_ends_at_what_it_had_spent()
    {
        var some = await AccountsAsync(10);
        var copy = await CopyAsync();
        AccountId[] accounts = [.. some, .. await AccountsAsync(10, "later"), GuardedLedger.Alice, GuardedLedger.Bob];
        for (var i = 0; i < accounts.Length; i++)
        {
            Assert.True((await _guarded.OpenTierAsync(accounts[i], i % 3)).IsAdmitted || i % 3 == 0);
            if (i % 2 == 0)
                Assert.True((await _guarded.ChargeAsync(accounts[i], 10 + i)).IsAdmitted);
            if (i % 5 == 0)
                Assert.True((await _guarded.OpenTierAsync(accounts[i], 2)).IsAdmitted);
        }
        await RequireAcknowledgedExactlyAsync(copy, accounts);
    }

    /// <summary>The copy is used without its witness, which is told of none of it: what stands in its entries comes on top.</summary>
    [Fact]
    public async Task What_was_charged_on_the_copy_untold_comes_on_top_of_what_the_store_lost()
    {
        var accounts = await AccountsAsync(20);
        var copy = await CopyAsync();
        foreach (var account in accounts)
            Assert.True((await _guarded.OpenTierAsync(account, 2)).IsAdmitted);
        for (var i = 0; i < 5; i++)
            await _guarded.ChargeAsync(GuardedLedger.Alice, 7);
        var (store, alice, bob) = await _guarded.SpentAsync();
        await _guarded.StopAsync();
        _guarded.PutBack(copy);
        await using (var storage = SqliteStorage.Open(_guarded.Options with { WitnessDirectory = null }))
            Assert.True((await storage.Ledger.ChargeAsync(GuardedLedger.Store, GuardedLedger.Bob, new RequestId("elsewhere"), RequestFingerprint.Of([3]), new PrivacyAmount(50, 2))).IsAdmitted);
        Assert.Single(await _guarded.StartAsync());
        Assert.NotNull(await _guarded.Storage.Guard.AcknowledgeAsync(GuardedLedger.Store, "operator"));
        var since = new PrivacyAmount(50, 2);
        Assert.Equal((store + since, alice, bob + since), await _guarded.SpentAsync());
        Assert.Empty((await _guarded.Storage.Guard.VerifyAsync(GuardedLedger.Store)).Faults);
    }

    /// <summary>
    /// Alice's charge is lost with the copy, and Bob's of the same amount is made on it: the store's row is the very state that the witness saw, and yet another history. Whoever verifies it, at the start or since, tells
    /// the witness nothing of Bob.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task What_others_were_charged_in_the_same_amounts_on_the_copy_does_not_hide_what_the_store_lost(int charges)
    {
        var copy = await CopyAsync();
        for (var i = 0; i < charges; i++)
            await _guarded.ChargeAsync(GuardedLedger.Alice, 7);
        var (store, alice, bob) = await _guarded.SpentAsync();
        await _guarded.StopAsync();
        _guarded.PutBack(copy);
        var since = PrivacyAmount.Zero;
        await using (var storage = SqliteStorage.Open(_guarded.Options with { WitnessDirectory = null }))
        {
            for (var i = 0; i < charges; i++)
            {
                var amount = new PrivacyAmount(7, 1);
                since += amount;
                Assert.True((await storage.Ledger.ChargeAsync(GuardedLedger.Store, GuardedLedger.Bob, new RequestId($"elsewhere-{i}"), RequestFingerprint.Of([3]), amount)).IsAdmitted);
            }
        }
        Assert.Equal(store, ReadStore());
        var found = Assert.Single(await _guarded.StartAsync());
        Assert.Equal([LedgerFaultKind.Behind], found.Faults.Select(fault => fault.Kind));
        Assert.Equal(1, Assert.Single(found.Faults).Books);
        // Again, while it is suspended; and after another start.
        Assert.NotEmpty((await _guarded.Storage.Guard.VerifyAsync(GuardedLedger.Store)).Faults);
        await _guarded.StopAsync();
        Assert.Single(await _guarded.StartAsync());
        Assert.NotNull(await _guarded.Storage.Guard.AcknowledgeAsync(GuardedLedger.Store, "operator"));
        Assert.Equal((store + since, alice, bob + since), await _guarded.SpentAsync());
        Assert.Empty((await _guarded.Storage.Guard.VerifyAsync(GuardedLedger.Store)).Faults);
        await _guarded.StopAsync();
        Assert.Empty(await _guarded.StartAsync());

        PrivacyAmount ReadStore() => new(
            long.Parse(_guarded.Read("SELECT spent_mu2 FROM ledger_book WHERE account = ''")!, CultureInfo.InvariantCulture), long.Parse(_guarded.Read("SELECT spent_slack FROM ledger_book WHERE account = ''")!, CultureInfo.InvariantCulture));
    }

    /// <summary>An earlier version verified the same copy, told the witness of Bob and suspended the store; this one acknowledges. Nothing shows that the store's mark is of what it lost: too much, and not too little.</summary>
    [Fact]
    public async Task What_an_earlier_version_suspended_is_charged_whole()
    {
        var copy = await CopyAsync();
        await _guarded.ChargeAsync(GuardedLedger.Alice, 7);
        var (store, alice, bob) = await _guarded.SpentAsync();
        await _guarded.StopAsync();
        _guarded.PutBack(copy);
        var since = new PrivacyAmount(7, 1);
        await using (var storage = SqliteStorage.Open(_guarded.Options with { WitnessDirectory = null }))
        {
            Assert.True((await storage.Ledger.ChargeAsync(GuardedLedger.Store, GuardedLedger.Bob, new RequestId("elsewhere"), RequestFingerprint.Of([3]), since)).IsAdmitted);
            await storage.Books.SuspendAsync(GuardedLedger.Store, "books are behind the witness", default);
            await using var witness = FileWitness.Open(_guarded.WitnessDirectory);
            var known = (await witness.FindAsync(GuardedLedger.Store, GuardedLedger.Bob))!;
            Assert.Empty(await witness.RaiseAsync([new WitnessStep(known, (await storage.Books.ReadMarkAsync(GuardedLedger.Store, GuardedLedger.Bob, default))!)]));
        }
        Assert.Single(await _guarded.StartAsync());
        Assert.NotNull(await _guarded.Storage.Guard.AcknowledgeAsync(GuardedLedger.Store, "operator"));
        Assert.Equal((store + since, alice, bob + since), await _guarded.SpentAsync());
        Assert.Empty((await _guarded.Storage.Guard.VerifyAsync(GuardedLedger.Store)).Faults);
    }

    /// <summary>Whether somebody also edited an entry does not make the other way a part of what the witness saw; an edit by itself is no other way.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_book_that_went_another_way_is_charged_both_ways_whatever_else_was_done_to_it(bool wentAnotherWay, bool isEdited)
    {
        var copy = await CopyAsync();
        await _guarded.ChargeAsync(GuardedLedger.Alice, 700);
        var (_, seen, _) = await _guarded.SpentAsync();
        await _guarded.StopAsync();
        var elsewhere = new PrivacyAmount(400, 0);
        if (wentAnotherWay)
        {
            _guarded.PutBack(copy);
            await using var storage = SqliteStorage.Open(_guarded.Options with { WitnessDirectory = null });
            for (var i = 0; i < 2; i++)
                Assert.True((await storage.Ledger.ChargeAsync(GuardedLedger.Store, GuardedLedger.Alice, new RequestId($"elsewhere-{i}"), RequestFingerprint.Of([3]), new PrivacyAmount(200, 0))).IsAdmitted);
        }
        if (isEdited)
            _guarded.Alter("UPDATE ledger_entry SET request = 'another' WHERE sequence = 3 AND book = (SELECT id FROM ledger_book WHERE account = 'alice')");
        var found = await _guarded.StartAsync();
        Assert.Equal(wentAnotherWay || isEdited, found.Count > 0);
        Assert.Equal(isEdited, found.Exists(report => report.Faults.Any(fault => fault.Kind == LedgerFaultKind.EntryChanged)));
        Assert.Equal(wentAnotherWay || isEdited, await _guarded.Storage.Guard.AcknowledgeAsync(GuardedLedger.Store, "operator") is not null);
        var before = seen - new PrivacyAmount(700, 1);
        Assert.Equal(wentAnotherWay ? before + elsewhere + seen : seen, (await _guarded.SpentAsync()).Alice);
        Assert.Empty((await _guarded.Storage.Guard.VerifyAsync(GuardedLedger.Store)).Faults);
    }

    private async Task<AccountId[]> AccountsAsync(int count, string name = "account")
    {
        var accounts = Enumerable.Range(0, count).Select(i => new AccountId($"{name}-{i}")).ToArray();
        foreach (var account in accounts)
            await _guarded.Ledger.SetLimitAsync(GuardedLedger.Store, account, GuardedLedger.Limit);
        return accounts;
    }

    private async Task<string> CopyAsync()
    {
        await _guarded.StopAsync();
        var copy = _guarded.Copy("old.db");
        Assert.Empty(await _guarded.StartAsync());
        return copy;
    }

    /// <summary>The copy is put back and acknowledged: everybody has spent just what they had.</summary>
    private async Task RequireAcknowledgedExactlyAsync(string copy, AccountId[] accounts)
    {
        var before = await SpentAsync();
        await _guarded.StopAsync();
        _guarded.PutBack(copy);
        Assert.Contains(Assert.Single(await _guarded.StartAsync()).Faults, fault => fault.Kind is LedgerFaultKind.Behind or LedgerFaultKind.BookMissing);
        Assert.NotNull(await _guarded.Storage.Guard.AcknowledgeAsync(GuardedLedger.Store, "operator"));
        Assert.Equal(before, await SpentAsync());
        Assert.Empty((await _guarded.Storage.Guard.VerifyAsync(GuardedLedger.Store)).Faults);
        Assert.Empty(await _guarded.Ledger.VerifyAsync(GuardedLedger.Store));
        Assert.True((await _guarded.ChargeAsync(GuardedLedger.Bob)).IsAdmitted);
        await _guarded.StopAsync();
        Assert.Empty(await _guarded.StartAsync());

        async Task<List<PrivacyAmount>> SpentAsync()
        {
            List<PrivacyAmount> spent = [(await _guarded.Ledger.ReadStoreAsync(GuardedLedger.Store))!.Spent];
            foreach (var account in accounts)
                spent.Add((await _guarded.Ledger.ReadAccountAsync(GuardedLedger.Store, account))!.Spent);
            return spent;
        }
    }
}
