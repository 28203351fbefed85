using DpAttn.Privacy;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>What limits and the closing of books must do, whatever database they stand on.</summary>
public abstract class LedgerLimitConformance : LedgerConformance
{
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
}
