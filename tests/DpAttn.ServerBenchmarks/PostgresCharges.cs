using System.Diagnostics;
using DpAttn.Cluster;
using DpAttn.PostgresServer;
using DpAttn.Privacy;
using DpAttn.Server;
using DpAttn.Storage;
using DpAttn.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Benchmarks.Server;

/// <summary>Durable charges through BudgetGrain, and charged answers over HTTP, of a server on PostgreSQL, where one can be started.</summary>
internal static class PostgresCharges
{
    private const int Bursts = 5;
    private const int ChargesOfOne = 50;

    public static async Task RunAsync(int writers)
    {
        if (LocalPostgres.Missing is { } reason)
        {
            Console.WriteLine($"  PostgreSQL: not measured, {reason}");
            return;
        }
        await using var postgres = await LocalPostgres.StartAsync();
        var directory = Directory.CreateTempSubdirectory("dpattn-charges-");
        try
        {
            var connection = await postgres.CreateDatabaseAsync();
            var keys = Path.Combine(directory.FullName, "keys");
            await PostgresStorage.MigrateAsync(new PostgresStorageOptions { ConnectionString = connection, Keys = KeyFile.LoadOrCreate(keys) });
            IServiceProvider services = null!;
            await using var cluster = await DpAttnTestCluster.StartAsync(
                Path.Combine(directory.FullName, "data"),
                options => (options.Storage, options.PostgresConnection, options.KeyFile) = (ServerOptions.Postgres, connection, keys),
                app => services = app.Services);
            foreach (var count in new[] { writers, 20 * writers })
                await MeasureAsync(services, count);
            await PerQueryHttp.RunAsync(cluster, writers);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task MeasureAsync(IServiceProvider services, int writers)
    {
        var store = new StoreId($"bench{writers}");
        var accounts = await ChargeRatio.AccountsAsync(services.GetRequiredService<IBudgetLedger>(), store, writers);
        var grains = accounts.Select(account => services.GetRequiredService<IGrainFactory>().GetGrain<IBudgetGrain>(GrainKey.Of(store, account.Value))).ToArray();
        var rates = new double[Bursts];
        for (var burst = -1; burst < Bursts; burst++)
        {
            var began = Stopwatch.GetTimestamp();
            await Task.WhenAll(grains.Select((grain, writer) => Task.Run(async () =>
            {
                for (var i = 0; i < ChargesOfOne; i++)
                    ChargeRatio.Require((await grain.ChargeAsync(new ChargeCommand($"request{burst}-{i}", [1], 1, 0), CancellationToken.None)).Refusal is null);
            })));
            // The first is the compiler's.
            if (burst >= 0)
                rates[burst] = writers * ChargesOfOne / Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
        Console.WriteLine($"  PostgreSQL: BudgetGrain, {writers} writers, an account each: {PairedRatio.Median(rates):F0} charges a second");
    }
}
