using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Answers that are charged one by one, on a whole cluster.</summary>
public sealed class PerQueryAttendTests(TwoSilos two) : IClassFixture<TwoSilos>
{
    private static AttendCommand Ask => PerQueries.Ask();

    [Theory]
    [InlineData(1, "replace-one")]
    [InlineData(3, "replace-one")]
    [InlineData(16, "replace-one")]
    [InlineData(1, "add-remove")]
    [InlineData(3, "add-remove")]
    [InlineData(16, "add-remove")]
    public async Task Answers_are_the_librarys_bit_for_bit_however_many_shards(int shards, string adjacency)
    {
        var scene = await two.SceneAsync(PerQueries.Definition(shards, adjacency));
        var isNull = adjacency == "add-remove" ? Enumerable.Range(0, 200).Select(i => i % 3 == 0).ToArray() : null;
        RowBatch[] batches = [Samples.Rows(200, 1, isNull), Samples.Rows(1, 2), Samples.Rows(77, 3)];
        for (var i = 0; i < batches.Length; i++)
            await scene.AppendAsync($"b{i}", batches[i]);
        await scene.GrantAsync(6);
        var store = new StoreId(await scene.IncarnationAsync());
        // An equal query twice, and another one.
        var queries = Samples.Queries(3, 5);
        queries.Row(0).CopyTo(queries.Row(2));
        for (var silo = 0; silo < 2; silo++)
        {
            var command = new AttendCommand(queries, Tier: silo, RequestId: $"k{silo}");
            var result = await two.Silos.Door(silo).AttendAsync(scene.User, scene.Store, command);
            var expected = await PerQueries.ExpectedAsync(two.Silos.Storage.Catalog, two.Silos.Protector, store, scene.User.Account, command, silo, Samples.Join(batches));
            PerQueries.RequireSame(expected, result.Answers);
            Assert.Equal(result.Answers[0].Output, result.Answers[2].Output);
        }
        Assert.Empty(await two.Silos.Storage.LedgerFaultsAsync(store));
    }

