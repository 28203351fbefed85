using CsCheck;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>Nothing is charged by surprise: what answers, what must be opened first, and what is refused with its price.</summary>
public class TierChoiceTests
{
    private static readonly StoreDefinition Definition = SchemaFactory.Resolve(Samples.Definition());
    private static readonly StoreModel Model = StoreModel.Of(Definition);
    private static readonly AttendCommand Ask = new(Samples.Queries(1));

    [Fact]
    public void Without_a_tier_or_a_maximum_the_newest_open_release_answers_at_its_best_open_tier()
    {
        var store = Store(("r1", ReleaseDocument.Published), ("r2", ReleaseDocument.Published), ("r3", ReleaseDocument.Published));
        Assert.Equal(("r2", 1, false), Choose(store, Holding(("r1", 2), ("r2", 1)), Ask));
        Assert.Equal(("r1", 2, false), Choose(store, Holding(("r1", 2)), Ask));
    }

    [Theory]
    [InlineData(ReleaseDocument.Retired)]
    [InlineData(ReleaseDocument.Failed)]
    [InlineData(ReleaseDocument.Publishing)]
    public void Releases_that_do_not_answer_are_passed_over(string state)
    {
        var store = Store(("r1", ReleaseDocument.Published), ("r2", state));
        Assert.Equal(("r1", 0, false), Choose(store, Holding(("r1", 0), ("r2", 2)), Ask));
    }

    [Fact]
    public void With_nothing_open_the_prices_of_the_newest_release_are_told_and_nothing_is_opened()
    {
        var store = Store(("r1", ReleaseDocument.Published), ("r2", ReleaseDocument.Published));
        var problem = Refused(store, Holding(), Ask, ProblemCodes.NotOpened);
        Assert.Equal([("r2", 0, 0.5), ("r2", 1, 1.0), ("r2", 2, 2.0)], problem.Prices!.Select(price => (price.Release, price.Tier, price.Epsilon)));
        Assert.All(problem.Prices!, price => Assert.Equal(Definition.Delta, price.Delta));
        Assert.Equal(Definition.Delta, problem.Delta);
    }

    [Fact]
    public void Prices_are_those_of_the_upgrade_where_a_lower_tier_is_open()
    {
        var store = Store(("r1", ReleaseDocument.Published));
        var problem = Refused(store, Holding(("r1", 0)), Ask with { Release = "r1", Tier = 2, MaxEpsilon = 0.01 }, ProblemCodes.NotOpened);
        Assert.Equal([1, 2], problem.Prices!.Select(price => price.Tier));
        var ladder = store.LadderOf(store.Releases[0]);
        Assert.All(problem.Prices!, price => Assert.Equal(PrivacyLimit.ToEpsilon(ladder.Upgrade(0, price.Tier), store.Delta).Value, price.Epsilon));
        Assert.All(problem.Prices!, price => Assert.True(price.Epsilon < Definition.Ladder[price.Tier]));
    }

    [Fact]
    public void A_store_that_has_published_nothing_says_so()
    {
        Refused(Store(), Holding(), Ask, ProblemCodes.NotPublished);
        Refused(Store(("r1", ReleaseDocument.Publishing)), Holding(), Ask, ProblemCodes.NotPublished);
        Refused(Store(("r1", ReleaseDocument.Publishing)), Holding(), Ask with { MaxEpsilon = 1 }, ProblemCodes.NotPublished);
    }

    [Fact]
    public void An_explicit_release_answers_from_its_best_open_tier_or_tells_its_prices()
    {
        var store = Store(("r1", ReleaseDocument.Published), ("r2", ReleaseDocument.Published));
        Assert.Equal(("r1", 1, false), Choose(store, Holding(("r1", 1), ("r2", 2)), Ask with { Release = "r1" }));
        var problem = Refused(store, Holding(("r2", 2)), Ask with { Release = "r1" }, ProblemCodes.NotOpened);
        Assert.All(problem.Prices!, price => Assert.Equal("r1", price.Release));
    }

