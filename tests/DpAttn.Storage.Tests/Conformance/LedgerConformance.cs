using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>What a budget ledger must do, whatever database it stands on.</summary>
public abstract class LedgerConformance : StorageConformance
{
    // Costs of 1000, 3000 and 9000 units of mu squared and one unit of slack a step.
    private static readonly Ladder Prices = new(1000, 3000, 9000);
    private static readonly Admitted Free = new(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: false);
    private static readonly Admitted Replay = new(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: true);
    private static readonly Refused Unknown = new(RefusalReason.UnknownAccount);

    [Fact]
    public async Task A_charge_adds_to_both_totals_and_is_an_entry()
    {
        await GrantAsync(Alice);
        Storage.Now = new DateTimeOffset(2033, 1, 2, 3, 4, 5, 678, 901, TimeSpan.Zero);
        var cost = new PrivacyAmount(700, 3);

        Assert.Equal(new Admitted(cost, cost, false), await ChargeAsync(Alice, 1, cost));

        Assert.Equal(cost, (await Ledger.ReadAccountAsync(Store, Alice))!.Spent);
        Assert.Equal(cost, (await Ledger.ReadStoreAsync(Store))!.Spent);
        var entry = (await Ledger.ListEntriesAsync(Store, Alice, 1, 10)).Single();
        Assert.Equal(new StoredLedgerEntry(Storage.Now, new LedgerEntry(2, LedgerEntryKind.Charge, Alice, Request(1), Fingerprint(1), null, null, cost, cost)), entry);
    }

    [Fact]
    public async Task A_charge_up_to_the_last_unit_of_the_limit_is_admitted_and_one_unit_more_is_not()
    {
        await GrantAsync(Alice, storeLimit: Larger);
        var limit = Limit.Amount;
        Assert.True((await ChargeAsync(Alice, 1, limit - new PrivacyAmount(1, 0))).IsAdmitted);

        Assert.Equal(
            new Refused(RefusalReason.AccountLimit, new PrivacyAmount(2, 0), new PrivacyAmount(1, 0), new PrivacyAmount(1, 0)),
            await ChargeAsync(Alice, 2, new PrivacyAmount(2, 0)));
        Assert.True((await ChargeAsync(Alice, 3, new PrivacyAmount(1, 0))).IsAdmitted);
        Assert.Equal(limit, (await Ledger.ReadAccountAsync(Store, Alice))!.Spent);
    }

    [Fact]
    public async Task A_refused_charge_costs_nothing_and_leaves_nothing()
    {
        await GrantAsync(Alice);
        await ChargeAsync(Alice, 1, new PrivacyAmount(5, 0));
        var before = await StateAsync();

        var refusal = Assert.IsType<Refused>(await ChargeAsync(Alice, 2, Limit.Amount));

        Assert.Equal(RefusalReason.AccountLimit, refusal.Reason);
        Assert.Equal(before, await StateAsync());
        // The id of a refused request is free: nothing was recorded under it.
        Assert.True((await Ledger.ChargeAsync(Store, Alice, Request(2), Fingerprint(99), new PrivacyAmount(1, 0))).IsAdmitted);
    }

    [Fact]
    public async Task A_refusal_by_the_store_carries_no_amounts_and_costs_nothing()
    {
        await GrantAsync(Alice, Larger);
        await GrantAsync(Bob, Larger);
        await ChargeAsync(Alice, 1, Limit.Amount - new PrivacyAmount(10, 0));
        var before = await StateAsync();

        Assert.Equal(new Refused(RefusalReason.StoreLimit), await ChargeAsync(Bob, 1, new PrivacyAmount(11, 0)));

        Assert.Equal(before, await StateAsync());
        Assert.True((await ChargeAsync(Bob, 2, new PrivacyAmount(10, 0))).IsAdmitted);
    }

    [Fact]
    public async Task A_slack_limit_refuses_as_the_limit_of_mu_squared_does()
    {
        await GrantAsync(Alice, storeLimit: Larger);
        var over = new PrivacyAmount(1, Limit.Amount.Slack + 1);

        var refusal = Assert.IsType<Refused>(await ChargeAsync(Alice, 1, over));

        Assert.Equal((RefusalReason.AccountLimit, new PrivacyAmount(0, 1)), (refusal.Reason, refusal.ShortBy!.Value));
        Assert.True((await ChargeAsync(Alice, 2, over - new PrivacyAmount(0, 1))).IsAdmitted);
    }

