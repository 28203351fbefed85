using System.Diagnostics;
using DpAttn.Cluster;
using DpAttn.Privacy;
using DpAttn.Storage;
using DpAttn.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Benchmarks.Server;

/// <summary>
/// A durable charge through BudgetGrain of an account with 1,000,000 entries against one of an account with 1,000, each in a database of its own: one here, one there, in turn.
/// Another account has written enough in both for the write-ahead log to have its full length: a log that still grows makes every flush slower.
/// </summary>
internal static class ChargeGrowth
{
    private const int Few = 1_000;
    private const int Many = 1_000_000;
    private const int Others = 300_000;
    private const int Group = 1_000;
    private const int Pairs = 3_000;

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        var began = Stopwatch.GetTimestamp();
        await using var large = await Side.StartAsync(Many);
        await using var small = await Side.StartAsync(Few);
        Console.WriteLine($"  {Many:N0} entries written in {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s; the database has {large.FileMiB:N0} MiB");
        foreach (var side in new[] { small, large })
        {
            began = Stopwatch.GetTimestamp();
            await side.Grain.GetAsync(CancellationToken.None);
            Console.WriteLine($"  {side.Entries:N0} entries: activated in {Stopwatch.GetElapsedTime(began).TotalMilliseconds:F2} ms");
        }
        var times = new[] { new List<double>(), [] };
        for (var i = 0; i < Pairs + Pairs / 10; i++)
        {
            // The first tenth warms up.
            foreach (var which in i % 2 == 0 ? new[] { 0, 1 } : [1, 0])
            {
                var side = which == 0 ? small : large;
                var start = Stopwatch.GetTimestamp();
                await side.ChargeAsync();
                if (i >= Pairs / 10)
                    times[which].Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }
        double few = PairedRatio.Median(times[0]), many = PairedRatio.Median(times[1]);
        Console.WriteLine($"  median charge at {Few:N0} entries {few:F4} ms, at {Many:N0} {many:F4} ms: {many / few:F2} times (at most 1.3 are asked for)");
    }

    private sealed class Side : IAsyncDisposable
    {
        private static readonly StoreId Store = new("bench");
        private static readonly AccountId Account = new("account");
        private static readonly PrivacyLimit Limit = new(new Epsilon(8), new Delta(1e-6));
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-growth-");
        private DpAttnTestCluster _cluster = null!;
        private int _requests;

        public IBudgetGrain Grain { get; private set; } = null!;

        public int Entries { get; private init; }

        public long FileMiB => new FileInfo(Path.Combine(_directory.FullName, SqliteStorage.FileName)).Length >> 20;

        public static async Task<Side> StartAsync(int entries)
        {
            var side = new Side { Entries = entries };
            IServiceProvider services = null!;
            side._cluster = await DpAttnTestCluster.StartAsync(side._directory.FullName, map: app => services = app.Services);
            side.Grain = services.GetRequiredService<IGrainFactory>().GetGrain<IBudgetGrain>(GrainKey.Of(Store, Account.Value));
            var ledger = services.GetRequiredService<IBudgetLedger>();
            await ledger.CreateStoreAsync(Store, Limit);
            await side.FillAsync(ledger, Account, entries);
            await side.FillAsync(ledger, new AccountId("another"), Others);
            return side;
        }

        public async Task ChargeAsync()
        {
            var outcome = await Grain.ChargeAsync(new ChargeCommand($"request{_requests++}", [1], 1, 0), CancellationToken.None);
            if (outcome.Refusal is not null)
                throw new InvalidOperationException("a charge within its limit was refused");
        }

        public async ValueTask DisposeAsync()
        {
            await _cluster.DisposeAsync();
            _directory.Delete(recursive: true);
        }

        private async Task FillAsync(IBudgetLedger ledger, AccountId account, int entries)
        {
            await ledger.SetLimitAsync(Store, account, Limit);
            for (var left = entries; left > 0; left -= Group)
            {
                await Task.WhenAll(Enumerable.Range(0, Math.Min(Group, left)).Select(_ => ledger.ChargeAsync(
                    Store, account, new RequestId($"request{_requests++}"), RequestFingerprint.Of([1]), new PrivacyAmount(1, 0))));
            }
        }
    }
}
