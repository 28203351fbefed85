using DpAttn.Privacy;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>What writers who race must leave, whatever database they race on.</summary>
public abstract class LedgerRaceConformance : LedgerConformance
{
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
}
