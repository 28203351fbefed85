using System.Diagnostics;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.LocalCluster;
using DpAttn.PostgresServer;
using DpAttn.Server;
using DpAttn.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DpAttn.Benchmarks.Server;

/// <summary>
/// What more shards cost, on one silo and on three: a per-query answer and a publish of a moment tree, both of which ask every shard. This process is the silo that coordinates, with the API; the others are processes of their own, so
/// what crosses to them is what crosses machines.
/// </summary>
internal static class FanOutCost
{
    private const int Requests = 200, WarmUp = 20, Features = 2145;
    private static readonly int[] Shards = [1, 4, 16, 64, 256];

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        if (LocalPostgres.Missing is { } missing)
        {
            Console.WriteLine($"  not measured: {missing}");
            return;
        }
        foreach (var silos in (int[])[1, 3])
        {
            Console.WriteLine($"  {silos} silo{(silos == 1 ? "" : "s")}");
            Console.WriteLine("    shards |  answer: p50 ms   p99 ms  fan-out ms  messages    KiB   cpu ms, this silo  others |  publish: ms   cpu ms, all silos");
            await using var cluster = await ClusterOfAsync(silos);
            foreach (var shards in Shards)
                await MeasureAsync(cluster, shards);
        }
        Console.WriteLine($"  A publish moves a moment matrix of {Features:N0} x {BenchStore.Dimension + 1} integers per shard to the coordinator. All processes, clients and database share this machine's cores.");
    }

    private static async Task<Bench> ClusterOfAsync(int silos)
    {
        var postgres = await LocalPostgres.StartAsync();
        var directory = Directory.CreateTempSubdirectory("dpattn-fanout-");
        var keys = Path.Combine(directory.FullName, "keys");
        KeyFile.LoadOrCreate(keys);
        var settings = new Dictionary<string, string>
        {
            [nameof(ServerOptions.Clustering)] = ServerOptions.Postgres,
            [nameof(ServerOptions.Storage)] = ServerOptions.Postgres,
            [nameof(ServerOptions.PostgresConnection)] = await postgres.CreateDatabaseAsync(),
            [nameof(ServerOptions.WitnessConnection)] = await postgres.CreateDatabaseAsync(),
            [nameof(ServerOptions.KeyFile)] = keys,
            [nameof(ServerOptions.RequestsPerSecond)] = "0",
        };
        var others = Enumerable.Range(2, silos - 1).Select(i => new ClusterProcess($"silo {i}", new Dictionary<string, string>(settings) { [nameof(ServerOptions.Role)] = ServerOptions.RoleSilo }, _ => { })).ToArray();
        await new ClusterProcess("migration", settings, _ => { }).RunAsync(DpAttnServer.MigrateFlag);
        var operatorKey = "";
        string[] own = [.. settings.Select(setting => $"--DpAttn:{setting.Key}={setting.Value}"), "--DpAttn:Listen=http://127.0.0.1:0", "--DpAttn:AdminListen=", $"--DpAttn:SiloPort={ClusterProcess.FreePort()}", $"--DpAttn:GatewayPort={ClusterProcess.FreePort()}"];
        var server = DpAttnServer.Build(own, builder =>
        {
            builder.Logging.ClearProviders();
            ServerRoles.Add(builder, ServerOptions.Read(builder.Configuration), key => operatorKey = key);
        });
        await server.StartAsync();
        foreach (var other in others)
            await other.StartAsync();
        var endpoint = server.Services.GetRequiredService<ServerAddresses>().Api[0];
        using var @operator = Connect(endpoint, operatorKey);
        var owner = Connect(endpoint, (await @operator.CreateKeyAsync(new KeyRequest("owner", Roles.Owner))).Key);
        var user = Connect(endpoint, (await @operator.CreateKeyAsync(new KeyRequest("user", Roles.User))).Key);
        return new Bench(postgres, directory, server, others, owner, user);
    }

    private static async Task MeasureAsync(Bench bench, int shards)
    {
        var name = $"per-query-{shards}";
        await LoadAsync(bench.Owner, name, shards, new MechanismDefinition("per-query"));
        await bench.Owner.GrantAsync(name, "user", 5);
        var query = Data.UnitRows(1, BenchStore.Dimension, 7).Data;
        for (var i = 0; i < WarmUp; i++)
            await bench.User.AttendAsync(name, query, new AttendOptions { Tier = 0 });
        var took = new double[Requests];
        var others = bench.OthersCpu();
        using (var meter = new FanOutMeter("queries"))
        {
            for (var i = 0; i < Requests; i++)
            {
                var began = Stopwatch.GetTimestamp();
                await bench.User.AttendAsync(name, query, new AttendOptions { Tier = 0 });
                took[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            }
            Array.Sort(took);
            var (median, count) = meter.FanOuts();
            if (count != Requests)
                throw new InvalidOperationException($"{count} fan-outs of {Requests} requests");
            Console.Write(
                $"    {shards,6} | {took[Requests / 2],15:F2} {took[Requests * 99 / 100],8:F2} {median,11:F2} {meter.Messages / (double)Requests,9:F1} {meter.Bytes / 1024.0 / Requests,6:F1} {meter.Cpu().TotalMilliseconds / Requests,19:F2} {(bench.OthersCpu() - others).TotalMilliseconds / Requests,7:F2} |");
        }
        name = $"moments-{shards}";
        await LoadAsync(bench.Owner, name, shards, new MechanismDefinition());
        // The grain that adds the shards' sums may be on any silo.
        others = bench.OthersCpu();
        using (var meter = new FanOutMeter("publish"))
        {
            var began = Stopwatch.GetTimestamp();
            await bench.Owner.PublishAsync(name);
            Console.WriteLine($" {Stopwatch.GetElapsedTime(began).TotalMilliseconds,12:F0} {(meter.Cpu() + bench.OthersCpu() - others).TotalMilliseconds,19:F0}");
        }
    }

    /// <summary>A few rows for every shard: what is measured is the asking, not the sums.</summary>
    private static async Task LoadAsync(IDpAttentionClient owner, string store, int shards, MechanismDefinition mechanism)
    {
        const int BatchRows = 4;
        await owner.EnsureStoreAsync(store, new StoreDefinition
        {
            KeyDimension = BenchStore.Dimension,
            ValueDimension = BenchStore.Dimension,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Mechanism = mechanism,
            Ladder = [0.001],
            Limit = 10,
            Capacity = 100_000,
            Shards = shards,
        });
        float[] keys = Data.UnitRows(BatchRows, BenchStore.Dimension, 1).Data, values = Data.UnitRows(BatchRows, BenchStore.Dimension, 2).Data;
        await Parallel.ForEachAsync(Enumerable.Range(0, 4 * shards), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (i, stop) => await owner.AppendAsync(store, $"batch-{i}", keys, values, BatchRows, cancellationToken: stop));
    }

    private static DpAttentionClient Connect(Uri endpoint, string key) => new(new DpAttentionOptions { Endpoint = endpoint, ApiKey = key, PublishPollDelay = TimeSpan.FromMilliseconds(20) });

    private sealed record Bench(LocalPostgres Postgres, DirectoryInfo Directory, WebApplication Server, ClusterProcess[] Others, IDpAttentionClient Owner, IDpAttentionClient User) : IAsyncDisposable
    {
        public TimeSpan OthersCpu() => TimeSpan.FromTicks(Others.Sum(other => other.Cpu().Ticks));

        public async ValueTask DisposeAsync()
        {
            await Server.StopAsync();
            await Server.DisposeAsync();
            foreach (var other in Others)
                await other.DisposeAsync();
            await Postgres.DisposeAsync();
            Directory.Delete(recursive: true);
        }
    }
}
