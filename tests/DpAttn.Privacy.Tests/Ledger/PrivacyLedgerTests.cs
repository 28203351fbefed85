using static DpAttn.Privacy.Tests.Ledgers;

namespace DpAttn.Privacy.Tests;

public class PrivacyLedgerTests
{
    private static readonly PrivacyAmount Plenty = Amount(1_000_000, 1_000_000);

    [Fact]
    public void A_charge_that_fits_both_limits_is_admitted_and_counted_on_both_levels()
    {
        var ledger = Make(Plenty, Plenty);
        Assert.Equal(new LedgerDecision.Admitted(Amount(5, 1), Amount(5, 1), IsReplay: false), ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(5, 1)));
        Assert.Equal(new LedgerDecision.Admitted(Amount(7, 2), Amount(7, 2), IsReplay: false), ledger.Charge(Bob, Request(1), Fingerprint(1), Amount(7, 2)));
        Assert.Equal(Amount(5, 1), ledger.Spent(Ann));
        Assert.Equal(Amount(7, 2), ledger.Spent(Bob));
        Assert.Equal(Amount(12, 3), ledger.StoreSpent);
    }

    /// <summary>Every reason, each with a ledger in which it arises, and everything that can be asked before and after.</summary>
    [Fact]
    public void A_refused_charge_costs_nothing_and_changes_nothing_whatever_the_reason()
    {
        (RefusalReason Reason, Func<PrivacyLedger, LedgerDecision> Ask)[] cases =
        [
            (RefusalReason.UnknownAccount, ledger => ledger.Charge(Nobody, Request(9), Fingerprint(9), Amount(1))),
            (RefusalReason.UnknownAccount, ledger => ledger.Open(Nobody, Request(9), Fingerprint(9), Release, 0)),
            (RefusalReason.UnknownTier, ledger => ledger.Open(Ann, Request(9), Fingerprint(9), new ReleaseId("unheard-of"), 0)),
            (RefusalReason.UnknownTier, ledger => ledger.Open(Ann, Request(9), Fingerprint(9), Release, 3)),
            (RefusalReason.UnknownTier, ledger => ledger.Open(Ann, Request(9), Fingerprint(9), Release, -1)),
            (RefusalReason.RequestConflict, ledger => ledger.Charge(Ann, Request(1), Fingerprint(9), Amount(1))),
            (RefusalReason.RequestConflict, ledger => ledger.Open(Ann, Request(1), Fingerprint(9), Release, 2)),
            (RefusalReason.AccountLimit, ledger => ledger.Charge(Ann, Request(9), Fingerprint(9), Amount(901))),
            (RefusalReason.AccountLimit, ledger => ledger.Charge(Ann, Request(9), Fingerprint(9), Amount(1, 1000))),
            (RefusalReason.StoreLimit, ledger => ledger.Charge(Bob, Request(9), Fingerprint(9), Amount(900))),
            (RefusalReason.StoreLimit, ledger => ledger.Charge(Bob, Request(9), Fingerprint(9), Amount(1, 998))),
            (RefusalReason.LimitBelowSpent, ledger => ledger.SetLimit(Ann, Amount(99, 1000))),
            (RefusalReason.LimitBelowSpent, ledger => ledger.SetLimit(Ann, Amount(1000, 0))),
            (RefusalReason.LimitBelowSpent, ledger => ledger.SetStoreLimit(Amount(149, 1000))),
            (RefusalReason.LimitBelowSpent, ledger => ledger.SetStoreLimit(Amount(1000, 2))),
        ];
        foreach (var (reason, ask) in cases)
        {
            var ledger = Make(Amount(1000, 1000), Amount(1000, 1000));
            Assert.True(ledger.Open(Ann, Request(1), Fingerprint(1), Release, 0).IsAdmitted);
            Assert.True(ledger.Charge(Bob, Request(1), Fingerprint(1), Amount(50, 2)).IsAdmitted);
            var before = State(ledger);
            var refused = Assert.IsType<LedgerDecision.Refused>(ask(ledger));
            Assert.Equal(reason, refused.Reason);
            Assert.False(refused.IsAdmitted);
            Assert.Equal(before, State(ledger));
            // The request id is free: what fits may be asked for under it.
            Assert.True(ledger.Charge(Ann, Request(9), Fingerprint(8), Amount(1, 1)).IsAdmitted);
        }
        Assert.Equal(Enum.GetValues<RefusalReason>(), cases.Select(c => c.Reason).Distinct().Order());
    }

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(1, 0, false)]
    [InlineData(0, 1, false)]
    public void A_limit_is_exact_to_the_last_unit_of_both_parts(long muOver, long slackOver, bool admitted)
    {
        foreach (var (store, account) in new[] { (Amount(100, 20), Plenty), (Plenty, Amount(100, 20)) })
        {
            var ledger = Make(store, account);
            Assert.True(ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(60, 5)).IsAdmitted);
            Assert.Equal(admitted, ledger.Charge(Ann, Request(2), Fingerprint(2), Amount(40 + muOver, 15 + slackOver)).IsAdmitted);
        }
    }

    [Fact]
    public void A_refusal_by_the_users_own_limit_says_what_is_left_and_raising_the_limit_by_what_is_missing_admits_it()
    {
        var ledger = Make(Plenty, Amount(100, 20));
        ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(60, 5));
        var refused = Assert.IsType<LedgerDecision.Refused>(ledger.Charge(Ann, Request(2), Fingerprint(2), Amount(70, 40)));
        Assert.Equal(new LedgerDecision.Refused(RefusalReason.AccountLimit, Amount(70, 40), Amount(40, 15), Amount(30, 25)), refused);
        ledger.SetLimit(Ann, Amount(100, 20) + refused.ShortBy!.Value - Amount(1));
        Assert.False(ledger.Charge(Ann, Request(2), Fingerprint(2), Amount(70, 40)).IsAdmitted);
        ledger.SetLimit(Ann, Amount(100, 20) + refused.ShortBy.Value);
        Assert.True(ledger.Charge(Ann, Request(2), Fingerprint(2), Amount(70, 40)).IsAdmitted);
        Assert.Equal(ledger.Limit(Ann), ledger.Spent(Ann));
    }

    [Fact]
    public void A_refusal_by_the_slack_alone_says_so()
    {
        var ledger = Make(Plenty, Amount(100, 20));
        Assert.Equal(
            new LedgerDecision.Refused(RefusalReason.AccountLimit, Amount(50, 21), Amount(100, 20), Amount(0, 1)),
            ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(50, 21)));
    }

    [Fact]
    public void A_refusal_by_the_stores_limit_carries_no_amounts_and_the_users_own_limit_speaks_first()
    {
        var ledger = Make(Amount(100, 100), Amount(500, 500));
        ledger.Charge(Bob, Request(1), Fingerprint(1), Amount(90, 1));
        Assert.Equal(new LedgerDecision.Refused(RefusalReason.StoreLimit, null, null, null), ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(11, 1)));
        // Beyond both: what is said is what Ann knows anyway.
        Assert.Equal(
            new LedgerDecision.Refused(RefusalReason.AccountLimit, Amount(501, 1), Amount(500, 500), Amount(1, 0)),
            ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(501, 1)));
        Assert.True(ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(10, 1)).IsAdmitted);
    }

    [Fact]
    public void An_upgrade_is_charged_the_difference_and_what_is_open_is_free()
    {
        var ledger = Make(Plenty, Plenty);
        Assert.Equal(new LedgerDecision.Admitted(Amount(100, 1), Amount(100, 1), false), ledger.Open(Ann, Request(1), Fingerprint(1), Release, 0));
        Assert.Equal(new LedgerDecision.Admitted(Amount(600, 12), Amount(600, 12), false), ledger.Open(Ann, Request(2), Fingerprint(2), Release, 2));
        Assert.Equal(Amount(700, 13), ledger.Spent(Ann));
        Assert.Equal(2, ledger.OpenTier(Ann, Release));
        foreach (var tier in new[] { 0, 1, 2 })
            Assert.Equal(new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, false), ledger.Open(Ann, Request(10 + tier), Fingerprint(10 + tier), Release, tier));
        Assert.Equal(Amount(700, 13), ledger.Spent(Ann));
        Assert.Equal(2, ledger.OpenTier(Ann, Release));
        // Another release is another ladder.
        Assert.Null(ledger.OpenTier(Ann, Other));
        Assert.Equal(new LedgerDecision.Admitted(Amount(250, 2), Amount(250, 2), false), ledger.Open(Ann, Request(20), Fingerprint(20), Other, 1));
    }

    /// <summary>Users who pool what they hold learn no more than the best tier that any of them opened.</summary>
    [Fact]
    public void The_stores_total_is_the_best_tier_opened_by_anybody_and_all_charges()
    {
        var ledger = Make(Plenty, Plenty);
        ledger.Open(Ann, Request(1), Fingerprint(1), Release, 1);
        Assert.Equal(new LedgerDecision.Admitted(Amount(100, 1), PrivacyAmount.Zero, false), ledger.Open(Bob, Request(1), Fingerprint(1), Release, 0));
        Assert.Equal(Amount(250, 2), ledger.StoreSpent);
        // Bob's own way from tier 0 costs him 600; the store, which stands at Ann's tier 1, rises by 450.
        Assert.Equal(new LedgerDecision.Admitted(Amount(600, 12), Amount(450, 22), false), ledger.Open(Bob, Request(2), Fingerprint(2), Release, 2));
        Assert.Equal(Amount(700, 24), ledger.StoreSpent);
        // Ann catches up: she pays, the store has paid.
        Assert.Equal(new LedgerDecision.Admitted(Amount(450, 22), PrivacyAmount.Zero, false), ledger.Open(Ann, Request(2), Fingerprint(2), Release, 2));
        Assert.Equal(Amount(700, 24), ledger.StoreSpent);
        ledger.Charge(Ann, Request(3), Fingerprint(3), Amount(5, 1));
        ledger.Charge(Bob, Request(3), Fingerprint(3), Amount(6, 1));
        Assert.Equal(Amount(711, 26), ledger.StoreSpent);
        Assert.Equal(Amount(705, 25), ledger.Spent(Ann));
        Assert.Equal(Amount(706, 14), ledger.Spent(Bob));
    }

    [Fact]
    public void A_full_store_still_opens_what_somebody_has_opened()
    {
        var ledger = Make(Amount(250, 100), Plenty);
        ledger.Open(Ann, Request(1), Fingerprint(1), Release, 1);
        Assert.True(ledger.Open(Bob, Request(1), Fingerprint(1), Release, 1).IsAdmitted);
        Assert.Equal(RefusalReason.StoreLimit, Assert.IsType<LedgerDecision.Refused>(ledger.Open(Bob, Request(2), Fingerprint(2), Release, 2)).Reason);
        Assert.Equal(1, ledger.OpenTier(Bob, Release));
    }

    [Fact]
    public void A_request_is_charged_once_whoever_repeats_it_and_even_when_nothing_is_left()
    {
        var ledger = Make(Plenty, Amount(100, 10));
        var replay = new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: true);
        ledger.SetLimit(Bob, Plenty);
        ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(100, 10));
        var before = State(ledger);
        Assert.Equal(replay, ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(100, 10)));
        Assert.Equal(replay, ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(1)));
        Assert.Equal(replay, ledger.Open(Ann, Request(1), Fingerprint(1), Release, 0));
        Assert.Equal(before, State(ledger));
        // An id belongs to its account.
        Assert.False(Assert.IsType<LedgerDecision.Admitted>(ledger.Charge(Bob, Request(1), Fingerprint(2), Amount(1))).IsReplay);
        // Openings are replayed alike, also when they were free.
        ledger.Open(Bob, Request(2), Fingerprint(3), Release, 0);
        Assert.False(ledger.Open(Bob, Request(3), Fingerprint(4), Release, 0) is LedgerDecision.Admitted { IsReplay: true });
        Assert.Equal(replay, ledger.Open(Bob, Request(2), Fingerprint(3), Release, 0));
        Assert.Equal(replay, ledger.Open(Bob, Request(3), Fingerprint(4), Release, 0));
    }

    [Fact]
    public void A_limit_may_be_set_down_to_what_is_spent_and_not_below()
    {
        var ledger = Make(Plenty, Plenty);
        ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(60, 5));
        Assert.Equal(new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, Amount(59, 5), Amount(60, 5)), ledger.SetLimit(Ann, Amount(59, 5)));
        Assert.True(ledger.SetLimit(Ann, Amount(60, 5)).IsAdmitted);
        Assert.True(ledger.SetStoreLimit(Amount(60, 5)).IsAdmitted);
        Assert.Equal(Amount(60, 5), ledger.StoreLimit);
        Assert.False(ledger.Charge(Ann, Request(2), Fingerprint(2), Amount(1)).IsAdmitted);
        Assert.Equal(PrivacyAmount.Zero, ledger.Spent(Nobody));
        Assert.Null(ledger.Limit(Nobody));
        Assert.True(ledger.SetLimit(Nobody, PrivacyAmount.Zero).IsAdmitted);
        Assert.Equal(PrivacyAmount.Zero, ledger.Limit(Nobody));
    }

    [Fact]
    public void Sums_beyond_64_bits_are_refused_and_never_wrap()
    {
        var most = Amount(long.MaxValue, long.MaxValue);
        var ledger = Make(most, most);
        Assert.True(ledger.Charge(Ann, Request(1), Fingerprint(1), Amount(long.MaxValue - 1, long.MaxValue)).IsAdmitted);
        Assert.Equal(
            new LedgerDecision.Refused(RefusalReason.AccountLimit, most, Amount(1, 0), Amount(long.MaxValue - 1, long.MaxValue)),
            ledger.Charge(Ann, Request(2), Fingerprint(2), most));
        Assert.Equal(RefusalReason.StoreLimit, Assert.IsType<LedgerDecision.Refused>(ledger.Charge(Bob, Request(2), Fingerprint(2), most)).Reason);
        Assert.True(ledger.Charge(Bob, Request(2), Fingerprint(2), Amount(1)).IsAdmitted);
        Assert.Equal(most, ledger.StoreSpent);
        // A shortfall beyond 64 bits is said as the largest number.
        var full = new AccountView(PrivacyAmount.Zero, PrivacyAmount.Zero, null, null) { Spent = most };
        var refused = Assert.IsType<LedgerDecision.Refused>(LedgerRules.DecideCharge(full, new StoreView(most, PrivacyAmount.Zero, null), Fingerprint(1), most));
        Assert.Equal(most, refused.ShortBy);
    }

    [Fact]
    public void A_charge_is_never_a_refund()
    {
        var ledger = Make(Plenty, Plenty);
        foreach (var bad in new[] { PrivacyAmount.Zero, Amount(0, 5), Amount(-1, 0), Amount(5, -1), Amount(long.MinValue, 0) })
            Assert.Throws<ArgumentOutOfRangeException>(() => ledger.Charge(Ann, Request(1), Fingerprint(1), bad));
        foreach (var bad in new[] { Amount(-1, 0), Amount(0, -1) })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => ledger.SetLimit(Ann, bad));
            Assert.Throws<ArgumentOutOfRangeException>(() => ledger.SetStoreLimit(bad));
            Assert.Throws<ArgumentOutOfRangeException>(() => new PrivacyLedger(bad));
        }
    }

    [Fact]
    public void A_release_that_is_not_priced_as_a_rising_ladder_is_refused()
    {
        var ledger = Make(Plenty, Plenty);
        var id = new ReleaseId("release-3");
        foreach (var bad in new[] { new Prices([]), new Prices([0]), new Prices([-1, 5]), new Prices([5, 5]), new Prices([7, 5]), new Prices([1, 9, 4]) })
            Assert.Throws<ArgumentException>(() => ledger.AddRelease(id, bad));
        foreach (var fault in new[] { Amount(149, 12), Amount(151, 12), Amount(150, -1) })
            Assert.Throws<ArgumentException>(() => ledger.AddRelease(id, new Mispriced(Upgraded: fault)));
        Assert.Throws<ArgumentException>(() => ledger.AddRelease(id, new Mispriced(Opened: Amount(250, -1))));
        Assert.Throws<ArgumentNullException>(() => ledger.AddRelease(id, null!));
        Assert.Throws<ArgumentException>(() => ledger.AddRelease(Release, Ladder));
        Assert.Equal(RefusalReason.UnknownTier, Assert.IsType<LedgerDecision.Refused>(ledger.Open(Ann, Request(1), Fingerprint(1), id, 0)).Reason);
        ledger.AddRelease(id, new Mispriced());
        Assert.True(ledger.Open(Ann, Request(1), Fingerprint(1), id, 1).IsAdmitted);
    }

    [Fact]
    public void Prices_that_turn_into_refunds_later_are_not_charged()
    {
        var view = new AccountView(Plenty, Amount(50, 50), 0, null);
        var store = new StoreView(Plenty, Amount(50, 50), 0);
        foreach (var refund in new[] { Amount(-1, 0), Amount(1, -1) })
            Assert.Throws<InvalidOperationException>(() => LedgerRules.DecideOpen(view, store, Fingerprint(1), new Mispriced(Upgraded: refund), 1));
        Assert.Throws<ArgumentNullException>(() => LedgerRules.DecideOpen(view, store, Fingerprint(1), null!, 1));
        Assert.Throws<ArgumentNullException>(() => LedgerRules.CostFrom(null, 1, null!));
    }

    [Fact]
    public void What_was_never_stated_is_no_id()
    {
        var ledger = Make(Plenty, Plenty);
        var before = State(ledger);
        foreach (var ask in new Action[]
        {
            () => ledger.SetLimit(default, Plenty),
            () => ledger.AddRelease(default, Ladder),
            () => ledger.Charge(default, Request(1), Fingerprint(1), Amount(1)),
            () => ledger.Charge(Ann, default, Fingerprint(1), Amount(1)),
            () => ledger.Charge(Ann, Request(1), default, Amount(1)),
            () => ledger.Open(default, Request(1), Fingerprint(1), Release, 0),
            () => ledger.Open(Ann, default, Fingerprint(1), Release, 0),
            () => ledger.Open(Ann, Request(1), default, Release, 0),
            () => ledger.Open(Ann, Request(1), Fingerprint(1), default, 0),
        })
        {
            Assert.Contains("never stated", Assert.Throws<ArgumentException>(ask).Message);
            Assert.Equal(before, State(ledger));
        }
    }

    [Fact]
    public void A_calibrated_ladder_of_noise_is_opened_to_the_last_unit_of_its_limit()
    {
        var delta = new Delta(1e-6);
        var ladder = NoiseLadder.Calibrate(System.Numerics.BigInteger.One << 35, 36_465, [new Epsilon(0.25), new Epsilon(0.5), new Epsilon(1)], delta);
        var limit = new PrivacyLimit(new Epsilon(1), delta);
        var ledger = new PrivacyLedger(limit.Amount);
        ledger.AddRelease(Release, ladder);
        ledger.SetLimit(Ann, limit.Amount);
        for (var tier = 0; tier < 3; tier++)
            Assert.True(ledger.Open(Ann, Request(tier), Fingerprint(tier), Release, tier).IsAdmitted);
        Assert.Equal(limit.Amount.MuSquared, ledger.Spent(Ann).MuSquared);
        Assert.Equal(RefusalReason.AccountLimit, Assert.IsType<LedgerDecision.Refused>(ledger.Charge(Ann, Request(9), Fingerprint(9), Amount(1))).Reason);
        Assert.InRange(PrivacyLimit.ToEpsilon(ledger.Spent(Ann), delta).Value, 1 - 1e-9, 1 + 1e-9);
    }

    private sealed record Mispriced(PrivacyAmount? Opened = null, PrivacyAmount? Upgraded = null) : ITierCosts
    {
        public int TierCount => 2;

        public PrivacyAmount Open(int tier) => tier == 0 ? Amount(100, 1) : Opened ?? Amount(250, 2);

        public PrivacyAmount Upgrade(int from, int to) => Upgraded ?? Amount(150, 12);
    }
}