    [Fact]
    public void An_explicit_tier_is_opened_unless_it_or_a_better_one_is_open()
    {
        var store = Store(("r1", ReleaseDocument.Published));
        Assert.Equal(("r1", 2, true), Choose(store, Holding(), Ask with { Release = "r1", Tier = 2 }));
        Assert.Equal(("r1", 2, true), Choose(store, Holding(("r1", 1)), Ask with { Release = "r1", Tier = 2 }));
        Assert.Equal(("r1", 1, false), Choose(store, Holding(("r1", 1)), Ask with { Release = "r1", Tier = 1 }));
        Assert.Equal(("r1", 0, false), Choose(store, Holding(("r1", 2)), Ask with { Release = "r1", Tier = 0 }));
    }

    [Fact]
    public void A_tier_needs_its_release() =>
        Assert.Contains("state release too", Refused(Store(("r1", ReleaseDocument.Published)), Holding(), Ask with { Tier = 1 }, ProblemCodes.InvalidRequest).Message);

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    [InlineData(int.MaxValue)]
    public void A_tier_that_the_release_does_not_have_is_not_found(int tier) =>
        Assert.Contains("tiers 0 to 2", Refused(Store(("r1", ReleaseDocument.Published)), Holding(), Ask with { Release = "r1", Tier = tier }, ProblemCodes.NotFound).Message);

    [Theory]
    [InlineData(ReleaseDocument.Retired, ProblemCodes.ReleaseRetired)]
    [InlineData(ReleaseDocument.Failed, ProblemCodes.NotPublished)]
    [InlineData(ReleaseDocument.Publishing, ProblemCodes.NotPublished)]
    public void An_explicit_release_that_does_not_answer_says_why(string state, string code)
    {
        var store = Store(("r1", state));
        Refused(store, Holding(("r1", 2)), Ask with { Release = "r1" }, code);
        Refused(store, Holding(("r1", 2)), Ask with { Release = "r1", Tier = 0 }, code);
    }

    [Fact]
    public void An_unknown_release_is_not_found_and_its_name_is_told_back_printable_and_short()
    {
        var problem = Refused(Store(("r1", ReleaseDocument.Published)), Holding(), Ask with { Release = "r9\n<script>" + new string('x', 1000) }, ProblemCodes.NotFound);
        Assert.Contains("r9??script?", problem.Message);
        Assert.InRange(problem.Message.Length, 1, 100);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(200.1)]
    public void A_maximum_that_is_no_epsilon_is_refused(double most) =>
        Assert.Contains("(0, 200]", Refused(Store(("r1", ReleaseDocument.Published)), Holding(("r1", 2)), Ask with { MaxEpsilon = most }, ProblemCodes.InvalidRequest).Message);

    [Fact]
    public void A_maximum_opens_the_best_tier_whose_whole_price_it_covers()
    {
        var store = Store(("r1", ReleaseDocument.Published), ("r2", ReleaseDocument.Published));
        Assert.Equal(("r2", 1, true), Choose(store, Holding(), Ask with { MaxEpsilon = 1 }));
        Assert.Equal(("r2", 1, true), Choose(store, Holding(("r2", 0)), Ask with { MaxEpsilon = 1.99 }));
        Assert.Equal(("r2", 1, false), Choose(store, Holding(("r2", 1)), Ask with { MaxEpsilon = 1.99 }));
        Assert.Equal(("r1", 2, true), Choose(store, Holding(("r2", 1)), Ask with { Release = "r1", MaxEpsilon = 2 }));
    }

    [Fact]
    public void A_maximum_below_every_price_answers_from_what_is_open_or_tells_the_prices()
    {
        var store = Store(("r1", ReleaseDocument.Published), ("r2", ReleaseDocument.Published));
        Assert.Equal(("r1", 2, false), Choose(store, Holding(("r1", 2)), Ask with { MaxEpsilon = 0.49 }));
        Assert.Contains("none costs at most maxEpsilon", Refused(store, Holding(), Ask with { MaxEpsilon = 0.49 }, ProblemCodes.NotOpened).Message);
    }

