using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing.Tests;

/// <summary>What is audited is the product, on neighbours that are worth it.</summary>
public class AuditTargetTests
{
    private static readonly byte[] Secret = SHA256.HashData("secret"u8);
    private static readonly Epsilon[] Tiers = [new(0.5), new(1)];

    public static TheoryData<string> Shapes => [.. Schemas.Keys];

    private static readonly Dictionary<string, StoreSchema> Schemas = new()
    {
        ["ball"] = new(Region.Ball(3, 1), Region.Ball(3, 1), ValueBound.Ball(2, 2), 0.5, Adjacency.ReplaceOne, 4),
        ["ball, add-remove"] = new(Region.Ball(3, 1), Region.Ball(3, 1), ValueBound.Ball(2, 2), 0.5, Adjacency.AddRemove, 4),
        ["queries off centre"] = new(Region.Ball(3, 1), Region.Ball([0.5, -1, 0.2], 0.7), ValueBound.Ball(3, 1), 0.9, Adjacency.ReplaceOne, 4),
        ["queries off centre, add-remove"] = new(Region.Ball(3, 1), Region.Ball([0.5, -1, 0.2], 0.7), ValueBound.Ball(3, 1), 0.9, Adjacency.AddRemove, 4),
        ["box"] = new(Region.Box(2, 0, 1), Region.Box(2, 0, 1), ValueBound.Ball(3, 1), 0.5, Adjacency.ReplaceOne, 4),
        ["box of values"] = new(Region.Box(2, -1, 1), Region.Ball(2, 1), ValueBound.Box(4, 0.5), 0.5, Adjacency.ReplaceOne, 4),
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_neighbours_of_other_stores_reach_nearly_all_of_the_sensitivity_too(string shape)
    {
        var store = new AuditedStore(Schemas[shape]);
        foreach (var mechanism in new[] { "moment-tree", "moment-tree levels-all", "per-query", "per-query batch" })
            Assert.InRange(store.Target(mechanism, new Epsilon(1), Audits.Delta).SensitivityReached, 0.99, 1);
    }

    [Fact]
    public void A_run_of_the_moment_tree_is_what_the_product_publishes_under_the_same_secret()
    {
        var parameters = MomentParameters.Create(AuditedStore.Small(Adjacency.ReplaceOne).Schema, 2);
        var ladder = MomentRelease.Calibrate(parameters, Tiers, Audits.Delta);
        var (pair, view) = Run((neighbours, _) => new MomentTarget(parameters, ladder, neighbours), parameters.Schema, 1);
        var sums = MomentAccumulator.Sum(parameters, pair.Second);
        var release = MomentRelease.Publish(sums, ladder, Secret);
        Assert.Equal([.. release.Tiers[0].Values, .. release.Tiers[1].Values], Released(view, MomentAccumulator.Sum(parameters, pair.First).Sums));
    }

    [Fact]
    public void A_run_of_all_levels_is_what_the_product_publishes_under_the_same_secret()
    {
        var tree = MomentTreeParameters.Create(MomentParameters.Create(AuditedStore.Small(Adjacency.ReplaceOne).Schema, 2), 1);
        var ladder = tree.Calibrate(Tiers, Audits.Delta);
        var (pair, view) = Run((neighbours, _) => new MomentTreeTarget(tree, ladder, neighbours), tree.Moments.Schema, 4);
        var release = MomentTreeRelease.Publish(tree, pair.Second, ladder, Secret);
        var first = MomentTreeSums.Of(tree, MomentTreeSums.Cut(tree, pair.First)).ToDictionary(node => node.Node, node => node.Sums.Sums);
        // In the order of the stream: the first leaf, its sibling, and what is above them.
        long[] nodes = [4, 5, 2, 1];
        Assert.Equal(
            [.. Enumerable.Range(0, 2).SelectMany(tier => nodes.SelectMany(node => release.Nodes(tier)[node].Moments.Values))],
            Released(view, [.. nodes.SelectMany(node => first[node])]));
    }

    [Fact]
    public void A_run_under_another_secret_or_on_the_other_data_set_is_another()
    {
        foreach (var mechanism in AuditedStore.Mechanisms)
        {
            var target = Audits.Target(mechanism, "add-remove", 1);
            double[] Run(bool second, byte[] secret)
            {
                var view = new double[target.Difference.Length];
                target.Run(second, secret, view);
                return view;
            }
            Assert.Equal(Run(false, Secret), Run(false, Secret));
            Assert.NotEqual(Run(false, Secret), Run(false, SHA256.HashData(Secret)));
            // Other rows have other noise: the difference is not the bare one of the sums.
            var difference = target.Difference.ToArray();
            Assert.NotEqual(difference, Run(true, Secret).Zip(Run(false, Secret), (x, y) => x - y));
        }
    }

    [Fact]
    public void What_cannot_be_audited_is_refused_with_the_reason()
    {
        var store = AuditedStore.Small(Adjacency.ReplaceOne);
        Assert.Contains("no mechanism is called 'moment'; there are moment-tree,", Assert.Throws<ArgumentException>(() => store.Target("moment", new Epsilon(1), Audits.Delta)).Message);
        var target = store.Target("per-query", new Epsilon(1), Audits.Delta);
        foreach (var settings in new AuditSettings[] { new() { Runs = 0 }, new() { TuningRuns = 0 }, new() { LearningRuns = 0 }, new() { Threads = 0 } })
            Assert.Contains("at least one run of each phase and one thread", Assert.Throws<ArgumentException>(() => Audit.Run(target, settings)).Message);
        var wide = AuditedStore.Small(Adjacency.ReplaceOne, 6, 6).Target("moment-tree levels-all", new Epsilon(1), Audits.Delta);
        Assert.Contains("released numbers, and at most 512 are audited", Assert.Throws<ArgumentException>(() => Audit.Run(wide, new AuditSettings())).Message);
        Assert.Throws<ArgumentException>(() => NeighbourPair.Of(store.Schema, 1, new([1.0], [1.0]), null));
        Assert.Throws<ArgumentException>(() => AuditSettings.RunsFor(new Epsilon(1), Audits.Delta, 0.99));
    }

    [Fact]
    public void An_audit_can_be_stopped()
    {
        using var stop = new CancellationTokenSource();
        var seen = 0L;
        var progress = new Counter(runs =>
        {
            if (Interlocked.Add(ref seen, runs) > 4000)
                stop.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Audit.Run(Audits.Target("per-query", "replace-one", 1), new AuditSettings { Runs = 1 << 24, Seed = 1 }, progress, stop.Token));
    }

    [Fact]
    public void Every_run_is_counted_by_the_progress()
    {
        var seen = 0L;
        var settings = Audits.Settings(3000);
        Audit.Run(Audits.Target("per-query", "replace-one", 1), settings, new Counter(runs => Interlocked.Add(ref seen, runs)), TestContext.Current.CancellationToken);
        Assert.Equal(settings.TotalRuns, seen);
    }

    private static (NeighbourPair Pair, double[] View) Run(Func<NeighbourPair, StoreSchema, AuditTarget> make, StoreSchema schema, int slots)
    {
        var pair = NeighbourPair.Of(schema, slots, new([1.0], [1.0]), new([1.0], [-1.0]));
        var target = make(pair, schema);
        var view = new double[target.Difference.Length];
        target.Run(true, Secret, view);
        return (pair, view);
    }

    /// <summary>A view, with the first data set's exact sums in it again.</summary>
    private static IEnumerable<long> Released(double[] view, long[] exact) => view.Select((x, i) => (long)x + exact[i % exact.Length]);

    private sealed class Counter(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
