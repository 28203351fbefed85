using System.Diagnostics;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.LocalCluster;
using DpAttn.PostgresServer;

namespace DpAttn.Drills;

/// <summary>Processes that are told to stop end in time, whatever the database does.</summary>
[Collection(ClusterCollection.Name)]
public sealed class ClusterStopTests(ITestOutputHelper output)
{
    private const int ShutdownSeconds = 3;

    // Five for the server, the rest for a machine that does other things meanwhile.
    private static readonly TimeSpan MostBeyond = TimeSpan.FromSeconds(8);

    [Fact]
    public async Task Silos_and_fronts_that_are_told_to_stop_end_in_time_when_the_database_does_not_answer_or_is_gone()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        await using var cluster = await LocalCluster.Cluster.StartAsync(2, 2, _ => { }, ("ShutdownSeconds", $"{ShutdownSeconds}"));
        await BeginToWorkAsync(cluster);
        cluster.Postgres.Freeze();
        try
        {
            await Task.WhenAll(StopAsync(cluster.Fronts[0]), StopAsync(cluster.Silos[0]));
        }
        finally
        {
            cluster.Postgres.Thaw();
        }
        cluster.Postgres.Stop(crash: true);
        await Task.WhenAll(StopAsync(cluster.Fronts[1]), StopAsync(cluster.Silos[1]));
    }

    private async Task StopAsync(ClusterProcess process)
    {
        var began = Stopwatch.GetTimestamp();
        var code = await process.StopAsync().WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
        var took = Stopwatch.GetElapsedTime(began);
        output.WriteLine($"{process.Name} ended with {code} after {took.TotalSeconds:F1} s");
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(ShutdownSeconds) + MostBeyond);
    }

    /// <summary>Both silos hold something, and have something to tell the witness.</summary>
    private static async Task BeginToWorkAsync(LocalCluster.Cluster cluster)
    {
        using var @operator = Connect(cluster.OperatorKey);
        using var owner = Connect((await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner))).Key);
        using var user = Connect((await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User))).Key);
        var shape = DrillShape.Of(DrillShape.MomentTree);
        await owner.EnsureStoreAsync("moments", shape.Define([0.5], 8));
        var (keys, values) = shape.Batch(200, 1);
        await owner.AppendAsync("moments", "rows", keys, values, 200);
        await owner.PublishAsync("moments");
        await owner.GrantAsync("moments", "ulf", 4);
        await user.AttendAsync("moments", shape.Queries(2), 2, new AttendOptions { MaxEpsilon = 1 });

        DpAttentionClient Connect(string key) => new(new DpAttentionOptions { Endpoint = cluster.Fronts[0].Endpoint, ApiKey = key });
    }
}
