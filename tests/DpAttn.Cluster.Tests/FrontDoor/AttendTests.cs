using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>Asking: nothing is charged by surprise, twice, or for nothing.</summary>
public class AttendTests(OneSilo one, TwoSilos two)
{
    private static readonly AttendCommand Ask = new(Samples.Queries(2));

    [Fact]
    public async Task Before_anything_is_published_asking_says_so()
    {
        var scene = await one.SceneAsync();
        await scene.GrantAsync(1);
        await Refused.WithAsync(ProblemCodes.NotPublished, () => scene.AttendAsync(Ask));
        await scene.AppendAsync("b", Samples.Rows(10, 1));
        await Refused.WithAsync(ProblemCodes.NotPublished, () => scene.AttendAsync(Ask with { MaxEpsilon = 1 }));
        await RequireSpentAsync(scene, 0, entries: 1);
    }

    [Fact]
    public async Task Without_an_open_tier_the_prices_are_told_and_nothing_is_charged()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(1);
        var problem = await Refused.WithAsync(ProblemCodes.NotOpened, () => scene.AttendAsync(Ask));
        Assert.Equal([(release, 0, 0.5), (release, 1, 1.0), (release, 2, 2.0)], problem.Prices!.Select(price => (price.Release, price.Tier, price.Epsilon)));
        await RequireSpentAsync(scene, 0, entries: 1);
    }

    [Fact]
    public async Task An_explicit_tier_is_opened_for_its_price_and_answers_for_ever_at_no_further_cost()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(1);
        var opened = await scene.AttendAsync(Ask with { Release = release, Tier = 0 });
        Assert.Equal((release, 0, 0.5, 0.5, false), (opened.Privacy.Release, opened.Privacy.Tier, opened.Privacy.TierEpsilon, opened.Privacy.Charged, opened.Privacy.Replayed));
        Assert.Equal(0.5, opened.Privacy.Spent, 1e-9);
        foreach (var command in new[] { Ask, Ask with { Release = release }, Ask with { Release = release, Tier = 0 }, Ask with { MaxEpsilon = 0.6 }, Ask with { RequestId = "k" } })
        {
            var again = await scene.AttendAsync(command);
            Assert.Equal((0, 0.0), (again.Privacy.Tier, again.Privacy.Charged));
            Assert.Equal(opened.Answers.Select(answer => answer.Output), again.Answers.Select(answer => answer.Output));
            Assert.Equal(opened.Answers.Select(answer => answer.NoiseDeviation), again.Answers.Select(answer => answer.NoiseDeviation));
        }
        await RequireSpentAsync(scene, 0.5, entries: 2);
    }

    [Fact]
    public async Task More_queries_than_are_answered_at_once_are_refused_before_anything_is_charged()
    {
        var scene = await one.SceneAsync();
        await scene.LoadedAsync();
        await scene.GrantAsync(1);
        var most = new ClusterOptions().MaxQueries;
        var problem = await Refused.WithAsync(ProblemCodes.TooLarge, () => scene.AttendAsync(Ask with { Queries = Samples.Queries(most + 1), MaxEpsilon = 1 }));
        Assert.Contains($"{most + 1} queries; at most {most} ", problem.Message, StringComparison.Ordinal);
        await RequireSpentAsync(scene, 0, entries: 1);
        Assert.Equal(most, (await scene.AttendAsync(Ask with { Queries = Samples.Queries(most), MaxEpsilon = 1 })).Answers.Count);
    }

    [Fact]
    public async Task More_answers_than_a_client_takes_are_refused_before_anything_is_charged()
    {
        const int Wide = 1 << 16, Fit = 248;
        var scene = await one.SceneAsync(Samples.Definition() with { ValueDimension = Wide, Mechanism = new MechanismDefinition(Degree: 1) });
        await scene.GrantAsync(1);
        var problem = await Refused.WithAsync(ProblemCodes.TooLarge, () => scene.AttendAsync(Ask with { Queries = Samples.Queries(Fit + 1), MaxEpsilon = 1 }));
        Assert.Contains($"{512 << 20}", problem.Message, StringComparison.Ordinal);
        await RequireSpentAsync(scene, 0, entries: 1);
        // One fewer fits; that there is nothing to ask yet is found later.
        await Refused.WithAsync(ProblemCodes.NotPublished, () => scene.AttendAsync(Ask with { Queries = Samples.Queries(Fit), MaxEpsilon = 1 }));
    }

    [Fact]
    public async Task A_maximum_opens_the_best_tier_it_covers_and_repeating_it_never_climbs()
    {
        var scene = await one.SceneAsync();
        await scene.LoadedAsync();
        await scene.GrantAsync(4);
        Assert.Equal((1, 1.0), Paid(await scene.AttendAsync(Ask with { MaxEpsilon = 1.9 })));
        for (var i = 0; i < 3; i++)
            Assert.Equal((1, 0.0), Paid(await scene.AttendAsync(Ask with { MaxEpsilon = 1.9 })));
        await RequireSpentAsync(scene, 1, entries: 2);
    }

    [Fact]
    public async Task An_upgrade_is_charged_as_the_difference()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(2);
        await scene.AttendAsync(Ask with { Release = release, Tier = 0 });
        await scene.AttendAsync(Ask with { Release = release, Tier = 1 });
        var best = await scene.AttendAsync(Ask with { Release = release, Tier = 2 });
        // All three together cost what the best one costs alone: the limit of 2 admits them.
        Assert.Equal(2, best.Privacy.Spent, 1e-6);
        Assert.True(best.Privacy.Charged < 2);
        var statement = await scene.Door.GetPrivacyStatementAsync(scene.User, scene.Store, release);
        var lines = (await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 10)).Entries.Skip(1).ToArray();
        var units = statement.Tiers.Select(tier => tier.MuSquaredUnits).ToArray();
        Assert.Equal([units[0], units[1] - units[0], units[2] - units[1]], lines.Select(line => line.Units));
        Assert.Equal(2, (await scene.AttendAsync(Ask)).Privacy.Tier);
        Assert.Equal(0, (await scene.AttendAsync(Ask with { Release = release, Tier = 0 })).Privacy.Charged);
    }

    [Fact]
    public async Task The_same_key_is_charged_once_and_answered_alike()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var command = Ask with { MaxEpsilon = 1.2, RequestId = "k" };
        var first = await scene.AttendAsync(command);
        await scene.AttendAsync(Ask with { Release = release, Tier = 2 });
        var again = await scene.AttendAsync(command);
        Assert.True(again.Privacy.Replayed);
        Assert.Equal((1, 0.0), Paid(again));
        Assert.Equal(first.Answers.Select(answer => answer.Output), again.Answers.Select(answer => answer.Output));
        await RequireSpentAsync(scene, 2, entries: 3);
    }

    [Fact]
    public async Task The_same_key_with_another_request_is_refused_and_costs_nothing()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var command = Ask with { Release = release, Tier = 0, RequestId = "k" };
        await scene.AttendAsync(command);
        foreach (var other in new[]
        {
            command with { Tier = 1 }, command with { Queries = Samples.Queries(2, 5) }, command with { Queries = Samples.Queries(1) },
            command with { MaxEpsilon = 3 }, command with { Release = null, Tier = null, MaxEpsilon = 3 }, command with { Clip = true },
        })
            await Refused.WithAsync(ProblemCodes.RequestConflict, () => scene.AttendAsync(other));
        await RequireSpentAsync(scene, 0.5, entries: 2);
    }

    [Fact]
    public async Task Racing_copies_of_a_request_are_charged_once_and_answered_alike()
    {
        var scene = await two.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var command = Ask with { Release = release, Tier = 1, RequestId = "k" };
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => two.Silos.Door(i % 2).AttendAsync(scene.User, scene.Store, command)));
        Assert.Single(answers, answer => answer.Privacy.Charged > 0);
        Assert.All(answers, answer => Assert.Equal(answers[0].Answers[1].Output, answer.Answers[1].Output));
        await RequireSpentAsync(scene, 1, entries: 2);
    }

    [Theory]
    [InlineData("dpattn:open:r000001:0")]
    [InlineData("dpattn:")]
    [InlineData("with space")]
    [InlineData("")]
    public async Task Keys_that_are_the_clusters_own_or_no_keys_are_refused(string key)
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(Ask with { Release = release, Tier = 0, RequestId = key }));
        await RequireSpentAsync(scene, 0, entries: 1);
    }

    /// <summary>All that can be wrong with queries is found before anything is charged.</summary>
    [Fact]
    public async Task A_bad_query_is_named_with_its_bound_but_not_its_numbers_and_costs_nothing()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        async Task<string> RefuseAsync(Action<Matrix<double>> spoil, bool clip = false)
        {
            var queries = Samples.Queries(3);
            spoil(queries);
            var command = new AttendCommand(queries, release, 1, RequestId: "k", Clip: clip);
            return (await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(command))).Message;
        }

        Assert.Equal("query 1: coordinate 3 is NaN or infinite", await RefuseAsync(queries => queries[1, 3] = double.NaN));
        Assert.Equal("query 1: coordinate 3 is NaN or infinite", await RefuseAsync(queries => queries[1, 3] = double.NegativeInfinity, clip: true));
        var outside = await RefuseAsync(queries => queries[2, 0] = 1.23456789);
        Assert.Equal("query 2: it lies outside the l2 ball of radius 1 around its centre", outside);
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(new AttendCommand(new Matrix<double>(1, 4), release, 1)));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(new AttendCommand(new Matrix<double>(0, 5), release, 1)));
        await RequireSpentAsync(scene, 0, entries: 1);

        var far = Samples.Queries(1);
        far[0, 0] = 1000;
        Assert.Equal((1, 1.0), Paid(await scene.AttendAsync(new AttendCommand(far, release, 1, Clip: true))));
    }

    [Fact]
    public async Task A_refusal_tells_what_is_short_and_that_much_more_admits_it()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(0.7);
        await scene.AttendAsync(Ask with { Release = release, Tier = 0 });
        var command = Ask with { Release = release, Tier = 2, RequestId = "k" };
        var problem = await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(command));
        Assert.InRange(problem.ShortBy!.Value, 1.299, 1.301);
        Assert.InRange(problem.Requested!.Value, 1.8, 2);
        Assert.InRange(problem.Remaining!.Value, 0.4, 0.6);
        Assert.Null(problem.Affordable);
        await RequireSpentAsync(scene, 0.5, entries: 2);
        await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(command));
        // A little less does not do, what was named does; and the key was not used up.
        await scene.GrantAsync(0.7 + problem.ShortBy.Value * (1 - 1e-6));
        await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(command));
        await scene.GrantAsync(0.7 + problem.ShortBy.Value);
        Assert.Equal(2, (await scene.AttendAsync(command)).Privacy.Tier);
    }

    [Fact]
    public async Task A_refusal_names_the_best_tier_that_still_fits()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(1.5);
        var problem = await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(Ask with { Release = release, Tier = 2 }));
        Assert.Equal(new TierPrice(1, 1, 1e-6, release), problem.Affordable);
    }

    [Fact]
    public async Task A_refusal_by_the_stores_limit_tells_no_amounts_and_costs_nothing()
    {
        var scene = await one.SceneAsync(Samples.Definition(limit: 1), users: 2);
        var first = await scene.LoadedAsync();
        var second = (await scene.PublishAsync()).Id;
        await scene.GrantAsync(8);
        await scene.GrantAsync(8, scene.Users[1]);
        await scene.AttendAsync(Ask with { Release = first, Tier = 1 });
        var problem = await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(Ask with { Release = second, Tier = 0 }, scene.Users[1]));
        Assert.Equal((null, null, null, null, null), (problem.Requested, problem.Remaining, problem.ShortBy, problem.Affordable, problem.Prices));
        Assert.Equal(0, (await scene.Door.GetMyBudgetAsync(scene.Users[1], scene.Store)).SpentUnits);
        // What others have opened already costs the store nothing more.
        await scene.AttendAsync(Ask with { Release = first, Tier = 1 }, scene.Users[1]);
    }

    [Fact]
    public async Task A_retired_release_answers_no_more_and_stays_paid()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var command = Ask with { Release = release, Tier = 1, RequestId = "k" };
        await scene.AttendAsync(command);
        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, release);
        await Refused.WithAsync(ProblemCodes.ReleaseRetired, () => scene.AttendAsync(command));
        await Refused.WithAsync(ProblemCodes.ReleaseRetired, () => scene.AttendAsync(Ask with { Release = release }));
        await Refused.WithAsync(ProblemCodes.NotPublished, () => scene.AttendAsync(Ask));
        await RequireSpentAsync(scene, 1, entries: 2);
    }

    /// <summary>Whichever silo the store's grain lives on, the one that was told sees it at once.</summary>
    [Fact]
    public async Task What_a_silo_was_told_to_retire_or_delete_it_does_not_answer_from_any_more()
    {
        for (var round = 0; round < 6; round++)
        {
            var scene = await two.SceneAsync();
            var first = await scene.LoadedAsync(10);
            var second = (await scene.PublishAsync()).Id;
            await scene.GrantAsync(4);
            foreach (var release in new[] { first, second })
                await scene.AttendAsync(Ask with { Release = release, Tier = 0 });
            await scene.AttendAsync(Ask);
            await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, second);
            Assert.Equal(first, (await scene.AttendAsync(Ask)).Privacy.Release);
            await scene.Door.DeleteStoreAsync(scene.Owner, scene.Store);
            await Refused.WithAsync(ProblemCodes.NotFound, () => scene.AttendAsync(Ask));
        }
    }

    [Fact]
    public async Task The_newest_open_release_answers()
    {
        var scene = await one.SceneAsync();
        var first = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        await scene.AttendAsync(Ask with { Release = first, Tier = 1 });
        var second = (await scene.PublishAsync()).Id;
        Assert.Equal(first, (await scene.AttendAsync(Ask)).Privacy.Release);
        await scene.AttendAsync(Ask with { Release = second, Tier = 0 });
        Assert.Equal((second, 0), await NewestAsync());
        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, second);
        Assert.Equal((first, 1), await NewestAsync());

        async Task<(string?, int)> NewestAsync()
        {
            var record = (await scene.AttendAsync(Ask)).Privacy;
            return (record.Release, record.Tier);
        }
    }

    /// <summary>What was published, opened and retired through one silo is so on the other: at once where a charge hangs on it, within a poll otherwise.</summary>
    [Fact]
    public async Task Another_silo_knows_what_was_published_opened_and_retired()
    {
        var scene = await two.SceneAsync();
        var first = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var (left, right) = (two.Silos.Door(0), two.Silos.Door(1));
        await left.AttendAsync(scene.User, scene.Store, Ask with { Release = first, Tier = 1 });
        Assert.Equal((1, 0.0), Paid(await right.AttendAsync(scene.User, scene.Store, Ask)));
        var second = (await scene.PublishAsync()).Id;
        await left.AttendAsync(scene.User, scene.Store, Ask with { Release = second, Tier = 0 });
        Assert.Equal((0, 0.0), Paid(await right.AttendAsync(scene.User, scene.Store, Ask with { Release = second })));
        await Wait.UntilAsync(async () => (await right.AttendAsync(scene.User, scene.Store, Ask)).Privacy is { Spent: > 1.05 });
        await left.RetireReleaseAsync(scene.Owner, scene.Store, second);
        await Wait.UntilAsync(async () => (await right.AttendAsync(scene.User, scene.Store, Ask)).Privacy.Release == first);
        await Refused.WithAsync(ProblemCodes.ReleaseRetired, () => right.AttendAsync(scene.User, scene.Store, Ask with { Release = second, Tier = 1 }));
    }

    [Fact]
    public async Task A_deleted_store_answers_nobody_and_its_name_has_no_old_grants()
    {
        var scene = await two.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var incarnation = await scene.IncarnationAsync();
        for (var silo = 0; silo < 2; silo++)
            await two.Silos.Door(silo).AttendAsync(scene.User, scene.Store, Ask with { Release = release, Tier = 1 });
        await scene.Door.DeleteStoreAsync(scene.Owner, scene.Store);
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.AttendAsync(Ask));
        await Wait.UntilAsync(async () => await IsHiddenAsync(two.Silos.Door(1)));

        var (again, isNew) = await scene.Door.EnsureStoreAsync(scene.Owner, scene.Store, Samples.Definition());
        Assert.True(isNew);
        Assert.NotEqual(incarnation, again.Incarnation);
        Assert.Equal((0, 0), (again.Slots, again.Releases.Count));
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.AttendAsync(Ask));
        // The tombstone keeps what was spent.
        var books = (await two.Silos.Storage.Ledger.ReadStoreAsync(new StoreId(incarnation)))!;
        Assert.True(books.Spent.MuSquared > 0);
        await Wait.UntilAsync(async () => (await two.Silos.Storage.Segments.ListAsync(new StoreId(incarnation), DpAttn.Storage.BlobKind.Segment, "", null, 10)).Count == 0);
        Assert.True((await two.Silos.Storage.Ledger.ReadStoreAsync(new StoreId(incarnation)))!.IsClosed);

        async Task<bool> IsHiddenAsync(IFrontDoor door)
        {
            try
            {
                await door.AttendAsync(scene.User, scene.Store, Ask);
                return false;
            }
            catch (ProblemException e)
            {
                return e.Code == ProblemCodes.NotFound;
            }
        }
    }

    private static (int Tier, double Charged) Paid(AttendResult result) => (result.Privacy.Tier, result.Privacy.Charged);

    private static async Task RequireSpentAsync(Scene scene, double epsilon, int entries)
    {
        var budget = await scene.Door.GetMyBudgetAsync(scene.User, scene.Store);
        Assert.Equal(epsilon, budget.Spent, 1e-6);
        Assert.Equal(entries, (await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 100)).Entries.Count);
    }
}