    [Fact]
    public async Task A_request_is_charged_once_and_its_retry_gets_the_same_answer_for_nothing()
    {
        var scene = await LoadedAsync();
        var first = await scene.AttendAsync(Ask);
        Assert.Equal((null, 1, 1.0, 1e-6, 1.0, false), (first.Privacy.Release, first.Privacy.Tier, first.Privacy.TierEpsilon, first.Privacy.Delta, first.Privacy.Charged, first.Privacy.Replayed));
        Assert.Equal(1, first.Privacy.Spent, 1e-6);
        for (var silo = 0; silo < 2; silo++)
        {
            var again = await two.Silos.Door(silo).AttendAsync(scene.User, scene.Store, Ask);
            PerQueries.RequireSame(first.Answers, again.Answers);
            Assert.Equal((0.0, true, 1.0), (again.Privacy.Charged, again.Privacy.Replayed, again.Privacy.TierEpsilon));
        }
        var line = Assert.Single((await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 100)).Entries, line => line.Kind == "charge");
        Assert.Equal(("k", null, null), (line.Request, line.Release, line.Tier));
        Assert.Equal(1, line.Epsilon, 1e-6);
        // A key of another account is another request.
        var other = await two.Silos.PrincipalAsync(Roles.User, SharedSilos.Fresh("user"));
        await scene.GrantAsync(1, other);
        Assert.NotEqual(first.Answers[0].Output, (await scene.AttendAsync(Ask, other)).Answers[0].Output);
    }

    [Fact]
    public async Task A_batch_is_one_charge_of_the_tiers_epsilon()
    {
        var scene = await LoadedAsync();
        var one = await scene.AttendAsync(PerQueries.Ask("one", queries: 1));
        var many = await scene.AttendAsync(PerQueries.Ask("many", queries: 50));
        Assert.Equal(1, many.Privacy.Charged);
        var entries = (await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 100)).Entries.Where(line => line.Kind == "charge").Select(line => line.Units).ToArray();
        // Calibrated each to its own sensitivity, both round to the price of epsilon 1.
        Assert.Equal(entries[0], entries[1], 1e-6 * entries[0]);
        Assert.True(many.Answers[0].NoiseDeviation.Average() > one.Answers[0].NoiseDeviation.Average());
    }

    [Fact]
    public async Task Another_body_under_a_used_key_is_refused_and_costs_nothing()
    {
        var scene = await LoadedAsync();
        await scene.AttendAsync(Ask);
        foreach (var other in new[] { Ask with { Tier = 0 }, Ask with { Queries = Samples.Queries(2, 4) }, Ask with { Tier = null, MaxEpsilon = 1 }, Ask with { Clip = true } })
            await Refused.WithAsync(ProblemCodes.RequestConflict, () => scene.AttendAsync(other));
        await RequireSpentAsync(scene, 1, charges: 1);
    }

    [Fact]
    public async Task Nothing_is_charged_by_surprise()
    {
        var scene = await LoadedAsync();
        TierPrice[] prices = [new(0, 0.5, 1e-6), new(1, 1, 1e-6), new(2, 2, 1e-6)];
        foreach (var (command, why) in new[]
        {
            (Ask with { Tier = null }, "each answer of this store is charged"),
            (Ask with { Tier = null, RequestId = null }, "each answer of this store is charged"),
            (Ask with { Tier = null, MaxEpsilon = 0.49 }, "no tier costs at most maxEpsilon"),
            (Ask with { Tier = 2, MaxEpsilon = 1.99 }, "tier 2 costs more than maxEpsilon"),
        })
        {
            var problem = await Refused.WithAsync(ProblemCodes.NotOpened, () => scene.AttendAsync(command));
            Assert.Contains(why, problem.Message);
            Assert.Equal(prices, problem.Prices);
            Assert.Equal(1e-6, problem.Delta);
        }
        Assert.Contains("Idempotency-Key", (await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(Ask with { RequestId = null }))).Message);
        Assert.Contains("no releases", (await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(Ask with { Release = "r000001" }))).Message);
        Assert.Contains("tiers 0 to 2", (await Refused.WithAsync(ProblemCodes.NotFound, () => scene.AttendAsync(Ask with { Tier = 3 }))).Message);
        foreach (var most in new[] { 0, -1, 201, double.NaN })
            await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(Ask with { Tier = null, MaxEpsilon = most }));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(Ask with { RequestId = "dpattn:mine" }));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(Ask with { Queries = new Matrix<double>(1, 5, [2, 0, 0, 0, 0]) }));
        await RequireSpentAsync(scene, 0, charges: 0);
        Assert.Equal(2, (await scene.AttendAsync(Ask with { Tier = null, MaxEpsilon = 200 })).Privacy.Tier);
        Assert.Equal(1, (await scene.AttendAsync(PerQueries.Ask("k2") with { Tier = null, MaxEpsilon = 1.999 })).Privacy.Tier);
    }

    [Fact]
    public async Task A_budget_that_does_not_admit_an_answer_says_what_would()
    {
        var scene = await two.SceneAsync(PerQueries.Definition());
        await scene.AppendAsync("b", Samples.Rows(60, 1));
        await scene.GrantAsync(1.2);
        var first = await scene.AttendAsync(PerQueries.Ask("a", tier: 0));
        var again = await scene.AttendAsync(PerQueries.Ask("b", tier: 0));
        Assert.Equal(first.Privacy.AboutMore - 1, again.Privacy.AboutMore);
        var problem = await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(PerQueries.Ask("c", tier: 2)));
        Assert.Equal((2.0, 1e-6), (problem.Requested, problem.Delta));
        Assert.Equal(new TierPrice(0, 0.5, 1e-6), problem.Affordable);
        await RequireSpentAsync(scene, again.Privacy.Spent, charges: 2);
        var budget = await scene.Door.GetMyBudgetAsync(scene.User, scene.Store);
        Assert.Equal(problem.Remaining, budget.Remaining);
        Assert.Equal([again.Privacy.AboutMore!.Value, 0, 0], budget.Reach!.Select(reach => reach.AboutMore));

        // A hair less than what was short does not admit it, what was short does.
        await scene.GrantAsync(1.2 + problem.ShortBy!.Value * (1 - 1e-6));
        await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(PerQueries.Ask("c", tier: 2)));
        await scene.GrantAsync(1.2 + problem.ShortBy.Value);
        Assert.False((await scene.AttendAsync(PerQueries.Ask("c", tier: 2))).Privacy.Replayed);
        Assert.Empty(await two.Silos.Storage.LedgerFaultsAsync(new StoreId(await scene.IncarnationAsync())));
    }

    [Fact]
    public async Task About_so_many_more_is_how_many_more_there_are()
    {
        var scene = await two.SceneAsync(PerQueries.Definition());
        await scene.AppendAsync("b", Samples.Rows(60, 1));
        await scene.GrantAsync(2);
        var left = (await scene.AttendAsync(PerQueries.Ask("first", tier: 0))).Privacy.AboutMore!.Value;
        Assert.InRange(left, 2, 50);
        for (var i = 0; i < left; i++)
            Assert.Equal(left - 1 - i, (await scene.AttendAsync(PerQueries.Ask($"more-{i}", tier: 0))).Privacy.AboutMore);
        await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(PerQueries.Ask("one too many", tier: 0) with { RequestId = "last" }));
    }

    [Fact]
    public async Task A_refusal_by_the_stores_limit_tells_no_amounts()
    {
        var scene = await two.SceneAsync(PerQueries.Definition(limit: 2), users: 2);
        await scene.AppendAsync("b", Samples.Rows(60, 1));
        foreach (var user in scene.Users)
            await scene.GrantAsync(2, user);
        await scene.AttendAsync(PerQueries.Ask(tier: 2));
        var problem = await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(PerQueries.Ask(tier: 0), scene.Users[1]));
        Assert.Equal((null, null, null, null), (problem.Requested, problem.Remaining, problem.ShortBy, problem.Affordable));
        Assert.DoesNotContain(problem.Message, char.IsDigit);
        Assert.Equal(0, (await scene.Door.GetMyBudgetAsync(scene.Users[1], scene.Store)).SpentUnits);
        // What was answered stays answered.
        Assert.True((await scene.AttendAsync(PerQueries.Ask(tier: 2))).Privacy.Replayed);
    }

    [Fact]
    public async Task Rows_that_come_between_two_requests_are_in_the_second_and_erased_ones_are_not()
    {
        foreach (var adjacency in new[] { "replace-one", "add-remove" })
        {
            var scene = await two.SceneAsync(PerQueries.Definition(adjacency: adjacency));
            var store = new StoreId(await scene.IncarnationAsync());
            RowBatch first = Samples.Rows(40, 1), second = Samples.Rows(30, 2);
            await scene.AppendAsync("b1", first);
            await scene.GrantAsync(7);
            var before = await scene.AttendAsync(PerQueries.Ask("before"));
            await RequireLibrarysAsync(scene, store, "before", before, Samples.Join(first));

            await scene.AppendAsync("b2", second);
            var after = await scene.AttendAsync(PerQueries.Ask("after"));
            await RequireLibrarysAsync(scene, store, "after", after, Samples.Join(first, second));

            await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", 7);
            var erased = await scene.AttendAsync(PerQueries.Ask("erased"));
            var without = adjacency == "replace-one"
                ? Samples.Join(Samples.Window(first, 0, 7), Samples.Window(first, 8, 32), second)
                : Samples.Join(first with { IsNull = [.. Enumerable.Range(0, 40).Select(i => i == 7)] }, second);
            await RequireLibrarysAsync(scene, store, "erased", erased, without);

            // A retry is answered from what was stored, whatever the rows are now.
            PerQueries.RequireSame(before.Answers, (await scene.AttendAsync(PerQueries.Ask("before"))).Answers);
        }
    }

    [Fact]
    public async Task A_store_without_rows_charges_nothing()
    {
        var scene = await two.SceneAsync(PerQueries.Definition());
        await scene.GrantAsync(4);
        await Refused.WithAsync(ProblemCodes.NotPublished, () => scene.AttendAsync(Ask));
        await scene.AppendAsync("b", Samples.Rows(1, 1));
        await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b", 0);
        await Refused.WithAsync(ProblemCodes.NotPublished, () => scene.AttendAsync(Ask));
        await RequireSpentAsync(scene, 0, charges: 0);
    }

    [Fact]
    public async Task Requests_of_impossible_sizes_are_refused_before_they_are_charged()
    {
        var scene = await LoadedAsync();
        var many = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(PerQueries.Ask(queries: 1025)));
        Assert.Contains("1024", many.Message);
        var wide = await two.SceneAsync(PerQueries.Definition() with { KeyDimension = 3000, ValueDimension = 1 });
        await wide.AppendAsync("b", new RowBatch(new Attention.IO.FloatMatrix(new Matrix<float>(1, 3000)), new Attention.IO.FloatMatrix(new Matrix<float>(1, 1))));
        await wide.GrantAsync(4);
        var large = await Refused.WithAsync(ProblemCodes.TooLarge, () => wide.AttendAsync(new AttendCommand(new Matrix<double>(400, 3000), Tier: 0, RequestId: "k")));
        Assert.Contains("1048576", large.Message);
        await RequireSpentAsync(scene, 0, charges: 0);
        await RequireSpentAsync(wide, 0, charges: 0);
    }

    [Fact]
    public async Task A_store_that_publishes_nothing_says_so()
    {
        var scene = await LoadedAsync();
        var problem = await Refused.WithAsync(ProblemCodes.Conflict, () => scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null));
        Assert.Contains("publishes nothing", problem.Message);
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.GetPrivacyStatementAsync(scene.Owner, scene.Store, "r000001"));
        Assert.Empty((await scene.Door.GetStoreAsync(scene.Owner, scene.Store)).Releases);
    }

    [Fact]
    public async Task Only_who_has_a_grant_is_answered_and_a_deleted_store_answers_nobody()
    {
        var scene = await LoadedAsync();
        await Refused.WithAsync(ProblemCodes.Forbidden, () => scene.AttendAsync(Ask, scene.Owner));
        await Refused.WithAsync(ProblemCodes.NotFound, async () => await scene.AttendAsync(Ask, await two.Silos.PrincipalAsync(Roles.User, SharedSilos.Fresh("stranger"))));
        await scene.AttendAsync(Ask);
        var store = new StoreId(await scene.IncarnationAsync());
        await scene.Door.DeleteStoreAsync(scene.Owner, scene.Store);
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.AttendAsync(Ask));
        Assert.Null((await two.Silos.Storage.Catalog.ReadAsync(Documents.Store, store.Value))!.Value.Secret);
        await Wait.UntilAsync(async () => (await two.Silos.Storage.Segments.ListAsync(store, BlobKind.Answer, "", null, 10)).Count == 0);
    }

    [Fact]
    public async Task Estimates_are_given_per_tier_and_for_batches()
    {
        var scene = await LoadedAsync();
        var lines = (await scene.Door.EstimateAsync(scene.User, scene.Store, new EstimateRequest(Rows: 100_000))).Lines;
        Assert.Equal([0, 1, 2], lines.Select(line => line.Tier!.Value));
        Assert.True(lines[0].TypicalNoise > lines[1].TypicalNoise && lines[1].TypicalNoise > lines[2].TypicalNoise);
        var four = (await scene.Door.EstimateAsync(scene.User, scene.Store, new EstimateRequest(Epsilon: 2, Rows: 100_000, Queries: 4))).Lines[0];
        Assert.Equal(2 * lines[2].TypicalNoise, four.TypicalNoise, 1e-3 * four.TypicalNoise);
        Assert.Equal(2, (await scene.Door.EstimateAsync(scene.User, scene.Store, new EstimateRequest(Error: four.TypicalNoise, Rows: 100_000, Queries: 4))).Lines[0].Epsilon, 1e-3);
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.EstimateAsync(scene.User, scene.Store, new EstimateRequest(Queries: 0)));
        var released = await two.SceneAsync();
        await released.GrantAsync(1);
        Assert.Contains("per-query", (await Refused.WithAsync(ProblemCodes.InvalidRequest, () => released.Door.EstimateAsync(released.User, released.Store, new EstimateRequest(Rows: 1, Queries: 2)))).Message);
    }

    public static TheoryData<StoreDefinition, string> BadDefinitions => new()
    {
        { PerQueries.Definition() with { Mechanism = new MechanismDefinition("per-query", Degree: 2) }, "degree and kernel belong to moment-tree" },
        { PerQueries.Definition() with { Mechanism = new MechanismDefinition("per-query", Kernel: "minimax") }, "degree and kernel belong to moment-tree" },
        { PerQueries.Definition() with { Ladder = [1, 1] }, "must be above" },
        { PerQueries.Definition() with { Ladder = [] }, "1 to 64 tiers" },
        { PerQueries.Definition() with { Capacity = long.MaxValue }, "capacity" },
        { PerQueries.Definition() with { Scale = 1e9 }, "smaller scale" },
        { PerQueries.Definition() with { Limit = 60 }, "slack" },
    };

    [Theory]
    [MemberData(nameof(BadDefinitions))]
    public async Task A_definition_that_cannot_be_is_refused_with_what_is_wrong(StoreDefinition definition, string why)
    {
        var owner = await two.Silos.PrincipalAsync(Roles.Owner, SharedSilos.Fresh("owner"));
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => two.Door.EnsureStoreAsync(owner, SharedSilos.Fresh("store"), definition));
        Assert.Contains(why, problem.Message);
    }

    [Fact]
    public async Task Sharp_kernels_are_what_it_is_for()
    {
        var scene = await two.SceneAsync(PerQueries.Definition(scale: 60));
        var rows = Samples.Rows(300, 3);
        await scene.AppendAsync("b", rows);
        await scene.GrantAsync(4);
        var result = await scene.AttendAsync(PerQueries.Ask(tier: 2));
        var expected = await PerQueries.ExpectedAsync(two.Silos.Storage.Catalog, two.Silos.Protector, new StoreId(await scene.IncarnationAsync()), scene.User.Account, PerQueries.Ask(tier: 2), 2, rows.ToRows());
        PerQueries.RequireSame(expected, result.Answers);
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => two.SceneAsync(Samples.Definition() with { Scale = 60 }));
    }

    private async Task RequireLibrarysAsync(Scene scene, StoreId store, string key, AttendResult result, RowSet rows) => PerQueries.RequireSame(
        await PerQueries.ExpectedAsync(two.Silos.Storage.Catalog, two.Silos.Protector, store, scene.User.Account, PerQueries.Ask(key), 1, rows), result.Answers);

    private async Task<Scene> LoadedAsync()
    {
        var scene = await two.SceneAsync(PerQueries.Definition());
        await scene.AppendAsync("b", Samples.Rows(60, 1));
        await scene.GrantAsync(6);
        return scene;
    }

    private static async Task RequireSpentAsync(Scene scene, double epsilon, int charges)
    {
        Assert.Equal(epsilon, (await scene.Door.GetMyBudgetAsync(scene.User, scene.Store)).Spent, 1e-6);
        Assert.Equal(charges, (await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 100)).Entries.Count(line => line.Kind == "charge"));
    }
}