    [Fact]
    public void An_explicit_tier_above_the_maximum_is_refused_with_the_prices() =>
        Refused(Store(("r1", ReleaseDocument.Published)), Holding(), Ask with { Release = "r1", Tier = 2, MaxEpsilon = 1.99 }, ProblemCodes.NotOpened);

    /// <summary>
    /// For any releases, any holdings and any command: without a tier or a maximum nothing is ever opened; what is opened never costs more than the
    /// maximum; and once it is opened, the same command opens nothing more, however often it is sent.
    /// </summary>
    [Fact]
    public void Nothing_is_ever_charged_by_surprise()
    {
        string[] states = [ReleaseDocument.Published, ReleaseDocument.Published, ReleaseDocument.Publishing, ReleaseDocument.Retired, ReleaseDocument.Failed];
        double[] limits = [0, 0, 0.5, 1, 2];
        var releases = Gen.Int[0, 4].Array[0, 4].Select(all => all.Select((state, i) => ($"r{i}", states[state])).ToArray());
        var held = Gen.Int[-1, 2].Array[4];
        var command = Gen.Select(Gen.Int[-1, 5], Gen.Int[-2, 3], Gen.Select(Gen.Bool, Gen.Double[0.01, 3], Gen.Int[0, 4], (any, some, exact) => any ? some : limits[exact]));
        var opened = 0;
        Gen.Select(releases, held, command).Sample((all, tiers, wish) =>
        {
            var store = Store(all);
            var account = Holding([.. all.Zip(tiers).Where(x => x.Second >= 0).Select(x => (x.First.Item1, x.Second))]);
            var (release, tier, most) = wish;
            var asked = Ask with { Release = release < 0 ? null : $"r{release}", Tier = tier < -1 ? null : tier, MaxEpsilon = most == 0 ? null : most };
            if (TierChoice.TrySelect(store, account, asked) is not { } choice)
                return;
            Assert.Equal(ReleaseDocument.Published, choice.Release.State);
            var before = account.TierOf(choice.Release.Id);
            if (!choice.MustOpen)
            {
                Assert.True(before >= choice.Tier);
                return;
            }
            Interlocked.Increment(ref opened);
            Assert.True(asked.MayOpen);
            Assert.True(before is null || before < choice.Tier);
            var cost = LedgerRules.CostFrom(before, choice.Tier, store.LadderOf(choice.Release));
            if (asked.MaxEpsilon is { } limit)
                Assert.True(Refusals.ToEpsilon(store, choice, cost) <= limit);
            var again = TierChoice.Select(store, account.After(choice.Release.Id, choice.Tier, cost), asked);
            Assert.Equal((choice.Release.Id, choice.Tier, false), (again.Release.Id, again.Tier, again.MustOpen));
        }, iter: 20_000);
        Assert.True(opened > 500, $"only {opened} commands opened anything: the test says little");
    }

    private static (string, int, bool) Choose(StoreView store, AccountState account, AttendCommand command)
    {
        var choice = TierChoice.Select(store, account, command);
        return (choice.Release.Id, choice.Tier, choice.MustOpen);
    }

    private static ProblemException Refused(StoreView store, AccountState account, AttendCommand command, string code)
    {
        var problem = Assert.Throws<ProblemException>(() => TierChoice.Select(store, account, command));
        Assert.Equal(code, problem.Code);
        return problem;
    }

    private static StoreView Store(params (string Id, string State)[] releases) => new(
        new StoreDocument { Name = "s", Incarnation = "i", Owner = "o", Definition = Definition, State = StoreDocument.Active, Created = default },
        Model,
        [.. releases.Select(release => new ReleaseDocument
        {
            Id = release.Id,
            State = release.State,
            Created = default,
            Slots = 10,
            Ladder = Definition.Ladder,
            SegmentsBelow = 1,
            Manifest = "m",
            ManifestBytes = 1,
            NoiseBinding = "b",
        })]);

    private static AccountState Holding(params (string Release, int Tier)[] open) =>
        new(8, 1L << 50, 1L << 50, 0, 0, [.. open.Select(x => new OpenTier(x.Release, x.Tier))], 1);
}
