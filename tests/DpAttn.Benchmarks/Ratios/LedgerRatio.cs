using System.Diagnostics;
using DpAttn.Privacy;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>A charge costs the same however many came before it: 10,000 on a ledger that holds 10,000 against 10,000 on one that holds 100,000 and more.</summary>
internal static class LedgerRatio
{
    private const int Batch = 10_000;
    private const int Before = 100_000;
    private const int Pairs = 11;
    private static readonly AccountId Account = new("account");
    private static readonly PrivacyAmount Most = new(long.MaxValue, long.MaxValue), Cost = new(1, 1);
    private static readonly RequestFingerprint Fingerprint = RequestFingerprint.Of("a query"u8);

    public static void Run()
    {
        // Both sides ask under ids made beforehand. A turn can be taken once, so the warm-up is a pair of its own that is not counted.
        var requests = Enumerable.Range(0, Before + (Pairs + 1) * Batch).Select(i => new RequestId($"request-{i}")).ToArray();
        var full = Make();
        var late = Charge(full, requests, 0, Before);
        var ratios = new List<double>();
        for (var pair = 0; pair <= Pairs; pair++)
        {
            var small = Make();
            Charge(small, requests, 0, Batch);
            var began = Stopwatch.GetTimestamp();
            Charge(small, requests, Batch, Batch);
            var early = Stopwatch.GetElapsedTime(began);
            began = Stopwatch.GetTimestamp();
            late = Charge(full, requests, late, Batch);
            if (pair > 0)
                ratios.Add(Stopwatch.GetElapsedTime(began) / early);
        }
        Console.WriteLine($"  10,000 charges on a ledger of 100,000 and more take {PairedRatio.Median(ratios):F2} times those on one of 10,000 (flat: a larger ledger leaves the caches, no more); {full.Entries.Count} entries at the end");
    }

    private static PrivacyLedger Make()
    {
        var ledger = new PrivacyLedger(Most);
        ledger.SetLimit(Account, Most);
        return ledger;
    }

    private static int Charge(PrivacyLedger ledger, RequestId[] requests, int first, int count)
    {
        for (var i = first; i < first + count; i++)
        {
            if (!ledger.Charge(Account, requests[i], Fingerprint, Cost).IsAdmitted)
                throw new InvalidOperationException("a charge within its limits was refused");
        }
        return first + count;
    }
}
