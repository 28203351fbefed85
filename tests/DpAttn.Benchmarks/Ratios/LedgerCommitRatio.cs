using System.Diagnostics;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>
/// Charges of 32 writers through the ledger against 32 writers of a bare group-commit loop on the same file. Two bare loops: one writes what a charge has to leave
/// behind (an entry under two unique keys, two totals), the other the least that can be called a charge (a row without keys, one total). Burst by burst, in turn.
/// </summary>
internal static class LedgerCommitRatio
{
    private const int Writers = 32;
    private const int ChargesOfOne = 250;

    public static void Run()
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-ledger-").FullName;
        try
        {
            Compare(directory);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Compare(string directory)
    {
        using var storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = directory });
        var file = Path.Combine(directory, SqliteStorage.FileName);
        var ledger = new LedgerLoop(storage.Ledger);
        using (var keyed = new BareCommitLoop(file, Writers, isKeyed: true))
        {
            var ratio = PairedRatio.Run(
                $"bare loop, entry with its keys, {Writers} x {ChargesOfOne}", () => Burst(keyed.ChargeAsync),
                $"IBudgetLedger.ChargeAsync, {Writers} x {ChargesOfOne}", () => Burst(ledger.ChargeAsync));
            Console.WriteLine($"  the ledger reaches {100 * ratio:F0} % of the bare loop (at least 50 % wanted)");
        }
        using (var least = new BareCommitLoop(file, Writers, isKeyed: false))
        {
            var ratio = PairedRatio.Run(
                $"bare loop, row without keys, {Writers} x {ChargesOfOne}", () => Burst(least.ChargeAsync),
                $"IBudgetLedger.ChargeAsync, {Writers} x {ChargesOfOne}", () => Burst(ledger.ChargeAsync));
            Console.WriteLine($"  the ledger reaches {100 * ratio:F0} % of the loop that keeps no keys");
        }
        var alone = Stopwatch.GetTimestamp();
        for (var i = 0; i < 200; i++)
            ledger.ChargeAsync(0, 1_000_000 + i).GetAwaiter().GetResult();
        Console.WriteLine($"  one writer alone: {Stopwatch.GetElapsedTime(alone).TotalMilliseconds / 200:F3} ms a charge");
    }

    private static void Burst(Func<int, int, Task> charge) => Task.WaitAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
    {
        for (var i = 0; i < ChargesOfOne; i++)
            await charge(writer, i);
    })));

    private sealed class LedgerLoop
    {
        private readonly IBudgetLedger _ledger;
        private readonly StoreId _store = new("store");
        private readonly AccountId[] _accounts = [.. Enumerable.Range(0, Writers).Select(i => new AccountId($"account{i}"))];
        private long _requests;

        public LedgerLoop(IBudgetLedger ledger)
        {
            _ledger = ledger;
            var limit = new PrivacyLimit(new Epsilon(8), new Delta(1e-6));
            ledger.CreateStoreAsync(_store, limit).GetAwaiter().GetResult();
            foreach (var account in _accounts)
                ledger.SetLimitAsync(_store, account, limit).GetAwaiter().GetResult();
        }

        public async Task ChargeAsync(int writer, int charge)
        {
            var request = new RequestId($"request{Interlocked.Increment(ref _requests)}");
            var decision = await _ledger.ChargeAsync(_store, _accounts[writer], request, RequestFingerprint.Of(BitConverter.GetBytes(charge)), new PrivacyAmount(1, 0));
            if (!decision.IsAdmitted)
                throw new InvalidOperationException("a charge within its limit was refused");
        }
    }
}
