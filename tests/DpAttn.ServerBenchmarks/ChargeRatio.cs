using DpAttn.Cluster;
using DpAttn.Privacy;
using DpAttn.Storage;
using DpAttn.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Benchmarks.Server;

/// <summary>
/// Durable charges of 32 writers through BudgetGrain, called in the process of its silo, against 32 writers of a bare group-commit loop on the same file. Burst by burst, in turn.
/// Then charged answers over HTTP, and the same on PostgreSQL.
/// </summary>
internal static class ChargeRatio
{
    private const int Writers = 32;
    private const int ChargesOfOne = 250;

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-charges-");
        try
        {
            IServiceProvider services = null!;
            await using var cluster = await DpAttnTestCluster.StartAsync(directory.FullName, map: app => services = app.Services);
            await CompareAsync(services, Path.Combine(directory.FullName, SqliteStorage.FileName));
            await PerQueryHttp.RunAsync(cluster, Writers);
            await PostgresCharges.RunAsync(Writers);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task CompareAsync(IServiceProvider services, string file)
    {
        var ledger = services.GetRequiredService<IBudgetLedger>();
        var accounts = await AccountsAsync(ledger, new StoreId("bench"), Writers);
        var grains = accounts.Select(account => services.GetRequiredService<IGrainFactory>().GetGrain<IBudgetGrain>(GrainKey.Of(new StoreId("bench"), account.Value))).ToArray();
        long requests = 0;
        string Request() => $"request{Interlocked.Increment(ref requests)}";
        async Task ThroughGrain(int writer, int charge) =>
            Require((await grains[writer].ChargeAsync(new ChargeCommand(Request(), BitConverter.GetBytes(charge), 1, 0), CancellationToken.None)).Refusal is null);
        async Task ThroughOneGrain(int writer, int charge) =>
            Require((await grains[0].ChargeAsync(new ChargeCommand(Request(), BitConverter.GetBytes(charge), 1, 0), CancellationToken.None)).Refusal is null);
        async Task AtLedger(int writer, int charge) =>
            Require((await ledger.ChargeAsync(new StoreId("bench"), accounts[writer], new RequestId(Request()), RequestFingerprint.Of(BitConverter.GetBytes(charge)), new PrivacyAmount(1, 0))).IsAdmitted);

        var size = $"{Writers} x {ChargesOfOne}";
        using (var keyed = new BareCommitLoop(file, Writers, isKeyed: true))
        {
            var ratio = PairedRatio.Run($"bare loop, entry with its keys, {size}", () => Burst(keyed.ChargeAsync), $"BudgetGrain, {Writers} accounts, {size}", () => Burst(ThroughGrain));
            Console.WriteLine($"  BudgetGrain reaches {100 * ratio:F0} % of the bare loop (at least 50 % is asked for)");
            ratio = PairedRatio.Run($"bare loop, entry with its keys, {size}", () => Burst(keyed.ChargeAsync), $"BudgetGrain, one account, {size}", () => Burst(ThroughOneGrain));
            Console.WriteLine($"  one hot account reaches {100 * ratio:F0} % of the bare loop");
            ratio = PairedRatio.Run($"bare loop, entry with its keys, {size}", () => Burst(keyed.ChargeAsync), $"IBudgetLedger, {size}", () => Burst(AtLedger));
            Console.WriteLine($"  the ledger below it reaches {100 * ratio:F0} %");
        }
        using (var least = new BareCommitLoop(file, Writers, isKeyed: false))
        {
            var ratio = PairedRatio.Run($"bare loop, row without keys, {size}", () => Burst(least.ChargeAsync), $"BudgetGrain, {Writers} accounts, {size}", () => Burst(ThroughGrain));
            Console.WriteLine($"  BudgetGrain reaches {100 * ratio:F0} % of the loop that keeps no keys");
        }
    }

    /// <summary>A store with accounts that may spend more than any burst charges.</summary>
    public static async Task<AccountId[]> AccountsAsync(IBudgetLedger ledger, StoreId store, int count)
    {
        var limit = new PrivacyLimit(new Epsilon(8), new Delta(1e-6));
        await ledger.CreateStoreAsync(store, limit);
        AccountId[] accounts = [.. Enumerable.Range(0, count).Select(i => new AccountId($"account{i}"))];
        foreach (var account in accounts)
            await ledger.SetLimitAsync(store, account, limit);
        return accounts;
    }

    private static void Burst(Func<int, int, Task> charge) => Task.WaitAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
    {
        for (var i = 0; i < ChargesOfOne; i++)
            await charge(writer, i);
    })));

    /// <summary>A charge that is refused would be no charge.</summary>
    public static void Require(bool isAdmitted)
    {
        if (!isAdmitted)
            throw new InvalidOperationException("a charge within its limit was refused");
    }
}
