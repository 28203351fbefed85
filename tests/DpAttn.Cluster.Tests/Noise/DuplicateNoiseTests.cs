using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Cluster.Tests;

/// <summary>
/// All noise that two clusters on one storage ever draw, over stores of every mechanism, several releases and tiers, parts that are drawn whenever they are asked for, requests that are retried, and a restart: no
/// value stands at two places, and no place has two values. The same calls answered by builds with a fault each are caught.
/// </summary>
public sealed class DuplicateNoiseTests(WatchedClusters watched) : IClassFixture<WatchedClusters>
{
    private IReadOnlyCollection<DrawnNoise> Drawn => watched.Drawn;

    [Fact]
    public void No_noise_is_used_twice_and_no_address_has_two_values() => Assert.Empty(DuplicateNoiseDetector.Faults(Drawn));

    /// <summary>Without this the detector might have watched nothing.</summary>
    [Fact]
    public void The_scenario_draws_at_many_addresses_and_at_some_of_them_again()
    {
        var places = Drawn.GroupBy(drawn => (drawn.Key, drawn.Address)).ToArray();
        Assert.Equal(["distance-tree", "moment-tree", "per-query"], places.Select(place => place.Key.Address.Mechanism).Distinct().Order(StringComparer.Ordinal));
        // Four releases of two stores and four requests.
        Assert.Equal(8, places.Select(place => place.Key.Key).Distinct().Count());
        Assert.All(new[] { MomentRelease.Mechanism, DistanceTreeRelease.Mechanism }, mechanism =>
            Assert.Equal([0, 1, 2], places.Where(place => place.Key.Address.Mechanism == mechanism).Select(place => place.Key.Address.Tier).Distinct().Order()));
        Assert.True(places.Length > 500, $"{places.Length} addresses");
        // A part is drawn by the coordinators of both clusters, after the restart once more, and by every tier below its own.
        Assert.True(places.Count(place => place.Count() > 1) > 100);
    }

    public static TheoryData<string> Faults => new(
        "fresh noise at every call", "tiers share their noise", "nodes share their noise", "releases share their secret", "copies share their noise", "streams start a draw later", "columns share their noise");

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_build_that_draws_noise_twice_or_anew_is_caught(string fault)
    {
        var number = 0;
        // Two calls at most of each address: more of them show no more.
        var calls = Drawn.GroupBy(drawn => (drawn.Key, drawn.Address)).SelectMany(place => place.Take(2)).Take(6000);
        var planted = calls.Select(drawn => drawn with { Values = Plant(fault, drawn, number++) });
        var found = DuplicateNoiseDetector.Faults(planted);
        Assert.NotEmpty(found);
        Assert.Contains(found, text => text.StartsWith(fault.StartsWith("fresh", StringComparison.Ordinal) ? "two values" : "one run", StringComparison.Ordinal));
    }

    /// <summary>What a faulty build answers where the product drew something.</summary>
    private static long[] Plant(string fault, DrawnNoise drawn, int number)
    {
        var (key, address, length) = (Key(drawn.Key), drawn.Address, drawn.Values.Length);
        return fault switch
        {
            "fresh noise at every call" => Draw(Key((UInt128)number + 1), address, length),
            // Drawn once and scaled to each tier would be another number; here the widths are left out too.
            "tiers share their noise" => Draw(key, address with { Tier = 0, Variance = new NoiseVariance(UInt128.One << 70) }, length),
            "nodes share their noise" => Draw(key, address with { Node = 1 }, length),
            "releases share their secret" => Draw(Key(1), address with { Variance = new NoiseVariance(UInt128.One << 70) }, length),
            // A distance-tree's copies follow each other by a stride: their numbers in a node's address.
            "copies share their noise" => Draw(key, address.Mechanism == DistanceTreeRelease.Mechanism ? address with { Node = address.Node % WatchedClusters.CopyStride } : address, length),
            // One long stream for all addresses, read from another place each: vectors overlap.
            "streams start a draw later" => Draw(Key(1), new NoiseAddress("stream", 0, 1, new NoiseVariance(UInt128.One << 70)), length + (int)(address.Node % 64))[(int)(address.Node % 64)..],
            _ => [.. Enumerable.Repeat(Draw(key, address, length)[0], length)],
        };
    }

