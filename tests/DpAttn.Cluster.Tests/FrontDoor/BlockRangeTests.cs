using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>A store of all levels answers any range of blocks from one release, for the price of one, and says what each answer covers.</summary>
public sealed class BlockRangeTests(OneSilo one, TwoSilos two)
{
    private static readonly StoreDefinition Definition = Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: 16), Capacity = 1000 };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Answers_of_every_range_are_those_of_the_library(int silos)
    {
        SharedSilos cluster = silos == 1 ? one : two;
        var scene = await cluster.SceneAsync(Definition);
        var store = new StoreId(await scene.IncarnationAsync());
        for (var i = 0; i < 5; i++)
            await scene.AppendAsync($"b{i}", Samples.Window(Samples.Rows(150, 4), 30 * i, 30));
        var (release, key) = await FrozenRelease.FreezeAsync(cluster.Silos, store);
        await Wait.PublishedAsync(scene.Door, scene.Owner, scene.Store, release);
        await scene.GrantAsync(4);
        var tree = SchemaFactory.TreeParameters(SchemaFactory.Resolve(Definition));
        var ladder = tree.Calibrate([.. Definition.Ladder.Select(Epsilon.Budget)], new Delta(1e-6));
        var published = MomentTreeRelease.Publish(tree, Samples.Rows(150, 4).ToRows(), ladder, new KeyedNoise(key));
        // 150 slots: nine blocks and one of 6.
        for (var tier = 0; tier < 3; tier++)
        {
            foreach (var (from, to) in from low in Enumerable.Range(0, 10) from high in Enumerable.Range(low + 1, 10 - low) select (low, high))
            {
                var result = await scene.AttendAsync(new AttendCommand(Samples.Queries(5), release, tier, Rows: new BlockRange(from, to)));
                Require(new MomentAnswerer(published.Range(tier, from, to).Moments).Answer(Samples.Queries(5)), result.Answers);
                Assert.Equal(Math.Min(150, 16 * to) - 16 * from, result.SlotsCovered);
                Assert.Equal(new BlockRange(from, to), result.Blocks);
            }
            var whole = await scene.AttendAsync(new AttendCommand(Samples.Queries(5), release, tier));
            Require(new MomentAnswerer(published.Whole(tier).Moments).Answer(Samples.Queries(5)), whole.Answers);
            Assert.Equal((150, new BlockRange(0, 10)), (whole.SlotsCovered!.Value, whole.Blocks));
        }
    }

    [Fact]
    public async Task A_tier_that_is_opened_is_paid_for_all_ranges()
    {
        var scene = await one.SceneAsync(Definition);
        var release = await scene.LoadedAsync(100);
        await scene.GrantAsync(1);
        var first = await scene.AttendAsync(new AttendCommand(Samples.Queries(2), release, 1, RequestId: "k", Rows: new BlockRange(2, 5)));
        Assert.Equal(1, first.Privacy.Charged, 1e-6);
        var again = await scene.AttendAsync(new AttendCommand(Samples.Queries(2), release, 1, RequestId: "k", Rows: new BlockRange(2, 5)));
        Assert.Equal((0.0, true), (again.Privacy.Charged, again.Privacy.Replayed));
        Assert.Equal(first.Answers.Select(answer => answer.Output), again.Answers.Select(answer => answer.Output));
        foreach (var rows in new BlockRange?[] { new(0, 1), new(0, 7), null, new(6, 7) })
            Assert.Equal(0, (await scene.AttendAsync(new AttendCommand(Samples.Queries(2), Rows: rows))).Privacy.Charged);
        // The same key with another range is another request.
        foreach (var rows in new BlockRange?[] { new(2, 6), null })
            await Refused.WithAsync(ProblemCodes.RequestConflict, () => scene.AttendAsync(new AttendCommand(Samples.Queries(2), release, 1, RequestId: "k", Rows: rows)));
        await RequireSpentAsync(scene, 1, 2);
    }

    [Theory]
    [InlineData(3, 3, "holds none")]
    [InlineData(4, 3, "from 4 to 3 holds none")]
    [InlineData(-1, 2, "holds none")]
    [InlineData(0, 8, "has blocks 0 to 6, so to is at most 7, not 8")]
    [InlineData(7, 8, "to is at most 7, not 8")]
    [InlineData(0, long.MaxValue, "to is at most 7")]
    public async Task A_range_that_is_none_is_refused_with_its_bound_and_costs_nothing(long from, long to, string why)
    {
        var scene = await one.SceneAsync(Definition);
        var release = await scene.LoadedAsync(100);
        await scene.GrantAsync(4);
        var rows = new BlockRange(from, to);
        foreach (var command in new AttendCommand[]
        {
            new(Samples.Queries(1), release, 0, Rows: rows), new(Samples.Queries(1), MaxEpsilon: 1, Rows: rows), new(Samples.Queries(1), release, 0, RequestId: "k", Rows: rows),
        })
            Assert.Contains(why, (await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(command))).Message);
        await RequireSpentAsync(scene, 0, 1);
        // Of what is open neither.
        await scene.AttendAsync(new AttendCommand(Samples.Queries(1), release, 0));
        Assert.Contains(why, (await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(new AttendCommand(Samples.Queries(1), Rows: rows)))).Message);
        await RequireSpentAsync(scene, 0.5, 2);
    }

    [Theory]
    [InlineData("moment-tree")]
    [InlineData("distance-tree")]
    [InlineData("per-query")]
    public async Task A_store_without_blocks_refuses_a_range_and_says_what_it_covers(string mechanism)
    {
        var scene = await one.SceneAsync(mechanism == "per-query" ? Samples.Definition() with { Mechanism = new MechanismDefinition(mechanism) } : Samples.Of(mechanism));
        await scene.AppendAsync("b", Samples.Rows(60, 1));
        var release = mechanism == "per-query" ? null : (await scene.PublishAsync()).Id;
        await scene.GrantAsync(4);
        var command = new AttendCommand(Samples.Queries(1), release, 0, RequestId: "k");
        var refused = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(command with { Rows = new BlockRange(0, 1) }));
        Assert.Contains("rows belongs to stores of mechanism moment-tree whose levels are all", refused.Message);
        await RequireSpentAsync(scene, 0, 1);
        var answer = await scene.AttendAsync(command);
        Assert.Equal((release is null ? null : 60L, null), (answer.SlotsCovered, answer.Blocks));
    }

    [Fact]
    public async Task Root_and_nothing_said_are_one_definition_and_all_is_another()
    {
        var scene = await one.SceneAsync(Samples.Definition());
        foreach (var same in new[] { new MechanismDefinition(), new MechanismDefinition(Levels: "root"), new MechanismDefinition(Levels: "root", Continual: false) })
            Assert.False((await scene.Door.EnsureStoreAsync(scene.Owner, scene.Store, Samples.Definition() with { Mechanism = same })).IsNew);
        await Refused.WithAsync(ProblemCodes.Conflict, () => scene.Door.EnsureStoreAsync(scene.Owner, scene.Store, Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all") }));

        var all = await one.SceneAsync(Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all") });
        var stated = new MechanismDefinition(Levels: "all", BlockRows: 1024, Continual: false);
        var (store, isNew) = await all.Door.EnsureStoreAsync(all.Owner, all.Store, Samples.Definition() with { Mechanism = stated });
        Assert.Equal((false, 1024, "all"), (isNew, store.Definition.Mechanism.BlockRows!.Value, store.Definition.Mechanism.Levels));
        await Refused.WithAsync(ProblemCodes.Conflict, () => all.Door.EnsureStoreAsync(all.Owner, all.Store, Samples.Definition() with { Mechanism = stated with { BlockRows = 512 } }));
    }

    [Fact]
    public async Task An_estimate_is_of_the_whole_and_its_noise_is_that_of_all_levels()
    {
        var scene = await one.SceneAsync(Definition);
        await scene.AppendAsync("b", Samples.Rows(100, 1));
        var tree = SchemaFactory.TreeParameters(SchemaFactory.Resolve(Definition));
        var line = Assert.Single((await scene.Door.EstimateAsync(scene.Owner, scene.Store, new EstimateRequest(Epsilon: 1))).Lines);
        Assert.Equal(MomentEstimator.ErrorAt(tree, 100, new Epsilon(1), new Delta(1e-6)).TypicalNoise, line.TypicalNoise);
        // 1000 slots in blocks of 16: 64 blocks, 7 levels.
        var root = MomentEstimator.ErrorAt(tree.Moments, 100, new Epsilon(1), new Delta(1e-6)).TypicalNoise;
        Assert.Equal(Math.Sqrt(7), line.TypicalNoise / root, 1e-6);
        var back = Assert.Single((await scene.Door.EstimateAsync(scene.Owner, scene.Store, new EstimateRequest(Error: line.TypicalNoise))).Lines);
        Assert.Equal(1, back.Epsilon, 1e-3);
    }

    [Fact]
    public async Task A_ladder_whose_nodes_do_not_fit_is_refused_before_anything_is_frozen()
    {
        var scene = await one.SceneAsync(Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: 1), Capacity = 1 << 17, ValueDimension = 50, Ladder = [1] });
        var ladder = Enumerable.Range(1, 5).Select(tier => (double)tier).ToArray();
        var refused = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(ladder), null));
        Assert.Contains("at 5 tiers, and at most 8589934592 are stored", refused.Message);
        Assert.Empty(await scene.Door.ListReleasesAsync(scene.Owner, scene.Store));
    }

    private static void Require(IReadOnlyList<AttentionAnswer> expected, IReadOnlyList<AttentionAnswer> answers)
    {
        Assert.Equal(expected.Select(answer => answer.Output), answers.Select(answer => answer.Output));
        Assert.Equal(expected.Select(answer => answer.NoiseDeviation), answers.Select(answer => answer.NoiseDeviation));
        Assert.Equal(expected.Select(answer => answer.Intervals), answers.Select(answer => answer.Intervals));
        Assert.Equal(expected.Select(answer => answer.IsIndistinguishableFromMean), answers.Select(answer => answer.IsIndistinguishableFromMean));
        Assert.Equal(expected.Select(answer => answer.SlotsCovered), answers.Select(answer => answer.SlotsCovered));
    }

    private static async Task RequireSpentAsync(Scene scene, double epsilon, int entries)
    {
        Assert.Equal(epsilon, (await scene.Door.GetMyBudgetAsync(scene.User, scene.Store)).Spent, 1e-6);
        Assert.Equal(entries, (await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 100)).Entries.Count);
    }
}
