using System.Diagnostics;
using System.Net;
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
    private static readonly ClusterLoadPlan Plan = new(Rows: 10_000, Clients: 4, Probes: 2, TimeSpan.FromMilliseconds(300), TimeSpan.FromMilliseconds(500));

    // Longer than it takes to declare a silo dead, and longer than anything is answered from caches that were not looked at.
    private static readonly TimeSpan Cut = TimeSpan.FromSeconds(20), ShortCut = TimeSpan.FromSeconds(10);

    // A silo that was declared dead is started again and joins, on a machine that does other things meanwhile.
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(60);

    // From the cut, what remains of the cluster goes on within: the bound for silos that are frozen, doubled for such a machine.
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(30);

    [Fact]
    public Task A_silo_that_is_cut_off_from_the_others_and_not_from_fronts_and_database_answers_nothing_uncharged_or_twice() =>
        RunAsync("silo 3 from silos", ["silo 3"], ["silo 1", "silo 2"], goesOn: true, ShortCut);

    [Fact, Trait("Suite", "Long")]
    public Task A_silo_that_is_cut_off_from_everything_answers_nothing_uncharged_or_twice() =>
        RunAsync("silo 3 from everything", ["silo 3"], ["silo 1", "silo 2", .. Fronts, NetworkNamespaces.Database], goesOn: true, Cut);

    [Fact, Trait("Suite", "Long")]
    public Task Silos_that_are_cut_off_from_the_database_answer_nothing_uncharged_or_twice() =>
        RunAsync("silos from PostgreSQL", Silos, [NetworkNamespaces.Database], goesOn: false, Cut);

    /// <param name="what">What is cut, in words.</param>
    /// <param name="ones">What is cut off.</param>
    /// <param name="others">From what.</param>
    /// <param name="goesOn">Whether the rest declares them dead, and answers all calls again, while the cut lasts; otherwise nothing can be charged.</param>
    /// <param name="cut">How long it lasts at least.</param>
    private async Task RunAsync(string what, string[] ones, string[] others, bool goesOn, TimeSpan cut)
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
            var keeping = new Supervisor(load, cluster.Silos, ones, output.WriteLine).RunAsync(stop.Token);
            (string One, string Other)[] pairs = [.. ones.SelectMany(one => others.Select(other => (one, other)))];
            Assert.All(await ReachesAsync(namespaces, cluster, pairs), Assert.True);
            var began = DateTimeOffset.UtcNow;
            foreach (var (one, other) in pairs)
                namespaces.Cut(one, other);
            Assert.All(await ReachesAsync(namespaces, cluster, pairs), Assert.False);
            var members = await FewestMembersAsync(cluster.Database, began, cut, mustFall: goesOn);
            if (goesOn)
            {
                Assert.InRange(members, 1, Silos.Length - 1);
                await load.CalmAsync(ofProbes: true);
                var away = load.AwaySince(new Disturbance(DisturbanceKind.Cut, what, began, DateTimeOffset.UtcNow, DateTimeOffset.UtcNow)).Values.Max();
                output.WriteLine($"the rest was answering {away.TotalSeconds:F1} s after the cut; {members} silos were members");
                Assert.InRange(away, TimeSpan.Zero, Rest);
            }
            else
            {
                var failed = load.ChargesFailedSince(began);
                output.WriteLine($"{failed} calls that are charged one by one failed meanwhile");
                Assert.NotEqual(0, failed);
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

    /// <summary>Whether each reaches the other, both ways; the database, which stands outside, is only connected to.</summary>
    private static Task<bool[]> ReachesAsync(NetworkNamespaces namespaces, LocalCluster.Cluster cluster, (string One, string Other)[] pairs) => Task.WhenAll(pairs
        .SelectMany(pair => (IEnumerable<(string From, string To)>)[(pair.One, pair.Other), (pair.Other, pair.One)])
        .Where(pair => pair.From != NetworkNamespaces.Database)
        .Select(pair => namespaces.ReachesAsync(pair.From, EndpointOf(namespaces, cluster, pair.To))));

    private static IPEndPoint EndpointOf(NetworkNamespaces namespaces, LocalCluster.Cluster cluster, string name) =>
        name == NetworkNamespaces.Database ? new IPEndPoint(IPAddress.Parse(namespaces.Reach.Address), cluster.Postgres.Port)
        : cluster.Silos.FirstOrDefault(silo => silo.Name == name) is { } silo ? silo.Gateway
        : FrontOf(cluster.Fronts.Single(front => front.Name == name).Endpoint);

    private static IPEndPoint FrontOf(Uri front) => new(IPAddress.Parse(front.Host), front.Port);

    /// <summary>Waits out the cut, and longer where silos must be declared dead and have not been.</summary>
    /// <returns>The fewest members seen.</returns>
    private static async Task<long> FewestMembersAsync(string connectionString, DateTimeOffset began, TimeSpan cut, bool mustFall)
    {
        var fewest = await MembersAsync(connectionString);
        while (DateTimeOffset.UtcNow - began is var elapsed && (elapsed < cut || (mustFall && fewest >= Silos.Length && elapsed < Rest)))
        {
            await Task.Delay(500);
            fewest = Math.Min(fewest, await MembersAsync(connectionString));
        }
        return fewest;
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
