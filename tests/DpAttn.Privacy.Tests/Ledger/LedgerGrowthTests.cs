using static DpAttn.Privacy.Tests.Ledgers;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// A charge costs the same however many came before it. Counted, not timed: what 100 charges allocate, and how often a price is looked at
/// (the benchmark project times it).
/// </summary>
public class LedgerGrowthTests
{
    private const int Charges = 100_000;
    private const int Window = 100;

    [Fact]
    public void The_hundred_thousandth_charge_allocates_what_the_first_does()
    {
        var ledger = Make(Amount(long.MaxValue, long.MaxValue), Amount(long.MaxValue, long.MaxValue));
        var requests = Enumerable.Range(0, Charges).Select(Request).ToArray();
        var fingerprint = Fingerprint(1);
        var allocated = new List<long>();
        for (var i = 0; i < Charges; i += Window)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var j = i; j < i + Window; j++)
                Assert.True(ledger.Charge(Ann, requests[j], fingerprint, Amount(1, 1)).IsAdmitted);
            allocated.Add(GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(Amount(Charges, Charges), ledger.Spent(Ann));
        // The middle of a hundred windows: the few in which a table doubles its size do not count here, but in the total.
        long early = Median(allocated.Skip(10).Take(100)), late = Median(allocated.TakeLast(100));
        Assert.InRange(late, early * 0.99, early * 1.01);
        Assert.True(allocated.Sum() < 8L * early * (Charges / Window));
    }

    [Fact]
    public void Opening_looks_at_no_more_prices_after_a_hundred_thousand_entries()
    {
        var ledger = Make(Amount(long.MaxValue, long.MaxValue), Amount(long.MaxValue, long.MaxValue));
        var counted = new CountedPrices();
        var id = new ReleaseId("counted");
        ledger.AddRelease(id, counted);
        var fresh = counted.Asked;
        ledger.Open(Ann, new RequestId("first"), Fingerprint(1), id, 0);
        var early = counted.Asked - fresh;
        for (var i = 0; i < Charges; i++)
            ledger.Charge(Ann, Request(i), Fingerprint(1), Amount(1, 1));
        var before = counted.Asked;
        ledger.Open(Bob, new RequestId("last"), Fingerprint(1), id, 0);
        Assert.InRange(counted.Asked - before, 1, early);
    }

    private static long Median(IEnumerable<long> values) => values.Order().ElementAt(50);

    private sealed class CountedPrices : ITierCosts
    {
        public int Asked { get; private set; }

        public int TierCount => 2;

        public PrivacyAmount Open(int tier)
        {
            Asked++;
            return Ladder.Open(tier);
        }

        public PrivacyAmount Upgrade(int from, int to)
        {
            Asked++;
            return Ladder.Upgrade(from, to);
        }
    }
}
