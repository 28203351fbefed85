using System.Diagnostics;
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
        RunSqlite();
        PostgresCommitRatio.Run();
    }

    private static void RunSqlite()
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
        var ledger = new LedgerLoop(storage.Ledger, Writers);
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

    private static void Burst(Func<int, int, Task> charge) => LedgerLoop.Burst(Writers, ChargesOfOne, charge);
}
