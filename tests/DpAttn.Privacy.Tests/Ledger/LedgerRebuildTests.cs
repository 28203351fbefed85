using static DpAttn.Privacy.Tests.Ledgers;

namespace DpAttn.Privacy.Tests;

public class LedgerRebuildTests
{
    private static readonly PrivacyAmount Most = Amount(1000, 1000);

    /// <summary>A ledger with every kind of entry: 1-5 limits, 6-11 openings, upgrades, a free opening and charges, 12-13 limits again.</summary>
    private static PrivacyLedger Sample()
    {
        var ledger = new PrivacyLedger(Amount(2000, 2000));
        ledger.AddRelease(Release, Ladder);
        ledger.AddRelease(Other, Ladder);
        ledger.SetLimit(Ann, Amount(10, 10));
        ledger.SetLimit(Ann, Most);
        ledger.SetLimit(Bob, Most);
        ledger.SetStoreLimit(Most);
        ledger.Open(Ann, Request(1), Fingerprint(1), Release, 0);
        ledger.Open(Bob, Request(1), Fingerprint(1), Release, 1);
        ledger.Open(Ann, Request(2), Fingerprint(2), Release, 1);
        ledger.Open(Ann, Request(3), Fingerprint(3), Release, 0);
        ledger.Charge(Ann, Request(4), Fingerprint(4), Amount(30, 3));
        ledger.Open(Bob, Request(4), Fingerprint(4), Other, 0);
        ledger.SetLimit(Ann, Amount(400, 400));
        ledger.SetStoreLimit(Amount(500, 500));
        return ledger;
    }