    private static ReleaseKey Key(UInt128 identity) => Keys.GetOrAdd(identity, MakeKey);

    private static readonly ConcurrentDictionary<UInt128, ReleaseKey> Keys = new();

    private static ReleaseKey MakeKey(UInt128 identity)
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, identity);
        return ReleaseKey.Derive(SHA256.HashData(bytes), new byte[32]);
    }

    private static long[] Draw(ReleaseKey key, NoiseAddress address, int length)
    {
        var values = new long[length];
        new KeyedNoise(key).Fill(address, values);
        return values;
    }
}

/// <summary>Two clusters on one storage, and a third one in the place of the second after its end, with all their noise watched.</summary>
public sealed class WatchedClusters : IAsyncLifetime
{
    private readonly DuplicateNoiseDetector _detector = new(new KeyedNoiseSources());

    internal IReadOnlyCollection<DrawnNoise> Drawn => _detector.Drawn;

    /// <summary>What a copy's addresses are apart: 2 m r.</summary>
    internal static long CopyStride
    {
        get
        {
            var parameters = SchemaFactory.DistanceParameters(SchemaFactory.Resolve(Samples.Of(DistanceTreeRelease.Mechanism)));
            return 2L * parameters.GridCells * parameters.Features;
        }
    }

    public async ValueTask InitializeAsync()
    {
        await using var left = await StartAsync(null);
        var moments = await SceneAsync(left, "moments", Samples.Of(MomentRelease.Mechanism));
        var distances = await SceneAsync(left, "distances", Samples.Of(DistanceTreeRelease.Mechanism));
        var questions = await SceneAsync(left, "questions", PerQueries.Definition(limit: 20));
        await questions.AppendAsync("b0", Samples.Rows(30, 1));
        await questions.GrantAsync(16);
        var releases = new Dictionary<Scene, List<string>>();
        foreach (var scene in new[] { moments, distances })
        {
            await scene.GrantAsync(8);
            releases[scene] = [];
            for (var batch = 0; batch < 2; batch++)
            {
                await scene.AppendAsync($"b{batch}", Samples.Rows(30, batch));
                releases[scene].Add((await scene.PublishAsync()).Id);
            }
        }
        await using (var right = await StartAsync(left))
        {
            await AskAsync([left, right], distances, releases[distances]);
            await Task.WhenAll(Enumerable.Range(0, 6).Select(i => (i % 2 == 0 ? left : right).FrontDoor.AttendAsync(questions.User, questions.Store, PerQueries.Ask($"k{i / 2}", queries: 2 + i / 2))));
        }
        await using var restarted = await StartAsync(left);
        await AskAsync([restarted], distances, releases[distances]);
        await restarted.FrontDoor.AttendAsync(questions.User, questions.Store, PerQueries.Ask("k0"));
        await restarted.FrontDoor.AttendAsync(questions.User, questions.Store, PerQueries.Ask("last"));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Task<TestSilos> StartAsync(TestSilos? sharing) =>
        TestSilos.StartAsync(sharing: sharing, replace: (services, _) => services.AddSingleton<INoiseSources>(_detector));

    private static async Task<Scene> SceneAsync(TestSilos silos, string name, StoreDefinition definition)
    {
        var owner = await silos.PrincipalAsync(Roles.Owner, $"owner of {name}");
        await silos.FrontDoor.EnsureStoreAsync(owner, name, definition);
        return new Scene(silos.FrontDoor, name, owner, [await silos.PrincipalAsync(Roles.User, $"user of {name}")]);
    }

    /// <summary>Every release at every tier, through each cluster, with queries that the others ask too.</summary>
    private static async Task AskAsync(TestSilos[] clusters, Scene scene, IEnumerable<string> releases)
    {
        foreach (var release in releases)
        {
            for (var tier = 0; tier < 3; tier++)
            {
                foreach (var cluster in clusters)
                    await cluster.FrontDoor.AttendAsync(scene.User, scene.Store, new AttendCommand(Samples.Queries(3, tier), release, tier));
            }
        }
    }
}
