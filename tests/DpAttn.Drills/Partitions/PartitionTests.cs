using System.Diagnostics;
using DpAttn.LocalCluster;
using DpAttn.PostgresServer;
using Npgsql;

namespace DpAttn.Drills.Partitions;

/// <summary>
/// Silos, fronts and clients under load, each process in a network namespace of its own, while parts of the network are cut off: no answer is without its charge, none is answered in two ways, and when the
/// cut is healed all goes on by itself.
/// </summary>
[Collection(ClusterCollection.Name)]
public sealed class PartitionTests(ITestOutputHelper output)
{
    private static readonly string[] Silos = ["silo 1", "silo 2", "silo 3"], Fronts = ["front 1", "front 2"];
    private static readonly ClusterLoadPlan Plan = new(Rows: 10_000, Clients: 6, Probes: 2, TimeSpan.FromMilliseconds(300), TimeSpan.FromMilliseconds(500));

    // Longer than it takes to declare a silo dead, and longer than anything is answered from caches that were not looked at.
    private static readonly TimeSpan Cut = TimeSpan.FromSeconds(20);

    // A silo that was declared dead is started again and joins, on a machine that does other things meanwhile.
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(60);

    // What remains of the cluster goes on within: the bound for silos that are frozen, doubled for such a machine.
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(30);

    [Fact]
    public Task A_silo_that_is_cut_off_from_the_others_and_not_from_fronts_and_database_answers_nothing_uncharged_or_twice() =>
        RunAsync("silo 3 from silos", ["silo 3"], ["silo 1", "silo 2"], goesOn: true);

    [Fact, Trait("Suite", "Long")]
    public Task A_silo_that_is_cut_off_from_everything_answers_nothing_uncharged_or_twice() =>
        RunAsync("silo 3 from everything", ["silo 3"], ["silo 1", "silo 2", .. Fronts, NetworkNamespaces.Database], goesOn: true);

    [Fact, Trait("Suite", "Long")]
    public Task Silos_that_are_cut_off_from_the_database_answer_nothing_uncharged_or_twice() =>
        RunAsync("silos from PostgreSQL", Silos, [NetworkNamespaces.Database], goesOn: false);

    /// <param name="what">What is cut, in words.</param>
    /// <param name="ones">What is cut off.</param>
    /// <param name="others">From what.</param>
    /// <param name="goesOn">Whether all calls are answered again while the cut lasts.</param>
    private async Task RunAsync(string what, string[] ones, string[] others, bool goesOn)
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        Assert.SkipWhen(NetworkNamespaces.Missing is not null, NetworkNamespaces.Missing ?? "");
        var directory = Directory.CreateTempSubdirectory("dpattn-partition-");
        using var stop = new CancellationTokenSource();
        try
        {
            using var namespaces = new NetworkNamespaces([.. Silos, .. Fronts]);
            await using var cluster = await LocalCluster.Cluster.StartAsync(new ClusterGround(namespaces.Reach, namespaces.PlaceOf), Silos.Length, Fronts.Length, _ => { }, ("RequestsPerSecond", "0"));
            await using var load = new ClusterLoad(cluster, directory.FullName, Plan, output.WriteLine);
            await load.PrepareAsync();
            load.Begin();
            await load.CalmAsync();
            var keeping = new Supervisor(cluster.Silos, output.WriteLine).RunAsync(stop.Token);
            var began = DateTimeOffset.UtcNow;
            foreach (var (one, other) in ones.SelectMany(one => others.Select(other => (one, other))))
                namespaces.Cut(one, other);
            await Task.Delay(Cut);
            if (goesOn)
            {
                var rest = await load.CalmAsync();
                output.WriteLine($"the rest was answering {Cut.TotalSeconds + rest.TotalSeconds:F1} s after the cut, at the latest");
                Assert.InRange(rest, TimeSpan.Zero, Rest);
            }
            var cutOff = DateTimeOffset.UtcNow;
            namespaces.Heal();
            var healed = Stopwatch.GetTimestamp();
            // By the table of members, too: a silo that was declared dead without noticing says that it is ready until it looks.
            while (await MembersAsync(cluster.Database) != Silos.Length || !(await Task.WhenAll(cluster.Silos.Select(silo => silo.IsReadyAsync()))).All(isReady => isReady))
            {
                Assert.InRange(Stopwatch.GetElapsedTime(healed), TimeSpan.Zero, Recovery);
                await Task.Delay(200);
            }
            output.WriteLine($"all silos were members and ready {Stopwatch.GetElapsedTime(healed).TotalSeconds:F1} s after the cut was healed");
            var calm = await load.CalmAsync();
            output.WriteLine($"and all calls were answered {calm.TotalSeconds:F1} s later");
            Assert.InRange(calm, TimeSpan.Zero, Recovery);
            load.Add(new Disturbance(DisturbanceKind.Cut, what, began, cutOff, DateTimeOffset.UtcNow));
            await stop.CancelAsync();
            await keeping;
            await load.EndAsync(ClusterBounds.Busy);
            foreach (var fault in load.Faults)
                output.WriteLine(fault);
            Assert.Empty(load.Faults);
        }
        finally
        {
            await stop.CancelAsync();
            directory.Delete(recursive: true);
        }
    }

    /// <summary>How many silos are active.</summary>
    private static async Task<long> MembersAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection($"{connectionString};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT count(*) FROM dpattn_cluster_member WHERE status = 3", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
