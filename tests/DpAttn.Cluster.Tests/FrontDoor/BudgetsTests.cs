using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

/// <summary>Grants, limits and ledgers.</summary>
public class BudgetsTests(OneSilo one, TwoSilos two)
{
    private static readonly AttendCommand Ask = new(Samples.Queries(1));

    [Fact]
    public async Task A_budget_shows_limit_spent_remaining_and_what_is_open()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        var granted = await scene.GrantAsync(2);
        Assert.Equal((scene.User.Account.Value, 1e-6, 2.0, 0.0, 0L), (granted.Account, granted.Delta, granted.Limit, granted.Spent, granted.SpentUnits));
        Assert.Equal(2, granted.Remaining, 1e-6);
        Assert.Empty(granted.Opened);
        await scene.AttendAsync(Ask with { Release = release, Tier = 1 });
        var budget = await scene.Door.GetMyBudgetAsync(scene.User, scene.Store);
        Assert.Equal(1, budget.Spent, 1e-6);
        Assert.InRange(budget.Remaining, 1, 2);
        Assert.Equal([new OpenedTier(release, 1)], budget.Opened);
        Assert.Equal(budget.SpentUnits, (await scene.Door.GetPrivacyStatementAsync(scene.User, scene.Store, release)).Tiers[1].MuSquaredUnits);
        Assert.Equal(budget.Spent, (await scene.Door.GetBudgetAsync(scene.Owner, scene.Store, scene.User.Account.Value)).Spent);
        // What remains is what one further charge may cost.
        var second = await scene.PublishAsync(ladder: [budget.Remaining]);
        await scene.AttendAsync(Ask with { Release = second.Id, Tier = 0 });
    }

    [Fact]
    public async Task A_limit_is_raised_and_lowered_but_never_below_what_is_spent()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(2);
        await scene.AttendAsync(Ask with { Release = release, Tier = 1 });
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.GrantAsync(0.99));
        Assert.Equal((0.99, 1e-6), (problem.Requested!.Value, problem.Delta!.Value));
        Assert.Equal(2, (await scene.Door.GetMyBudgetAsync(scene.User, scene.Store)).Limit);
        Assert.Equal(1, (await scene.GrantAsync(1)).Limit);
        Assert.Equal(3, (await scene.GrantAsync(3)).Limit);
        Assert.Equal(["limit", "open", "limit", "limit"], (await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 10)).Entries.Select(line => line.Kind));
    }

    [Fact]
    public async Task A_stores_own_limit_is_raised_and_lowered_but_never_below_what_all_have_spent()
    {
        var scene = await two.SceneAsync(Samples.Definition(limit: 1), users: 2);
        var release = await scene.LoadedAsync();
        foreach (var user in scene.Users)
            await scene.GrantAsync(4, user);
        await scene.AttendAsync(Ask with { Release = release, Tier = 1 });
        await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(Ask with { Release = release, Tier = 2 }));
        var raised = await scene.Door.SetStoreBudgetAsync(scene.Owner, scene.Store, new LimitRequest(2));
        Assert.Equal((2.0, 1e-6, 2), (raised.Limit, raised.Delta, raised.Accounts.Count));
        Assert.Equal(1, raised.Spent, 1e-6);
        // It counts at once, on every silo.
        Assert.Equal(2, (await two.Silos.Door(1).AttendAsync(scene.Users[1], scene.Store, Ask with { Release = release, Tier = 2 })).Privacy.Tier);
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.SetStoreBudgetAsync(scene.Owner, scene.Store, new LimitRequest(1.99)));
        Assert.Contains("never set below what is spent", problem.Message);
        Assert.Equal(2, (await scene.Door.ListBudgetsAsync(scene.Owner, scene.Store, null, 10)).Limit);
        Assert.Equal(5, (await scene.Door.SetStoreBudgetAsync(scene.Owner, scene.Store, new LimitRequest(5))).Limit);
        Assert.Equal(2, (await scene.Door.SetStoreBudgetAsync(scene.Owner, scene.Store, new LimitRequest(2))).Limit);
        foreach (var none in new[] { 0, -1, double.NaN, 201, 60 })
            await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.SetStoreBudgetAsync(scene.Owner, scene.Store, new LimitRequest(none)));
        // The definition that the store was made with still makes it.
        Assert.False((await scene.Door.EnsureStoreAsync(scene.Owner, scene.Store, Samples.Definition(limit: 1))).IsNew);
        var incarnation = await scene.IncarnationAsync();
        var lines = (await scene.Door.ListAuditAsync(await two.Silos.OperatorAsync(), 0, 1000)).Entries.Where(line => line.Action == "budget.limit" && line.Store == incarnation);
        Assert.Equal(["2", "5", "2"], lines.Select(line => line.Detail));
        Assert.Empty(await two.Silos.Storage.LedgerFaultsAsync(new Privacy.StoreId(incarnation)));
    }

    [Fact]
    public async Task An_owner_reads_the_ledger_of_every_account_page_by_page()
    {
        var scene = await one.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        for (var tier = 0; tier < 3; tier++)
            await scene.AttendAsync(Ask with { Release = release, Tier = tier });
        var own = (await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 100)).Entries;
        var lines = new List<LedgerLine>();
        string? cursor = null;
        do
        {
            var page = await scene.Door.ListLedgerAsync(scene.Owner, scene.Store, scene.User.Account.Value, cursor, 3);
            lines.AddRange(page.Entries);
            cursor = page.Next;
        }
        while (cursor is not null);
        Assert.Equal(own, lines);
        Assert.Equal(["limit", "open", "open", "open"], lines.Select(line => line.Kind));
        foreach (var account in new[] { "00000000000000000000000000000000", "", "with space" })
            await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.ListLedgerAsync(scene.Owner, scene.Store, account, null, 10));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.ListLedgerAsync(scene.Owner, scene.Store, scene.User.Account.Value, "x", 10));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.ListLedgerAsync(scene.Owner, scene.Store, scene.User.Account.Value, null, 0));
    }

    [Fact]
    public async Task A_budget_says_how_many_more_releases_could_be_opened_at_each_tier()
    {
        var scene = await one.SceneAsync();
        await scene.AppendAsync("b", Samples.Rows(60, 1));
        var granted = await scene.GrantAsync(2.1);
        Assert.Equal([(0, 0.5), (1, 1.0), (2, 2.0)], granted.Reach!.Select(reach => (reach.Tier, reach.Epsilon)));
        Assert.Equal(1, granted.Reach![2].AboutMore);
        var more = granted.Reach[1].AboutMore;
        Assert.InRange(more, 2, 10);
        for (var i = 0; i < more; i++)
            await scene.AttendAsync(Ask with { Release = (await scene.PublishAsync($"p{i}")).Id, Tier = 1 });
        var last = (await scene.PublishAsync("last")).Id;
        await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => scene.AttendAsync(Ask with { Release = last, Tier = 1 }));
        Assert.Equal(0, (await scene.Door.GetMyBudgetAsync(scene.User, scene.Store)).Reach![1].AboutMore);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(200.5)]
    [InlineData(150)]
    public async Task A_limit_that_is_none_is_refused(double epsilon)
    {
        var scene = await one.SceneAsync();
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.GrantAsync(epsilon));
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.GetMyBudgetAsync(scene.User, scene.Store));
    }

    [Theory]
    [InlineData("00000000000000000000000000000000")]
    [InlineData("")]
    [InlineData("with space")]
    public async Task Accounts_that_do_not_exist_get_no_grant(string account)
    {
        var scene = await one.SceneAsync();
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.SetBudgetAsync(scene.Owner, scene.Store, account, new LimitRequest(1)));
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.GetBudgetAsync(scene.Owner, scene.Store, account));
    }

    [Fact]
    public async Task A_new_limit_counts_at_once_and_is_seen_on_the_other_silo_within_a_poll()
    {
        var scene = await two.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(1);
        var (left, right) = (two.Silos.Door(0), two.Silos.Door(1));
        await right.AttendAsync(scene.User, scene.Store, Ask with { Release = release, Tier = 0 });
        await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => right.AttendAsync(scene.User, scene.Store, Ask with { Release = release, Tier = 2 }));
        await left.SetBudgetAsync(scene.Owner, scene.Store, scene.User.Account.Value, new LimitRequest(3));
        await Wait.UntilAsync(async () => (await right.AttendAsync(scene.User, scene.Store, Ask)).Privacy.Remaining > 2);
        await right.AttendAsync(scene.User, scene.Store, Ask with { Release = release, Tier = 2 });
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => left.SetBudgetAsync(scene.Owner, scene.Store, scene.User.Account.Value, new LimitRequest(1)));
    }

    [Fact]
    public async Task Owners_granting_many_users_at_once_succeed_with_all_of_them()
    {
        var scene = await two.SceneAsync(users: 24);
        await Task.WhenAll(scene.Users.Select((user, i) => two.Silos.Door(i % 2).SetBudgetAsync(scene.Owner, scene.Store, user.Account.Value, new LimitRequest(1 + i))));
        var all = await scene.Door.ListBudgetsAsync(scene.Owner, scene.Store, null, 100);
        Assert.Equal(Enumerable.Range(1, 24).Select(i => (double)i), all.Accounts.Select(budget => budget.Limit).Order());
        var audited = (await two.Silos.Storage.Catalog.ListAuditAsync(0, 100_000)).Where(row => row.Event.Action == "budget.grant" && row.Event.Store?.Value == scene.IncarnationAsync().Result);
        Assert.Equal(24, audited.Count());
    }

    [Fact]
    public async Task The_stores_books_count_the_best_tier_anybody_opened()
    {
        var scene = await one.SceneAsync(Samples.Definition(limit: 5), users: 2);
        var release = await scene.LoadedAsync();
        foreach (var user in scene.Users)
            await scene.GrantAsync(4, user);
        await scene.AttendAsync(Ask with { Release = release, Tier = 0 });
        await scene.AttendAsync(Ask with { Release = release, Tier = 2 }, scene.Users[1]);
        await scene.AttendAsync(Ask with { Release = release, Tier = 1 });
        var books = await scene.Door.ListBudgetsAsync(scene.Owner, scene.Store, null, 10);
        Assert.Equal((1e-6, 5.0, 2), (books.Delta, books.Limit, books.Accounts.Count));
        Assert.Equal(2, books.Spent, 1e-6);
        Assert.Equal([1.0, 2.0], books.Accounts.Select(budget => Math.Round(budget.Spent, 6)).Order());
    }

    [Fact]
    public async Task Budgets_and_ledgers_come_page_by_page_without_gaps()
    {
        var scene = await one.SceneAsync(users: 5);
        var release = await scene.LoadedAsync();
        foreach (var user in scene.Users)
            await scene.GrantAsync(4, user);
        var accounts = new List<string>();
        for (string? cursor = null; ;)
        {
            var page = await scene.Door.ListBudgetsAsync(scene.Owner, scene.Store, cursor, 2);
            accounts.AddRange(page.Accounts.Select(budget => budget.Account));
            if ((cursor = page.Next) is null)
                break;
        }
        Assert.Equal(scene.Users.Select(user => user.Account.Value).Order(StringComparer.Ordinal), accounts);

        for (var tier = 0; tier < 3; tier++)
            await scene.AttendAsync(Ask with { Release = release, Tier = tier, RequestId = $"k{tier}" });
        var lines = new List<LedgerLine>();
        for (string? cursor = null; ;)
        {
            var page = await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, cursor, 3);
            lines.AddRange(page.Entries);
            if ((cursor = page.Next) is null)
                break;
        }
        Assert.Equal([1, 2, 3, 4], lines.Select(line => line.Sequence));
        Assert.Equal([null, "k0", "k1", "k2"], lines.Select(line => line.Request));
        Assert.Equal([null, 0, 1, 2], lines.Select(line => line.Tier));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    public async Task Pages_have_bounds(int limit)
    {
        var scene = await one.SceneAsync();
        await scene.GrantAsync(1);
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.ListBudgetsAsync(scene.Owner, scene.Store, null, limit));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, limit));
    }

    [Theory]
    [InlineData("x y")]
    [InlineData("")]
    public async Task Cursors_that_were_never_given_are_refused(string cursor)
    {
        var scene = await one.SceneAsync();
        await scene.GrantAsync(1);
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.ListBudgetsAsync(scene.Owner, scene.Store, cursor, 10));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.ListMyLedgerAsync(scene.User, scene.Store, cursor, 10));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.ListMyLedgerAsync(scene.User, scene.Store, "-1", 10));
    }

    [Fact]
    public async Task Estimates_are_free_and_answer_both_ways()
    {
        var scene = await one.SceneAsync();
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.EstimateAsync(scene.Owner, scene.Store, new EstimateRequest()));
        await scene.LoadedAsync();
        await scene.GrantAsync(1);
        var tiers = await scene.Door.EstimateAsync(scene.User, scene.Store, new EstimateRequest());
        Assert.Equal((60, 3), (tiers.Rows, tiers.Lines.Count));
        Assert.Equal([(0, 0.5), (1, 1.0), (2, 2.0)], tiers.Lines.Select(line => (line.Tier!.Value, line.Epsilon)));
        var at = Assert.Single((await scene.Door.EstimateAsync(scene.User, scene.Store, new EstimateRequest(Epsilon: 1, Rows: 1000))).Lines);
        var back = Assert.Single((await scene.Door.EstimateAsync(scene.User, scene.Store, new EstimateRequest(Error: at.TypicalNoise, Rows: 1000))).Lines);
        Assert.Equal(1, back.Epsilon, 1e-3);
        foreach (var bad in new[]
        {
            new EstimateRequest(1, 1), new EstimateRequest(0), new EstimateRequest(double.NaN), new EstimateRequest(Error: 0), new EstimateRequest(Error: at.TypicalNoise / 1000, Rows: 1000), new EstimateRequest(Rows: 0),
        })
            await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.EstimateAsync(scene.User, scene.Store, bad));
        Assert.Equal(0, (await scene.Door.GetMyBudgetAsync(scene.User, scene.Store)).SpentUnits);
    }

    [Fact]
    public async Task Under_add_remove_estimates_use_the_stated_count_and_not_the_slots()
    {
        var scene = await one.SceneAsync(Samples.Definition(adjacency: SchemaFactory.AddRemove));
        await scene.LoadedAsync(20);
        Assert.Equal(1000, (await scene.Door.EstimateAsync(scene.Owner, scene.Store, new EstimateRequest())).Rows);
    }
}
