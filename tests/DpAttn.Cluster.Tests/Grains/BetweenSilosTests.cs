using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>What grains say and how they fail is the same on every silo.</summary>
[Collection(FaultyCollection.Name)]
public sealed class BetweenSilosTests(FaultySilos silos) : IDisposable
{
    private IGrainFactory Grains => silos.Silos.Service<IGrainFactory>(0);

    public void Dispose() => silos.Plan.Every = null;

    [Fact]
    public async Task A_problem_arrives_with_its_code_and_text()
    {
        await FarAsync(async key =>
        {
            var grain = Grains.GetGrain<IBudgetGrain>(GrainKey.Of(new StoreId(key), "a"));
            var problem = await Refused.WithAsync(ProblemCodes.NotFound, () => grain.OpenAsync(new OpenCommand("k", [1], "r1", 0), CancellationToken.None));
            Assert.Equal("no such store", problem.Message);
            return grain;
        });
    }

    [Theory]
    [InlineData(Fault.Before, ProblemCodes.LedgerUnavailable)]
    [InlineData(Fault.After, ProblemCodes.ChargeUnknown)]
    public async Task A_failure_of_the_ledger_arrives_as_a_problem(Fault fault, string code)
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        var store = new StoreId(await scene.IncarnationAsync());
        silos.Plan.Every = call => call == "ledger open" ? fault : null;
        await FarAsync(async key =>
        {
            var grain = Grains.GetGrain<IBudgetGrain>(GrainKey.Of(store, key));
            var problem = await Refused.WithAsync(code, () => grain.OpenAsync(new OpenCommand("k", [1], release, 0), CancellationToken.None));
            Assert.DoesNotContain("planned", problem.Message);
            return grain;
        });
    }

    [Fact]
    public async Task A_failure_of_the_blobs_arrives_as_a_problem()
    {
        silos.Plan.Every = call => call == "put Segment" ? Fault.Before : null;
        await FarAsync(async key =>
        {
            var grain = Grains.GetGrain<IShardGrain>(GrainKey.Shard(new StoreId(key), 3));
            await Refused.WithAsync(ProblemCodes.ShardUnavailable, () => grain.StoreAsync("b", new byte[] { 1, 2, 3 }, CancellationToken.None));
            return grain;
        });
    }

    [Fact]
    public async Task A_bad_argument_arrives_as_one_and_without_its_value()
    {
        await FarAsync(async key =>
        {
            var grain = Grains.GetGrain<IBudgetGrain>(GrainKey.Of(new StoreId(key), "a"));
            var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => grain.FindAsync("with a space", CancellationToken.None));
            Assert.DoesNotContain("with a space", problem.Message);
            return grain;
        });
    }

    [Fact]
    public async Task Segments_receipts_states_and_blocks_arrive_as_they_were_sent()
    {
        var scene = await silos.SceneAsync(Samples.Definition(8));
        for (var i = 0; i < 8; i++)
            await scene.AppendAsync($"b{i}", Samples.Rows(9, i));
        var release = (await scene.PublishAsync()).Id;
        var store = new StoreId(await scene.IncarnationAsync());
        await scene.GrantAsync(3);

        await FarAsync(async key =>
        {
            var grain = Grains.GetGrain<IBudgetGrain>(GrainKey.Of(store, key));
            await grain.SetLimitAsync(3, CancellationToken.None);
            var outcome = await grain.OpenAsync(new OpenCommand("k", [1], release, 1), CancellationToken.None);
            Assert.Null(outcome.Refusal);
            Assert.Equal((3, 2, 1), (outcome.Account!.StatedEpsilon, outcome.Account.Sequence, outcome.Account.TierOf(release)!.Value));
            Assert.Equal(outcome.MuSquared, outcome.Account.SpentMuSquared);
            Assert.Equal(outcome.Account.Opened, (await grain.GetAsync(CancellationToken.None))!.Opened);
            var recorded = (await grain.FindAsync("k", CancellationToken.None))!;
            Assert.Equal((RequestFingerprint.Of([1]).Hex, release, 1, outcome.MuSquared), (recorded.Fingerprint, recorded.Release, recorded.Tier!.Value, recorded.MuSquared));
            Assert.Null(await grain.FindAsync("l", CancellationToken.None));
            return grain;
        });

        // A publish reaches shards on both silos: sums cross as blocks.
        await Wait.PublishedAsync(silos.Silos.Door(1), scene.Owner, scene.Store, (await silos.Silos.Door(1).PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null)).Id);
    }

    /// <summary>Exact parts cross to the coordinator, and noised ones to whoever answers, on any silo: they are the library's, and so are the answers of both.</summary>
    [Fact]
    public async Task Parts_of_a_distance_tree_arrive_as_they_were_summed_and_noised()
    {
        var definition = Samples.Of(DistanceTreeRelease.Mechanism, shards: 8);
        var rows = Samples.Rows(90, 5);
        await FarAsync(async _ =>
        {
            var scene = await silos.SceneAsync(definition);
            for (var i = 0; i < 9; i++)
                await scene.AppendAsync($"b{i}", Samples.Window(rows, 10 * i, 10));
            var store = new StoreId(await scene.IncarnationAsync());
            var (release, key) = await FrozenRelease.FreezeAsync(silos.Silos, store);
            await Wait.PublishedAsync(scene.Door, scene.Owner, scene.Store, release);
            await scene.GrantAsync(4);
            await scene.AttendAsync(new AttendCommand(Samples.Queries(1), release, 1));

            var parameters = SchemaFactory.DistanceParameters(SchemaFactory.Resolve(definition));
            var ladder = DistanceTreeRelease.Calibrate(parameters, [.. definition.Ladder.Select(Epsilon.Budget)], new Delta(definition.Delta));
            var expected = DistanceTreeRelease.Publish(DistanceTreeSums.Sum(parameters, rows.ToRows()), ladder, key);
            Assert.Equal(expected.Tiers.Select(Released.ReadAll), await silos.Silos.ReadReleasedAsync(store, release));
            var outputs = new DistanceTreeAnswerer(expected.Tiers[1]).Answer(Samples.Queries(9)).Select(answer => answer.Output);
            for (var silo = 0; silo < 2; silo++)
                Assert.Equal(outputs, (await silos.Silos.Door(silo).AttendAsync(scene.User, scene.Store, new AttendCommand(Samples.Queries(9)))).Answers.Select(answer => answer.Output));
            return Grains.GetGrain<ICoordinatorGrain>(GrainKey.Of(store, release));
        });
    }

    [Fact]
    public async Task A_part_that_is_none_and_sums_that_cannot_be_read_arrive_as_problems()
    {
        await FarAsync(async _ =>
        {
            silos.Plan.Every = null;
            var scene = await silos.SceneAsync(Samples.Of(DistanceTreeRelease.Mechanism));
            var release = await scene.LoadedAsync();
            var grain = Grains.GetGrain<ICoordinatorGrain>(GrainKey.Of(new StoreId(await scene.IncarnationAsync()), release));
            silos.Plan.Every = call => call == "read ShardSums" ? Fault.Before : null;
            var unread = await Refused.WithAsync(ProblemCodes.ShardUnavailable, () => grain.ReadPartsAsync(0, new LongBlock([0]), CancellationToken.None));
            Assert.StartsWith("shard ", unread.Message);
            Assert.DoesNotContain("planned", unread.Message);
            Assert.Null(unread.InnerException);
            await Refused.WithAsync(ProblemCodes.InvalidRequest, () => grain.ReadPartsAsync(0, new LongBlock([-1]), CancellationToken.None));
            await Refused.WithAsync(ProblemCodes.NotFound, () => grain.ReadPartsAsync(3, new LongBlock([0]), CancellationToken.None));
            return grain;
        });
    }

    /// <summary>The coordinator and the shards of a release of all levels live on both silos, and both answer its ranges.</summary>
    [Fact]
    public async Task Sums_of_blocks_cross_and_ranges_are_answered_alike_on_both_silos()
    {
        var scene = await silos.SceneAsync(Samples.Of(Samples.AllLevels, shards: 8));
        for (var i = 0; i < 8; i++)
            await scene.AppendAsync($"b{i}", Samples.Rows(9, i));
        var release = (await scene.PublishAsync()).Id;
        await scene.GrantAsync(3);
        await scene.AttendAsync(new AttendCommand(Samples.Queries(3), release, 1));
        var whole = new BlockRange(0, 18);
        foreach (var rows in new BlockRange?[] { null, whole, new(3, 11), new(17, 18) })
        {
            var command = new AttendCommand(Samples.Queries(3), release, Rows: rows);
            var answers = await Task.WhenAll(Enumerable.Range(0, 2).Select(silo => silos.Silos.Door(silo).AttendAsync(scene.User, scene.Store, command)));
            Assert.Equal(answers[0].Answers.Select(answer => answer.Output), answers[1].Answers.Select(answer => answer.Output));
            var covered = rows ?? whole;
            Assert.Equal(covered, answers[1].Blocks);
            Assert.Equal(4 * (covered.To - covered.From), answers[1].SlotsCovered);
            var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => silos.Silos.Door(1).AttendAsync(scene.User, scene.Store, command with { Rows = new BlockRange(0, 19) }));
            Assert.Contains("at most 18, not 19", problem.Message);
        }
    }

    [Fact]
    public void A_range_and_what_is_covered_arrive_as_they_were_sent()
    {
        var serializer = silos.Silos.Service<Orleans.Serialization.Serializer>(0);
        foreach (var (from, to) in new (long?, long?)[] { (null, null), (0, 1), (7, long.MaxValue) })
        {
            var command = serializer.Deserialize<AnswerCommand>(serializer.SerializeToArray(new AnswerCommand("r", 1, 1, [0.5], true, from, to)))!;
            Assert.Equal((from, to), (command.From, command.To));
            Assert.Equal(from is { } first && to is { } end ? new BlockRange(first, end) : null, command.Rows);
            var batch = serializer.Deserialize<AnswerBatch>(serializer.SerializeToArray(new AnswerBatch(1, [1], [1], [1], [1], [true], [], 0, to)))!;
            Assert.Equal(to, batch.Slots);
        }
    }

    /// <summary>Tries keys until one's grain lives on the other silo: what was asserted of it crossed the wire.</summary>
    private async Task FarAsync(Func<string, Task<IGrain>> ask)
    {
        var management = Grains.GetGrain<IManagementGrain>(0);
        var here = silos.Silos.Cluster.Silos[0].SiloAddress;
        for (var tried = 0; tried < 100; tried++)
        {
            var grain = await ask(Guid.NewGuid().ToString("N"));
            if (await management.GetActivationAddress(grain) is { } there && !there.Equals(here))
                return;
        }
        Assert.Fail("no grain was placed on the other silo");
    }
}
