using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>What opening a tier must do, whatever database it stands on.</summary>
public abstract class LedgerTierConformance : LedgerConformance
{
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
}