    [Fact]
    public void The_entries_lead_to_the_same_state_and_the_same_decisions()
    {
        var live = Sample();
        Assert.Equal(13, live.Entries.Count);
        var rebuilt = PrivacyLedger.Rebuild(live.Entries.Select(entry => entry with { }));
        rebuilt.AddRelease(Release, Ladder);
        rebuilt.AddRelease(Other, Ladder);
        Assert.Equal(State(live), State(rebuilt));
        foreach (var ledger in new[] { live, rebuilt })
        {
            Assert.Equal(new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, true), ledger.Charge(Ann, Request(4), Fingerprint(4), Amount(30, 3)));
            Assert.Equal(RefusalReason.RequestConflict, Assert.IsType<LedgerDecision.Refused>(ledger.Charge(Ann, Request(4), Fingerprint(5), Amount(30, 3))).Reason);
            Assert.True(ledger.Open(Ann, Request(5), Fingerprint(5), Other, 0).IsAdmitted);
        }
        Assert.Equal(State(live), State(rebuilt));
    }

    [Fact]
    public void Every_prefix_of_the_entries_is_a_ledger_too()
    {
        var entries = Sample().Entries;
        for (var length = 1; length <= entries.Count; length++)
            Assert.Equal(length, PrivacyLedger.Rebuild(entries.Take(length)).Entries.Count);
        Assert.Throws<InvalidDataException>(() => PrivacyLedger.Rebuild([]));
        Assert.Throws<ArgumentNullException>(() => PrivacyLedger.Rebuild(null!));
    }

    [Fact]
    public void An_entry_that_is_missing_doubled_or_out_of_order_is_refused()
    {
        var entries = Sample().Entries;
        for (var i = 0; i < entries.Count - 1; i++)
        {
            Refused([.. entries.Take(i), .. entries.Skip(i + 1)]);
            Refused([.. entries.Take(i + 1), entries[i], .. entries.Skip(i + 1)]);
            Refused([.. entries.Take(i), entries[i + 1], entries[i], .. entries.Skip(i + 2)]);
            // Renumbered too, where the order matters to what the entries say: a charge twice, the store's limit gone from the front.
            if (entries[i].Request is not null)
                Refused(Renumber([.. entries.Take(i + 1), entries[i], .. entries.Skip(i + 1)]));
        }
        Refused(Renumber([.. entries.Skip(1)]));
        // Ann's grants are gone: entry 6 charges an account that was never granted.
        Refused(Renumber([.. entries.Where(entry => entry.Kind != LedgerEntryKind.AccountLimit)]));
    }

    [Fact]
    public void An_entry_that_no_ledger_could_have_written_is_refused()
    {
        (int At, string What, Func<LedgerEntry, LedgerEntry> Change)[] tampered =
        [
            (1, "a store's limit with an account", e => e with { Account = Ann }),
            (1, "a store's limit that charges an account", e => e with { AccountAmount = Amount(1) }),
            (1, "a negative limit", e => e with { StoreAmount = Amount(-1, 5) }),
            (1, "a limit with a request", e => e with { Request = Request(1) }),
            (1, "a limit with a fingerprint", e => e with { Fingerprint = Fingerprint(1) }),
            (1, "a limit of a release", e => e with { Release = Release }),
            (1, "a limit of a tier", e => e with { Tier = 0 }),
            (1, "an account's limit first", e => e with { Kind = LedgerEntryKind.AccountLimit, Account = Ann, StoreAmount = PrivacyAmount.Zero }),
            (2, "a limit of nobody", e => e with { Account = null }),
            (2, "a limit of an account never named", e => e with { Account = default(AccountId) }),
            (2, "an account's limit that changes the store's total", e => e with { StoreAmount = Amount(1) }),
            (2, "a negative slack", e => e with { AccountAmount = Amount(5, -1) }),
            (3, "a grant too small for what follows", e => e with { AccountAmount = Amount(100, 100) }),
            (4, "a grant to another account", e => e with { Account = Nobody }),
            (5, "a store's limit too small for what follows", e => e with { StoreAmount = Amount(200, 200) }),
            (6, "an opening without an account", e => e with { Account = null }),
            (6, "an opening without a request", e => e with { Request = null }),
            (6, "an opening with a request never named", e => e with { Request = default(RequestId) }),
            (6, "an opening without a fingerprint", e => e with { Fingerprint = default }),
            (6, "an opening of nothing", e => e with { Release = null }),
            (6, "an opening of a release never named", e => e with { Release = default(ReleaseId) }),
            (6, "an opening of no tier", e => e with { Tier = null }),
            (6, "an opening of a tier below the first", e => e with { Tier = -1 }),
            (6, "an opening for free", e => e with { AccountAmount = PrivacyAmount.Zero, StoreAmount = PrivacyAmount.Zero }),
            (6, "an opening that only the user pays", e => e with { StoreAmount = PrivacyAmount.Zero }),
            (6, "an opening that only the store pays", e => e with { AccountAmount = PrivacyAmount.Zero }),
            (6, "an opening that costs the two levels different amounts", e => e with { StoreAmount = Amount(99, 1) }),
            (6, "a refund", e => e with { AccountAmount = Amount(-100, 1), StoreAmount = Amount(-100, 1) }),
            (6, "a refund of slack", e => e with { AccountAmount = Amount(100, -1), StoreAmount = Amount(100, -1) }),
            (6, "an opening beyond the user's limit", e => e with { AccountAmount = Amount(1001, 1) }),
            (6, "an opening beyond the store's limit", e => e with { StoreAmount = Amount(1001, 1) }),
            (6, "an amount that would wrap", e => e with { AccountAmount = Amount(long.MaxValue, long.MaxValue), StoreAmount = Amount(long.MaxValue, long.MaxValue) }),
            (6, "a kind that does not exist", e => e with { Kind = (LedgerEntryKind)99 }),
            (7, "an upgrade of the store for free", e => e with { StoreAmount = PrivacyAmount.Zero }),
            (8, "an upgrade of the user for free", e => e with { AccountAmount = PrivacyAmount.Zero }),
            (8, "a request used twice", e => e with { Request = Request(1) }),
            (8, "a store that pays for what it holds", e => e with { StoreAmount = Amount(150, 11) }),
            (9, "a charge for what is open", e => e with { AccountAmount = Amount(1) }),
            (10, "a charge of nothing", e => e with { AccountAmount = Amount(0, 3), StoreAmount = Amount(0, 3) }),
            (10, "a charge that refunds slack", e => e with { AccountAmount = Amount(30, -3), StoreAmount = Amount(30, -3) }),
            (10, "a charge that costs the two levels different amounts", e => e with { StoreAmount = Amount(29, 3) }),
            (10, "a charge with a release", e => e with { Release = Release }),
            (10, "a charge with a tier", e => e with { Tier = 1 }),
            (10, "a charge to an account never granted", e => e with { Account = Nobody }),
            (12, "a limit below what is spent", e => e with { AccountAmount = Amount(279, 400) }),
            (13, "a store's limit below what is spent", e => e with { StoreAmount = Amount(379, 500) }),
        ];
        var entries = Sample().Entries;
        foreach (var (at, what, change) in tampered)
        {
            var changed = entries.Select(entry => entry.Sequence == at ? change(entry) : entry).ToArray();
            Assert.False(changed.SequenceEqual(entries), what);
            Assert.True(IsRefused(changed), what);
        }
        // The numbers just inside are not refused: the checks are as wide as the rules.
        Assert.False(IsRefused([.. entries.Select(entry => entry.Sequence == 12 ? entry with { AccountAmount = Amount(280, 15) } : entry)]));
        Assert.False(IsRefused([.. entries.Select(entry => entry.Sequence == 13 ? entry with { StoreAmount = Amount(380, 16) } : entry)]));
    }

    [Fact]
    public void A_refusal_names_the_entry_and_no_account()
    {
        var entries = Sample().Entries.Select(entry => entry.Sequence == 10 ? entry with { Account = Nobody } : entry);
        var message = Assert.Throws<InvalidDataException>(() => PrivacyLedger.Rebuild(entries)).Message;
        Assert.Contains("entry 10", message);
        Assert.DoesNotContain("nobody", message);
    }

    [Fact]
    public void A_release_with_fewer_tiers_than_were_opened_is_not_that_release()
    {
        var rebuilt = PrivacyLedger.Rebuild(Sample().Entries);
        Assert.Throws<ArgumentException>(() => rebuilt.AddRelease(Release, new Prices([100])));
        rebuilt.AddRelease(Release, new Prices([100, 250]));
    }

    private static LedgerEntry[] Renumber(LedgerEntry[] entries) => [.. entries.Select((entry, i) => entry with { Sequence = i + 1 })];

    private static void Refused(IEnumerable<LedgerEntry> entries) => Assert.True(IsRefused(entries));

    private static bool IsRefused(IEnumerable<LedgerEntry> entries)
    {
        try
        {
            PrivacyLedger.Rebuild(entries);
            return false;
        }
        catch (InvalidDataException)
        {
            return true;
        }
    }
}
