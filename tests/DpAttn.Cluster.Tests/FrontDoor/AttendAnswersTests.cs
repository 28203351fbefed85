using System.Collections.Concurrent;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Cluster.Tests;

/// <summary>Answers are the library's, bit for bit, however they travel; and what they travel as.</summary>
public class AttendAnswersTests(OneSilo one)
{
    [Fact]
    public async Task Answers_of_large_batches_are_those_of_their_queries_one_by_one()
    {
        var scene = await one.SceneAsync(Samples.Definition() with { KeyDimension = 40, ValueDimension = 20, Mechanism = new MechanismDefinition(Degree: 2) });
        var rows = new RowBatch(new Attention.IO.FloatMatrix(new Matrix<float>(50, 40)), new Attention.IO.FloatMatrix(new Matrix<float>(50, 20)));
        for (var i = 0; i < 50; i++)
            (rows.Keys.Single![i, i % 40], rows.Values.Single![i, i % 20]) = (1, -0.5f);
        await scene.AppendAsync("b", rows);
        var release = (await scene.PublishAsync()).Id;
        await scene.GrantAsync(4);
        var model = Moments.ModelOf((await scene.Door.GetStoreAsync(scene.Owner, scene.Store)).Definition);
        var count = 2 * AnswerBatches.QueriesPerCall(model) + 7;
        var queries = new Matrix<double>(count, 40);
        for (var i = 0; i < count; i++)
            queries[i, i % 40] = 1 - i / (2.0 * count);
        var all = (await scene.AttendAsync(new AttendCommand(queries, release, 2))).Answers;
        Assert.Equal(count, all.Count);
        foreach (var i in new[] { 0, 1, count / 2, AnswerBatches.QueriesPerCall(model), count - 1 })
        {
            var single = (await scene.AttendAsync(new AttendCommand(new Matrix<double>(1, 40, queries.Row(i).ToArray())))).Answers[0];
            Assert.Equal(single.Output, all[i].Output);
            Assert.Equal(single.Intervals, all[i].Intervals);
        }
    }

    [Fact]
    public void No_message_of_an_answer_comes_near_the_engines_limit()
    {
        foreach (var (d, dv, degree) in new[] { (1, 1, 1), (5, 3, 2), (64, 64, 2), (2000, 1, 1), (1, 60_000, 1), (300, 300, 2) })
        {
            var definition = Samples.Definition() with { KeyDimension = d, ValueDimension = dv, Mechanism = new MechanismDefinition(Degree: degree), Scale = 0.1 };
            var queries = AnswerBatches.QueriesPerCall(Moments.ModelOf(definition));
            Assert.InRange(queries, 1, int.MaxValue);
            Assert.InRange((long)queries * d * 8, 1, 2 << 20);
            Assert.InRange((long)queries * dv * 33, 1, 4 << 20);
        }
    }

    [Fact]
    public async Task Answers_are_those_of_the_released_integers()
    {
        var scene = await one.SceneAsync();
        var store = new StoreId(await scene.IncarnationAsync());
        await scene.AppendAsync("b", Samples.Rows(500, 4));
        var (release, key) = await FrozenRelease.FreezeAsync(one.Silos, store);
        await Wait.PublishedAsync(scene.Door, scene.Owner, scene.Store, release);
        await scene.GrantAsync(4);
        var parameters = SchemaFactory.Parameters(SchemaFactory.Resolve(Samples.Definition()));
        var exact = MomentAccumulator.Sum(parameters, Samples.Rows(500, 4).ToRows());
        var published = MomentRelease.Publish(exact, SchemaFactory.Ladder(parameters, Samples.Definition().Ladder, new Delta(1e-6)), key);
        for (var tier = 0; tier < 3; tier++)
        {
            var answers = (await scene.AttendAsync(new AttendCommand(Samples.Queries(20), release, tier))).Answers;
            var expected = new MomentAnswerer(published.Tiers[tier]).Answer(Samples.Queries(20));
            Assert.Equal(expected.Select(answer => answer.Output), answers.Select(answer => answer.Output));
            Assert.Equal(expected.Select(answer => answer.NoiseDeviation), answers.Select(answer => answer.NoiseDeviation));
            Assert.Equal(expected.Select(answer => answer.Intervals), answers.Select(answer => answer.Intervals));
            Assert.Equal(expected.Select(answer => answer.KernelErrorBound), answers.Select(answer => answer.KernelErrorBound));
            Assert.Equal(expected.Select(answer => answer.IsIndistinguishableFromMean), answers.Select(answer => answer.IsIndistinguishableFromMean));
        }
    }

