using DpAttn.Privacy;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>What is read of a ledger, and what a restart and a caller who gives up must leave, whatever database it stands on.</summary>
public abstract class LedgerReadingConformance : LedgerConformance
{
    [Fact]
    public async Task Accounts_are_listed_in_ordinal_order_page_by_page_with_their_tiers()
    {
        await Ledger.CreateStoreAsync(Store, Larger);
        string[] names = ["a", "B", "a~", "Z", "ab", "0", "~"];
        foreach (var name in names)
            await Ledger.SetLimitAsync(Store, new AccountId(name), Limit);
        await Ledger.OpenAsync(Store, new AccountId("ab"), Request(1), Fingerprint(1), Release, 1, Prices);
        await Ledger.CreateStoreAsync(OtherStore, Limit);
        await Ledger.SetLimitAsync(OtherStore, new AccountId("elsewhere"), Limit);

        var listed = new List<AccountBudget>();
        AccountId? after = null;
        while (await Ledger.ListAccountsAsync(Store, after, 3) is { Count: > 0 } page)
        {
            Assert.InRange(page.Count, 1, 3);
            listed.AddRange(page);
            after = page[^1].Account;
        }

        Assert.Equal(names.Order(StringComparer.Ordinal), listed.Select(account => account.Account.Value));
        Assert.All(listed, account => Assert.Equal(account.Account.Value == "ab" ? 1 : 0, account.OpenTiers.Count));
        Assert.All(listed, account => Assert.Equal(Limit.Amount, account.Limit));
    }

    [Fact]
    public async Task Entries_are_listed_page_by_page_and_replaying_them_gives_the_same_ledger()
    {
        await GrantAsync(Alice, storeLimit: Larger);
        await GrantAsync(Bob);
        for (var i = 0; i < 20; i++)
            await ChargeAsync(i % 3 == 0 ? Bob : Alice, i, new PrivacyAmount(i + 1, i));
        await OpenAsync(Alice, 100, 1);
        await OpenAsync(Bob, 101, 2);
        await Ledger.SetLimitAsync(Store, Bob, Larger);

        var entries = new List<LedgerEntry>();
        foreach (AccountId? account in new AccountId?[] { null, Alice, Bob })
        {
            long after = 0;
            while (await Ledger.ListEntriesAsync(Store, account, after, 4) is { Count: > 0 } page)
            {
                Assert.Equal(Enumerable.Range(1, page.Count).Select(i => after + i), page.Select(stored => stored.Entry.Sequence));
                entries.AddRange(page.Select(stored => stored.Entry));
                after = page[^1].Entry.Sequence;
            }
        }

        var rebuilt = PrivacyLedger.Rebuild(entries.Select((entry, i) => entry with { Sequence = i + 1 }));
        Assert.Equal((await Ledger.ReadStoreAsync(Store))!.Spent, rebuilt.StoreSpent);
        foreach (var account in new[] { Alice, Bob })
        {
            var budget = (await Ledger.ReadAccountAsync(Store, account))!;
            Assert.Equal((budget.Spent, budget.Limit, budget.OpenTiers[Release]), (rebuilt.Spent(account), rebuilt.Limit(account)!.Value, rebuilt.OpenTier(account, Release)!.Value));
        }
    }

    [Fact]
    public async Task Everything_is_there_after_a_restart_and_charging_goes_on_where_it_stood()
    {
        await GrantAsync(Alice);
        await GrantAsync(Bob);
        await ChargeAsync(Alice, 1, new PrivacyAmount(50, 1));
        await OpenAsync(Alice, 2, 1);
        await Ledger.CreateStoreAsync(OtherStore, Limit);
        await Ledger.CloseStoreAsync(OtherStore);
        var before = await StateAsync();

        await Storage.RestartAsync();

        Assert.Equal(before, await StateAsync());
        Assert.True((await Ledger.ReadStoreAsync(OtherStore))!.IsClosed);
        Assert.Equal(Replay, await ChargeAsync(Alice, 1, new PrivacyAmount(50, 1)));
        Assert.Equal(new Admitted(new(3000, 1), PrivacyAmount.Zero, false), await OpenAsync(Bob, 3, 1));
        Assert.Equal(new Admitted(new(6000, 1), new(6000, 1), false), await OpenAsync(Alice, 4, 2));
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task An_id_that_was_never_stated_is_refused_at_once()
    {
        await GrantAsync(Alice);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Ledger.ChargeAsync(default, Alice, Request(1), Fingerprint(1), new PrivacyAmount(1, 0)));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Ledger.ChargeAsync(Store, default, Request(1), Fingerprint(1), new PrivacyAmount(1, 0)));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Ledger.ChargeAsync(Store, Alice, default, Fingerprint(1), new PrivacyAmount(1, 0)));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Ledger.SetLimitAsync(Store, default, Limit));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await Ledger.ListAccountsAsync(Store, null, 0));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await Ledger.ListEntriesAsync(Store, null, 0, 0));
    }

    [Fact]
    public async Task What_was_given_up_before_it_began_is_not_done()
    {
        await GrantAsync(Alice);
        var before = await StateAsync();
        var given = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Ledger.ChargeAsync(Store, Alice, Request(1), Fingerprint(1), new PrivacyAmount(1, 0), given));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Ledger.ReadAccountAsync(Store, Alice, given));
        Assert.Equal(before, await StateAsync());
    }
}
