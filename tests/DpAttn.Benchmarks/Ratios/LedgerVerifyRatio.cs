using System.Diagnostics;
using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Data.Sqlite;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>
/// The verification of a whole ledger, as after every start, against a pass that only reads the same columns of the same file: 200,000 entries in 16 accounts,
/// with a witness. What it allocates and keeps shows that it does not grow with the entries.
/// </summary>
internal static class LedgerVerifyRatio
{
    private const int Accounts = 16;
    private const int Entries = 200_000;
    private const int AtOnce = 1024;

    public static void Run()
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-verify-").FullName;
        try
        {
            RunAsync(directory).GetAwaiter().GetResult();
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task RunAsync(string directory)
    {
        var data = Path.Combine(directory, "data");
        var store = new StoreId("store");
        await using var storage = await SqliteStorage.OpenAsync(new SqliteStorageOptions { Directory = data, WitnessDirectory = Path.Combine(directory, "witness") });
        await storage.Guard.StartAsync();
        var limit = new PrivacyLimit(new Epsilon(8), new Delta(1e-6));
        await storage.Ledger.CreateStoreAsync(store, limit);
        for (var account = 0; account < Accounts; account++)
            await storage.Ledger.SetLimitAsync(store, new AccountId($"account{account}"), limit);
        var began = Stopwatch.GetTimestamp();
        for (var entry = 0; entry < Entries; entry += AtOnce)
        {
            await Task.WhenAll(Enumerable.Range(entry, Math.Min(AtOnce, Entries - entry)).Select(i => storage.Ledger.ChargeAsync(
                store, new AccountId($"account{i % Accounts}"), new RequestId($"request-{i:D12}"), RequestFingerprint.Of("a query"u8), new PrivacyAmount(1, 0))));
        }
        Console.WriteLine($"  {Entries} charges with a witness, {AtOnce} at once: {Entries / Stopwatch.GetElapsedTime(began).TotalSeconds:F0} a second");

        using var connection = new SqliteConnection($"Data Source={Path.Combine(data, SqliteStorage.FileName)};Mode=ReadOnly;Pooling=False");
        connection.Open();
        var ratio = PairedRatio.Run("reading the same columns", () => Read(connection), "LedgerGuard.VerifyAsync", () => Verify(storage.Guard, store), pairs: 5);
        var heap = GC.GetTotalMemory(forceFullCollection: true);
        began = Stopwatch.GetTimestamp();
        Verify(storage.Guard, store);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Console.WriteLine($"  verified at {100 * ratio:F0} % of the reading's rate; {Entries / seconds / 1e3:F0} thousand entries a second, {1e6 / Entries * seconds:F1} s a million; {(GC.GetTotalMemory(forceFullCollection: true) - heap) / 1024.0:F0} KiB kept");
    }

    private static void Verify(LedgerGuard guard, StoreId store)
    {
        if (guard.VerifyAsync(store).GetAwaiter().GetResult() is not { Reason: null, Entries: Entries + Accounts + 1 })
            throw new InvalidOperationException("a ledger that nobody touched has faults");
    }

    private static void Read(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT sequence, kind, request, fingerprint, release, tier, stated_epsilon, stated_delta, account_mu2, account_slack, store_mu2, store_slack, written_at, mac FROM ledger_entry ORDER BY book, sequence";
        using var reader = command.ExecuteReader();
        var values = new object[reader.FieldCount];
        var sum = 0L;
        while (reader.Read())
        {
            reader.GetValues(values);
            sum += (long)values[8];
        }
        if (sum < Entries)
            throw new InvalidOperationException("not all entries were read");
    }
}
