using System.Diagnostics;
using DpAttn.Drills.Load;
using DpAttn.PostgresServer;

namespace DpAttn.Drills;

/// <summary>Three silos, two fronts and PostgreSQL, each a process, under load from clients of the SDK while one after another is killed, frozen, stopped, added and restarted.</summary>
[Collection(ClusterCollection.Name)]
public sealed class ClusterDrillTests(ITestOutputHelper output)
{
    private const int Silos = 3, Fronts = 2;
    private static readonly TimeSpan LongDuration = TimeSpan.FromMinutes(5);
    private static readonly ClusterLoadPlan Short = new(Rows: 20_000, Clients: 8, Probes: 2, TimeSpan.FromMilliseconds(300), TimeSpan.FromMilliseconds(500));
    private static readonly ClusterLoadPlan Long = new(Rows: 200_000, Clients: 16, Probes: 3, TimeSpan.FromMilliseconds(350), TimeSpan.FromMilliseconds(500));

    [Fact]
    public Task Nothing_acknowledged_is_lost_through_a_restart_of_the_database_and_a_freeze_that_ends_in_a_kill() => RunAsync(Short, ClusterBounds.Busy, async drill =>
    {
        await drill.RestartDatabaseAsync();
        await drill.FreezeAsync(1, isLast: true);
    });

    [Fact, Trait("Suite", "Long")]
    public Task Nothing_acknowledged_is_lost_in_five_minutes_in_which_silos_are_killed_frozen_stopped_and_added() => RunAsync(Long, ClusterBounds.Stated, async drill =>
    {
        var began = Stopwatch.GetTimestamp();
        await drill.KillAsync(0);
        await drill.FreezeAsync(1);
        await drill.StopAsync(2);
        await drill.AddAsync();
        await drill.RestartDatabaseAsync();
        for (var turn = 0; Stopwatch.GetElapsedTime(began) < LongDuration; turn++)
        {
            var silo = (Silos - turn + Silos * 100) % (Silos + 1);
            await (turn % 3 == 0 ? drill.KillAsync(silo) : turn % 3 == 1 ? drill.StopAsync(silo) : drill.FreezeAsync(silo));
        }
    },
    fewestOfAKind: 10);

    private async Task RunAsync(ClusterLoadPlan plan, ClusterBounds bounds, Func<ClusterDrill, Task> disturb, int fewestOfAKind = 1)
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        var directory = Directory.CreateTempSubdirectory("dpattn-cluster-drill-");
        try
        {
            await using var cluster = await LocalCluster.Cluster.StartAsync(Silos, Fronts, _ => { }, ("RequestsPerSecond", "0"));
            await using var load = new ClusterLoad(cluster, directory.FullName, plan, output.WriteLine);
            await load.PrepareAsync();
            load.Begin();
            await disturb(new ClusterDrill(cluster, load, bounds));
            await load.CalmAsync();
            await load.EndAsync(bounds);
            foreach (var fault in load.Faults)
                output.WriteLine(fault);
            Assert.Empty(load.Faults);
            foreach (var kind in LoadDrill.Kinds)
                Assert.True(load.Counts.GetValueOrDefault(kind) >= fewestOfAKind, $"only {load.Counts.GetValueOrDefault(kind)} requests were {kind}");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
