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