    [Fact]
    public async Task Amounts_beyond_64_bits_are_refused_and_do_not_wrap()
    {
        await GrantAsync(Alice);
        await ChargeAsync(Alice, 1, new PrivacyAmount(5, 5));

        Assert.Equal(RefusalReason.AccountLimit, Assert.IsType<Refused>(await ChargeAsync(Alice, 2, new PrivacyAmount(long.MaxValue, long.MaxValue))).Reason);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-1, 0)]
    [InlineData(0, 5)]
    [InlineData(1, -1)]
    public async Task A_charge_that_costs_nothing_or_less_is_an_error_of_the_caller(long muSquared, long slack)
    {
        await GrantAsync(Alice);
        var before = await StateAsync();
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ChargeAsync(Alice, 1, new PrivacyAmount(muSquared, slack)));
        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task A_replayed_request_is_admitted_at_no_cost_even_when_nothing_is_left()
    {
        await GrantAsync(Alice);
        await ChargeAsync(Alice, 1, new PrivacyAmount(50, 0));
        await ChargeAsync(Alice, 2, Limit.Amount - new PrivacyAmount(50, 0));
        var before = await StateAsync();

        for (var i = 0; i < 3; i++)
            Assert.Equal(Replay, await ChargeAsync(Alice, 1, new PrivacyAmount(50, 0)));

        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task A_request_id_used_for_something_else_is_refused_and_costs_nothing()
    {
        await GrantAsync(Alice);
        await ChargeAsync(Alice, 1, new PrivacyAmount(50, 0));
        var before = await StateAsync();
        var conflict = new Refused(RefusalReason.RequestConflict);

        Assert.Equal(conflict, await Ledger.ChargeAsync(Store, Alice, Request(1), Fingerprint(2), new PrivacyAmount(50, 0)));
        Assert.Equal(conflict, await Ledger.OpenAsync(Store, Alice, Request(1), Fingerprint(2), Release, 0, Prices));

        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task Request_ids_are_the_accounts_own()
    {
        await GrantAsync(Alice);
        await GrantAsync(Bob);
        var cost = new PrivacyAmount(50, 0);

        Assert.Equal(new Admitted(cost, cost, false), await ChargeAsync(Alice, 1, cost));
        Assert.Equal(new Admitted(cost, cost, false), await Ledger.ChargeAsync(Store, Bob, Request(1), Fingerprint(2), cost));
    }

    [Fact]
    public async Task An_account_without_a_grant_is_refused_everything()
    {
        await GrantAsync(Alice);
        Assert.Equal(Unknown, await ChargeAsync(Bob, 1, new PrivacyAmount(1, 0)));
        Assert.Equal(Unknown, await OpenAsync(Bob, 2, 0));
        Assert.Null(await Ledger.ReadAccountAsync(Store, Bob));
    }

    [Fact]
    public async Task A_store_without_books_is_refused_everything()
    {
        Assert.Equal(Unknown, await ChargeAsync(Alice, 1, new PrivacyAmount(1, 0)));
        Assert.Equal(Unknown, await OpenAsync(Alice, 1, 0));
        Assert.Equal(Unknown, await Ledger.SetLimitAsync(Store, Alice, Limit));
        Assert.Equal(Unknown, await Ledger.SetStoreLimitAsync(Store, Limit));
        Assert.Null(await Ledger.ReadStoreAsync(Store));
        Assert.Null(await Ledger.ReadAccountAsync(Store, Alice));
        Assert.Empty(await Ledger.ListAccountsAsync(Store, null, 10));
        Assert.Empty(await Ledger.ListEntriesAsync(Store, null, 0, 10));
        Assert.Empty(await Ledger.ListEntriesAsync(Store, Alice, 0, 10));
    }

    [Fact]
    public async Task Each_level_pays_from_its_own_best_tier_upwards()
    {
        await GrantAsync(Alice);
        await GrantAsync(Bob);

        Assert.Equal(new Admitted(new(1000, 1), new(1000, 1), false), await OpenAsync(Alice, 1, 0));
        // Bob pays the whole price of tier 1, the store only what is above Alice's tier 0.
        Assert.Equal(new Admitted(new(3000, 1), new(2000, 1), false), await OpenAsync(Bob, 1, 1));
        // The store has paid for tier 1 already.
        Assert.Equal(new Admitted(new(2000, 1), PrivacyAmount.Zero, false), await OpenAsync(Alice, 2, 1));
        Assert.Equal(new Admitted(new(6000, 1), new(6000, 1), false), await OpenAsync(Alice, 3, 2));

        Assert.Equal(new PrivacyAmount(9000, 3), (await Ledger.ReadAccountAsync(Store, Alice))!.Spent);
        Assert.Equal(new PrivacyAmount(3000, 1), (await Ledger.ReadAccountAsync(Store, Bob))!.Spent);
        Assert.Equal(new PrivacyAmount(9000, 3), (await Ledger.ReadStoreAsync(Store))!.Spent);
        Assert.Equal(new Dictionary<ReleaseId, int> { [Release] = 2 }, (await Ledger.ReadAccountAsync(Store, Alice))!.OpenTiers);
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task Releases_are_paid_for_one_by_one()
    {
        await GrantAsync(Alice);
        var second = new ReleaseId("release-2");
        await OpenAsync(Alice, 1, 2);

        Assert.Equal(new Admitted(new(3000, 1), new(3000, 1), false), await Ledger.OpenAsync(Store, Alice, Request(2), Fingerprint(2), second, 1, Prices));

        Assert.Equal(new Dictionary<ReleaseId, int> { [Release] = 2, [second] = 1 }, (await Ledger.ReadAccountAsync(Store, Alice))!.OpenTiers);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(1)]
    [InlineData(0)]
    public async Task What_is_open_already_costs_nothing_and_its_request_is_recorded(int tier)
    {
        await GrantAsync(Alice);
        await OpenAsync(Alice, 1, 2);
        var spent = (await Ledger.ReadAccountAsync(Store, Alice))!.Spent;

        Assert.Equal(Free, await OpenAsync(Alice, 2, tier));
        Assert.Equal(Replay, await OpenAsync(Alice, 2, tier));
        Assert.Equal(new Refused(RefusalReason.RequestConflict), await Ledger.OpenAsync(Store, Alice, Request(2), Fingerprint(77), Release, tier, Prices));

        var account = (await Ledger.ReadAccountAsync(Store, Alice))!;
        Assert.Equal((spent, 2), (account.Spent, account.OpenTiers[Release]));
        Assert.Equal(PrivacyAmount.Zero, (await Ledger.ListEntriesAsync(Store, Alice, 2, 10)).Single().Entry.AccountAmount);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public async Task A_tier_that_does_not_exist_is_refused(int tier)
    {
        await GrantAsync(Alice);
        var before = await StateAsync();
        Assert.Equal(new Refused(RefusalReason.UnknownTier), await OpenAsync(Alice, 1, tier));
        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task A_tier_that_does_not_fit_is_refused_and_a_cheaper_one_still_opens()
    {
        await GrantAsync(Alice);
        await ChargeAsync(Alice, 1, Limit.Amount - new PrivacyAmount(2000, 2));
        var before = await StateAsync();

        Assert.Equal(new Refused(RefusalReason.AccountLimit, new PrivacyAmount(3000, 1), new PrivacyAmount(2000, 2), new PrivacyAmount(1000, 0)), await OpenAsync(Alice, 2, 1));

        Assert.Equal(before, await StateAsync());
        Assert.True((await OpenAsync(Alice, 3, 0)).IsAdmitted);
    }

    [Fact]
    public async Task Prices_that_are_no_rising_ladder_are_an_error_of_the_caller_and_change_nothing()
    {
        await GrantAsync(Alice);
        await OpenAsync(Alice, 1, 0);
        var before = await StateAsync();

        foreach (var prices in new[] { new Ladder(1000, 1000, 500), new Ladder(2000, 1000, 1000) })
            await Assert.ThrowsAsync<ArgumentException>(() => Ledger.OpenAsync(Store, Alice, Request(2), Fingerprint(2), Release, 2, prices));
        // A first opening that is free would be an answer that nobody pays for.
        await Assert.ThrowsAsync<ArgumentException>(() => Ledger.OpenAsync(Store, Alice, Request(2), Fingerprint(2), new ReleaseId("free"), 0, new Ladder(0, 1)));

        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task Setting_the_same_limit_again_changes_nothing()
    {
        await GrantAsync(Alice);
        var before = await StateAsync();

        Assert.Equal(Free, await Ledger.SetLimitAsync(Store, Alice, Limit));
        Assert.Equal(Free, await Ledger.SetStoreLimitAsync(Store, Limit));
        await Ledger.CreateStoreAsync(Store, Limit);

        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task A_raised_limit_admits_what_was_refused_and_is_an_entry()
    {
        await GrantAsync(Alice);
        var cost = Limit.Amount + new PrivacyAmount(1, 0);
        Assert.False((await ChargeAsync(Alice, 1, cost)).IsAdmitted);

        Assert.Equal(Free, await Ledger.SetLimitAsync(Store, Alice, Larger));
        Assert.Equal(new Refused(RefusalReason.StoreLimit), await ChargeAsync(Alice, 1, cost));
        Assert.Equal(Free, await Ledger.SetStoreLimitAsync(Store, Larger));
        Assert.True((await ChargeAsync(Alice, 1, cost)).IsAdmitted);

        var account = (await Ledger.ReadAccountAsync(Store, Alice))!;
        Assert.Equal((2.0, Larger.Amount, 3L), (account.StatedEpsilon.Value, account.Limit, account.Sequence));
        Assert.Equal([Limit.Amount, Larger.Amount, cost], (await Ledger.ListEntriesAsync(Store, Alice, 0, 10)).Select(stored => stored.Entry.AccountAmount));
        Assert.Equal([Limit.Amount, Larger.Amount], (await Ledger.ListEntriesAsync(Store, null, 0, 10)).Select(stored => stored.Entry.StoreAmount));
        Assert.Equal(2.0, (await Ledger.ReadStoreAsync(Store))!.StatedEpsilon.Value);
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task A_limit_is_never_set_below_what_is_spent()
    {
        await GrantAsync(Alice, Larger, Larger);
        var spent = Limit.Amount + new PrivacyAmount(1, 0);
        await ChargeAsync(Alice, 1, spent);
        var before = await StateAsync();

        Assert.Equal(new Refused(RefusalReason.LimitBelowSpent, Limit.Amount, spent), await Ledger.SetLimitAsync(Store, Alice, Limit));
        Assert.Equal(new Refused(RefusalReason.LimitBelowSpent, Limit.Amount, spent), await Ledger.SetStoreLimitAsync(Store, Limit));

        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task A_limit_may_be_set_to_exactly_what_is_spent()
    {
        await GrantAsync(Alice, Larger, Larger);
        await ChargeAsync(Alice, 1, Limit.Amount);

        Assert.Equal(Free, await Ledger.SetLimitAsync(Store, Alice, Limit));
        Assert.Equal(Free, await Ledger.SetStoreLimitAsync(Store, Limit));

        Assert.Equal(RefusalReason.AccountLimit, Assert.IsType<Refused>(await ChargeAsync(Alice, 2, new PrivacyAmount(1, 0))).Reason);
    }

    [Fact]
    public async Task Books_with_another_limit_are_not_opened_a_second_time()
    {
        await Ledger.CreateStoreAsync(Store, Limit);
        await Assert.ThrowsAsync<InvalidOperationException>(() => Ledger.CreateStoreAsync(Store, Larger));
        // The same amount stated at another delta is another limit.
        await Assert.ThrowsAsync<InvalidOperationException>(() => Ledger.CreateStoreAsync(Store, new PrivacyLimit(new Epsilon(1), new Delta(1e-7))));
        Assert.Equal(Limit.Amount, (await Ledger.ReadStoreAsync(Store))!.Limit);
    }

    [Fact]
    public async Task Closed_books_refuse_everything_and_keep_what_was_spent()
    {
        await GrantAsync(Alice);
        await ChargeAsync(Alice, 1, new PrivacyAmount(50, 1));
        await Ledger.CloseStoreAsync(Store);
        await Ledger.CloseStoreAsync(Store);

        Assert.Equal(Unknown, await ChargeAsync(Alice, 2, new PrivacyAmount(1, 0)));
        Assert.Equal(Unknown, await ChargeAsync(Alice, 1, new PrivacyAmount(50, 1)));
        Assert.Equal(Unknown, await OpenAsync(Alice, 3, 0));
        Assert.Equal(Unknown, await Ledger.SetLimitAsync(Store, Bob, Limit));
        Assert.Equal(Unknown, await Ledger.SetLimitAsync(Store, Alice, Larger));
        Assert.Equal(Unknown, await Ledger.SetStoreLimitAsync(Store, Larger));
        await Assert.ThrowsAsync<InvalidOperationException>(() => Ledger.CreateStoreAsync(Store, Limit));

        Assert.Equal(new StoreBudget(new Epsilon(1), Limit.Amount, new PrivacyAmount(50, 1), IsClosed: true), await Ledger.ReadStoreAsync(Store));
        Assert.Equal(new PrivacyAmount(50, 1), (await Ledger.ReadAccountAsync(Store, Alice))!.Spent);
        Assert.Equal(2, (await Ledger.ListEntriesAsync(Store, Alice, 0, 10)).Count);
    }

    [Fact]
    public async Task Closing_what_has_no_books_keeps_them_from_being_opened_later()
    {
        await Ledger.CloseStoreAsync(Store);
        await Assert.ThrowsAsync<InvalidOperationException>(() => Ledger.CreateStoreAsync(Store, Limit));
        Assert.True((await Ledger.ReadStoreAsync(Store))!.IsClosed);
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task Stores_do_not_touch_each_other()
    {
        await GrantAsync(Alice);
        await Ledger.CreateStoreAsync(OtherStore, Limit);
        await Ledger.SetLimitAsync(OtherStore, Alice, Limit);
        await ChargeAsync(Alice, 1, Limit.Amount);
        await OpenAsync(Bob, 2, 0);
        await Ledger.CloseStoreAsync(Store);

        Assert.Equal(new Admitted(Limit.Amount, Limit.Amount, false), await Ledger.ChargeAsync(OtherStore, Alice, Request(1), Fingerprint(9), Limit.Amount));
    }

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
    public async Task Ten_thousand_concurrent_charges_against_a_limit_for_777_admit_777()
    {
        await GrantAsync(Alice, storeLimit: Larger);
        var cost = new PrivacyAmount(Limit.Amount.MuSquared / 777, 0);

        var admitted = await CountAdmittedAsync(10_000, i => (i % 2 == 0 ? Ledger : Storage.Other.Ledger).ChargeAsync(Store, Alice, Request(i), Fingerprint(1), cost));

        Assert.Equal(777, admitted);
        Assert.Equal(777 * cost.MuSquared, (await Ledger.ReadAccountAsync(Store, Alice))!.Spent.MuSquared);
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task Ten_thousand_concurrent_charges_of_many_accounts_against_a_store_for_777_admit_777()
    {
        var accounts = Enumerable.Range(0, 25).Select(i => new AccountId($"account-{i}")).ToArray();
        foreach (var account in accounts)
            await GrantAsync(account, Larger);
        var cost = new PrivacyAmount(1, Limit.Amount.Slack / 777);

        var admitted = await CountAdmittedAsync(10_000, i => (i % 2 == 0 ? Ledger : Storage.Other.Ledger).ChargeAsync(Store, accounts[i % accounts.Length], Request(i), Fingerprint(1), cost));

        Assert.Equal(777, admitted);
        Assert.Equal(777, (await Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task One_request_tried_by_many_at_once_is_charged_once()
    {
        await GrantAsync(Alice);
        var cost = new PrivacyAmount(50, 0);

        var decisions = await RaceAsync(64, i => (i % 2 == 0 ? Ledger : Storage.Other.Ledger).ChargeAsync(Store, Alice, Request(1), Fingerprint(1), cost));

        Assert.Single(decisions, new Admitted(cost, cost, false));
        Assert.Equal(63, decisions.Count(decision => decision.Equals(Replay)));
        Assert.Equal(cost, (await Ledger.ReadAccountAsync(Store, Alice))!.Spent);
    }

    [Fact]
    public async Task One_request_id_used_by_many_for_different_things_goes_to_one_of_them()
    {
        await GrantAsync(Alice);

        var decisions = await RaceAsync(64, i =>
            (i % 2 == 0 ? Ledger : Storage.Other.Ledger).ChargeAsync(Store, Alice, Request(1), Fingerprint((byte)i), new PrivacyAmount(100 + i, 0)));

        var admitted = Assert.Single(decisions, decision => decision.IsAdmitted);
        Assert.Equal(63, decisions.Count(decision => decision.Equals(new Refused(RefusalReason.RequestConflict))));
        Assert.Equal(((Admitted)admitted).AccountCost, (await Ledger.ReadAccountAsync(Store, Alice))!.Spent);
    }

    [Fact]
    public async Task A_tier_opened_by_many_at_once_is_paid_for_once()
    {
        var accounts = Enumerable.Range(0, 8).Select(i => new AccountId($"account-{i}")).ToArray();
        foreach (var account in accounts)
            await GrantAsync(account);

        await RaceAsync(64, i => (i % 2 == 0 ? Ledger : Storage.Other.Ledger).OpenAsync(Store, accounts[i % 8], Request(i), Fingerprint(1), Release, i / 8 % 3, Prices));

        foreach (var account in accounts)
        {
            var budget = (await Ledger.ReadAccountAsync(Store, account))!;
            Assert.Equal((9000, 2), (budget.Spent.MuSquared, budget.OpenTiers[Release]));
        }
        Assert.Equal(9000, (await Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task Grants_and_charges_that_race_leave_totals_within_limits()
    {
        await GrantAsync(Alice, storeLimit: Larger);
        var step = new PrivacyAmount(Limit.Amount.MuSquared / 40, 0);

        await RaceAsync(128, i => i % 8 == 0
            ? Ledger.SetLimitAsync(Store, Alice, i % 16 == 0 ? Limit : Larger)
            : Storage.Other.Ledger.ChargeAsync(Store, Alice, Request(i), Fingerprint(1), step));

        var account = (await Ledger.ReadAccountAsync(Store, Alice))!;
        Assert.True(account.Spent.FitsIn(account.Limit));
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

    private async Task GrantAsync(AccountId account, PrivacyLimit? limit = null, PrivacyLimit? storeLimit = null)
    {
        if (await Ledger.ReadStoreAsync(Store) is null)
            await Ledger.CreateStoreAsync(Store, storeLimit ?? Limit);
        Assert.Equal(Free, await Ledger.SetLimitAsync(Store, account, limit ?? Limit));
    }

    private Task<LedgerDecision> ChargeAsync(AccountId account, int request, PrivacyAmount cost) =>
        Ledger.ChargeAsync(Store, account, Request(request), Fingerprint(1), cost);

    private Task<LedgerDecision> OpenAsync(AccountId account, int request, int tier) =>
        Ledger.OpenAsync(Store, account, Request(request), Fingerprint(1), Release, tier, Prices);

    /// <summary>All that can be read of the store, as text.</summary>
    private async Task<string> StateAsync()
    {
        var lines = new List<string> { $"{await Ledger.ReadStoreAsync(Store)}" };
        lines.AddRange((await Ledger.ListEntriesAsync(Store, null, 0, 1000)).Select(entry => $"{entry}"));
        foreach (var account in await Ledger.ListAccountsAsync(Store, null, 1000))
        {
            lines.Add($"{account with { OpenTiers = new Dictionary<ReleaseId, int>() }} {string.Join(",", account.OpenTiers.OrderBy(pair => pair.Key.Value, StringComparer.Ordinal))}");
            lines.AddRange((await Ledger.ListEntriesAsync(Store, account.Account, 0, 1000)).Select(entry => $"{entry}"));
        }
        return string.Join('\n', lines);
    }

    private static async Task<int> CountAdmittedAsync(int count, Func<int, Task<LedgerDecision>> charge) =>
        (await RaceAsync(count, charge)).Count(decision => decision.IsAdmitted);

    /// <summary>Starts from several threads at once and waits for all.</summary>
    private static async Task<LedgerDecision[]> RaceAsync(int count, Func<int, Task<LedgerDecision>> action)
    {
        var tasks = new Task<LedgerDecision>[count];
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => tasks[i] = action(i));
        return await Task.WhenAll(tasks);
    }
}
