using System.Collections.Concurrent;
using System.Diagnostics;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.PostgresServer;

namespace DpAttn.Drills;

/// <summary>Silos and a front in processes of their own: what a silo's end costs those who ask.</summary>
[Collection(ClusterCollection.Name)]
public sealed class ClusterFailureTests(ITestOutputHelper output)
{
    private const int Dimension = 8, Rows = 2000, Queries = 20;

    // Of keys whose silo was killed; the rest is for a machine that does other things meanwhile.
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_killed_silo_takes_no_answer_with_it_and_one_that_stops_costs_no_request()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        var refused = new ConcurrentQueue<string>();
        await using var cluster = await LocalCluster.Cluster.StartAsync(2, 1, line =>
        {
            if (line.Contains("no silo has sent", StringComparison.Ordinal))
                refused.Enqueue(line);
        });
        using var @operator = Connect(cluster, cluster.OperatorKey);
        using var owner = Connect(cluster, (await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner))).Key);
        using var user = Connect(cluster, (await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User))).Key);
        string[] stores = ["moments", "distances"];
        await LoadAsync(owner, "moments", new MechanismDefinition());
        await LoadAsync(owner, "distances", new MechanismDefinition("distance-tree", GridCells: 64));
        var before = new Dictionary<string, AttendResponse>();
        foreach (var store in stores)
            before[store] = await user.AttendAsync(store, Asked(0), Queries, new AttendOptions { MaxEpsilon = 1 });

        // Not only cached nodes and parts: queries that nobody asked before need the shards, wherever they were.
        await cluster.Silos[1].KillAsync();
        var killed = Stopwatch.GetTimestamp();
        foreach (var store in stores)
        {
            Same(before[store], await user.AttendAsync(store, Asked(0), Queries));
            Assert.Equal(Queries, (await user.AttendAsync(store, Asked(1), Queries)).Outputs.Count);
            // And the ledger goes on: the best tier is opened, once.
            var spent = (await user.GetBudgetAsync(store)).SpentUnits;
            var opened = await user.AttendAsync(store, Asked(0), Queries, new AttendOptions { MaxEpsilon = 4, IdempotencyKey = "after" });
            Assert.Equal(2, opened.Privacy.Tier);
            Same(opened, await user.AttendAsync(store, Asked(0), Queries, new AttendOptions { MaxEpsilon = 4, IdempotencyKey = "after" }));
            Assert.True((await user.GetBudgetAsync(store)).SpentUnits > spent);
            before[store] = opened;
        }
        var outage = Stopwatch.GetElapsedTime(killed);
        output.WriteLine($"after kill -9 all was answered within {outage.TotalSeconds:F1} s");
        Assert.InRange(outage, TimeSpan.Zero, Outage);

        await cluster.Silos[1].StartAsync();
        foreach (var stopped in (int[])[0, 1])
        {
            using var ended = new CancellationTokenSource();
            var asking = Enumerable.Range(0, 4).Select(client => AskAsync(user, stores[client % 2], before, ended.Token)).ToArray();
            await Task.Delay(500);
            Assert.Equal(0, await cluster.Silos[stopped].StopAsync());
            await Task.Delay(2000);
            await ended.CancelAsync();
            // No request failed, as seen through the SDK's own retries; each answer was the one before.
            var answered = await Task.WhenAll(asking);
            Assert.All(answered, count => Assert.True(count > 0));
            output.WriteLine($"silo {stopped + 1} stopped under {answered.Sum()} requests");
            Assert.True(await cluster.Fronts[0].IsReadyAsync());
            await cluster.Silos[stopped].StartAsync();
        }
        Assert.Equal(0, await cluster.Fronts[0].StopAsync());
        // Whatever the silos had to tell each other meanwhile was taken for theirs.
        Assert.Empty(refused);
    }

    [Fact]
    public async Task A_front_is_ready_when_a_silo_is_and_not_when_none_is()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        await using var cluster = await LocalCluster.Cluster.StartAsync(1, 1, _ => { });
        Assert.True(await cluster.Fronts[0].IsReadyAsync());
        Assert.Equal(0, await cluster.Silos[0].StopAsync());
        Assert.False(await cluster.Fronts[0].IsReadyAsync());
        await cluster.Silos[0].StartAsync();
        var began = Stopwatch.GetTimestamp();
        while (!await cluster.Fronts[0].IsReadyAsync())
        {
            Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, Outage);
            await Task.Delay(100);
        }
        output.WriteLine($"the front was ready {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s after its silo came back");
    }

    private static async Task<int> AskAsync(DpAttentionClient user, string store, Dictionary<string, AttendResponse> before, CancellationToken until)
    {
        var answered = 0;
        while (!until.IsCancellationRequested)
        {
            Same(before[store], await user.AttendAsync(store, Asked(0), Queries, cancellationToken: CancellationToken.None));
            answered++;
        }
        return answered;
    }

    private static void Same(AttendResponse expected, AttendResponse answer)
    {
        for (var i = 0; i < Queries; i++)
        {
            Assert.Equal(expected.Outputs[i], answer.Outputs[i]);
            Assert.Equal(expected.NoiseDeviations[i], answer.NoiseDeviations[i]);
        }
    }

    private static async Task LoadAsync(DpAttentionClient owner, string store, MechanismDefinition mechanism)
    {
        await owner.EnsureStoreAsync(store, new StoreDefinition
        {
            KeyDimension = Dimension,
            ValueDimension = 2,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Mechanism = mechanism,
            Ladder = [0.5, 1, 4],
            Limit = 8,
            Capacity = 10_000,
        });
        for (var batch = 0; batch < 8; batch++)
        {
            var keys = Numbers(batch, Rows / 8);
            var values = Enumerable.Range(0, Rows / 4).Select(i => i % 2 == 0 ? 0.5f : -0.25f).ToArray();
            await owner.AppendAsync(store, $"batch-{batch}", keys, values, Rows / 8);
        }
        Assert.Equal("published", (await owner.PublishAsync(store)).State);
        await owner.GrantAsync(store, "ulf", 8);
    }

    private static float[] Asked(int which) => Numbers(1000 + which, Queries);

    /// <summary>Points in the unit ball, the same for the same seed.</summary>
    private static float[] Numbers(int seed, int rows) =>
        [.. Enumerable.Range(0, rows * Dimension).Select(i => MathF.Sin(seed * 7919 + i * 12.9898f) / MathF.Sqrt(Dimension))];

    private static DpAttentionClient Connect(LocalCluster.Cluster cluster, string key) => new(new DpAttentionOptions { Endpoint = cluster.Fronts[0].Endpoint, ApiKey = key });
}
