using DpAttn.Privacy;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>What a charge must do, whatever database it stands on.</summary>
public abstract class LedgerChargeConformance : LedgerConformance
{
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
}