    [Theory]
    [InlineData(0.5, 16, 3)]
    [InlineData(0.1, 64, 1)]
    [InlineData(0.0, 16, 1)]
    public async Task Answers_of_a_distance_tree_are_those_of_the_library(double alpha, int gridCells, int copies)
    {
        var definition = Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree", Alpha: alpha, GridCells: gridCells, Copies: copies) };
        var scene = await one.SceneAsync(definition);
        var store = new StoreId(await scene.IncarnationAsync());
        await scene.AppendAsync("b", Samples.Rows(500, 4));
        var (release, key) = await FrozenRelease.FreezeAsync(one.Silos, store);
        await Wait.PublishedAsync(scene.Door, scene.Owner, scene.Store, release);
        await scene.GrantAsync(4);
        var parameters = SchemaFactory.DistanceParameters(SchemaFactory.Resolve(definition));
        var ladder = DistanceTreeRelease.Calibrate(parameters, [.. definition.Ladder.Select(Epsilon.Budget)], new Delta(1e-6));
        var published = DistanceTreeRelease.Publish(DistanceTreeSums.Sum(parameters, Samples.Rows(500, 4).ToRows()), ladder, key);
        for (var tier = 0; tier < 3; tier++)
        {
            var expected = new DistanceTreeAnswerer(published.Tiers[tier]).Answer(Samples.Queries(20));
            // From the coordinator first, then from the silo's cache.
            for (var round = 0; round < 2; round++)
            {
                var answers = (await scene.AttendAsync(new AttendCommand(Samples.Queries(20), release, tier))).Answers;
                Assert.Equal(expected.Select(answer => answer.Output), answers.Select(answer => answer.Output));
                Assert.Equal(expected.Select(answer => answer.NoiseDeviation), answers.Select(answer => answer.NoiseDeviation));
                Assert.Equal(expected.Select(answer => answer.Intervals), answers.Select(answer => answer.Intervals));
                Assert.Equal(expected.Select(answer => answer.IsIndistinguishableFromMean), answers.Select(answer => answer.IsIndistinguishableFromMean));
                // A batch states the largest bound of its queries.
                Assert.All(answers, answer => Assert.Equal(expected.Max(e => e.KernelErrorBound), answer.KernelErrorBound));
            }
        }
        var estimate = Assert.Single((await scene.Door.EstimateAsync(scene.User, scene.Store, new EstimateRequest(Epsilon: 1))).Lines);
        Assert.Equal(DistanceTreeEstimator.ErrorAt(parameters, 500, new Epsilon(1), new Delta(1e-6)).TypicalNoise, estimate.TypicalNoise);
        Assert.Equal(parameters.ErrorBound.Answer, estimate.KernelErrorBound);
    }

    [Fact]
    public async Task A_batch_asks_the_coordinator_once_and_each_shard_once()
    {
        var calls = new CountedCalls();
        await using var silos = await TestSilos.StartAsync(1, replace: (services, _) => services.AddSingleton<IIncomingGrainCallFilter>(calls));
        var (owner, user) = (await silos.PrincipalAsync(Roles.Owner, "owner"), await silos.PrincipalAsync(Roles.User, "user"));
        await silos.FrontDoor.EnsureStoreAsync(owner, "s", Samples.Of("distance-tree", shards: 5));
        await silos.FrontDoor.AppendAsync(owner, "s", "b", Samples.Rows(60, 1));
        var release = await silos.FrontDoor.PublishAsync(owner, "s", new PublishRequest(), null);
        await Wait.PublishedAsync(silos.FrontDoor, owner, "s", release.Id);
        await silos.FrontDoor.SetBudgetAsync(owner, "s", user.Account.Value, new LimitRequest(4));
        await silos.FrontDoor.AttendAsync(user, "s", new AttendCommand(Samples.Queries(20), release.Id, 1));
        Assert.Equal((1, 5), (calls.Of<CoordinatorGrain>(), calls.Of<ShardGrain>()));
        await silos.FrontDoor.AttendAsync(user, "s", new AttendCommand(Samples.Queries(20)));
        Assert.Equal((1, 5), (calls.Of<CoordinatorGrain>(), calls.Of<ShardGrain>()));
        // What is known is not asked for again, and what is new is asked for together.
        await silos.FrontDoor.AttendAsync(user, "s", new AttendCommand(Samples.Queries(40, seed: 7)));
        Assert.Equal((2, 10), (calls.Of<CoordinatorGrain>(), calls.Of<ShardGrain>()));
        // A refusal asks nobody.
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => silos.FrontDoor.AttendAsync(user, "s", new AttendCommand(new Matrix<double>(1, 5, [9, 0, 0, 0, 0]))));
        await silos.FrontDoor.SetBudgetAsync(owner, "s", user.Account.Value, new LimitRequest(1.2));
        await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => silos.FrontDoor.AttendAsync(user, "s", new AttendCommand(Samples.Queries(2, seed: 8), release.Id, 2)));
        Assert.Equal((2, 10), (calls.Of<CoordinatorGrain>(), calls.Of<ShardGrain>()));
    }

    /// <summary>Counts the calls for parts that reach grains.</summary>
    private sealed class CountedCalls : IIncomingGrainCallFilter
    {
        private readonly ConcurrentDictionary<Type, int> _calls = new();

        public int Of<TGrain>() => _calls.GetValueOrDefault(typeof(TGrain));

        public Task Invoke(IIncomingGrainCallContext context)
        {
            if (context.MethodName == nameof(ICoordinatorGrain.ReadPartsAsync))
                _calls.AddOrUpdate(context.TargetContext!.GrainInstance!.GetType(), 1, (_, count) => count + 1);
            return context.Invoke();
        }
    }
}
