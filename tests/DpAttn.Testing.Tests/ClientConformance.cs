using System.Text;
using System.Text.Json;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing.Tests;

/// <summary>What a caller may rely on, of the real client against a whole cluster and of the fake alike: a test that passes with the fake means something.</summary>
public abstract class ClientConformance
{
    /// <summary>An owner's and a user's client; the user is called "ulf".</summary>
    protected abstract Task<(IDpAttentionClient Owner, IDpAttentionClient User)> ClientsAsync();

    protected static StoreDefinition Definition(double limit = 4) => new()
    {
        KeyDimension = 2,
        ValueDimension = 1,
        Keys = new RegionBound(new BallBound(1)),
        Values = new ValueBoundStatement(Radius: 1),
        Ladder = [0.5, 1, 2],
        Limit = limit,
        Capacity = 1000,
    };

    [Fact]
    public async Task The_main_job_works()
    {
        var (owner, user) = await LoadedAsync();
        var release = await owner.PublishAsync("s");
        await owner.GrantAsync("s", "ulf", 1);
        Assert.Equal("published", release.State);
        Assert.Equal(3, release.Slots);
        var answer = await user.AttendAsync("s", new float[] { 1, 0 }, new AttendOptions { MaxEpsilon = 1 });
        Assert.Equal((1, 1.0), (answer.Privacy.Tier, Math.Round(answer.Privacy.Charged, 6)));
        Assert.InRange(answer.Outputs[0][0], -1.001, 1.001);
        var again = await user.AttendAsync("s", new float[] { 1, 0, 0, 1 }, 2);
        Assert.Equal(0, again.Privacy.Charged);
        Assert.Equal(answer.Outputs[0], again.Outputs[0]);
        var budget = await user.GetBudgetAsync("s");
        Assert.Equal((1.0, 1.0), (budget.Limit, Math.Round(budget.Spent, 6)));
        Assert.Equal(new OpenedTier(release.Id, 1), Assert.Single(budget.Opened));
    }

    [Fact]
    public async Task Nothing_is_opened_unasked()
    {
        var (owner, user) = await LoadedAsync();
        var unpublished = await Assert.ThrowsAsync<DpAttentionException>(() => owner.GetReleaseAsync("s", "r000001"));
        Assert.Equal(ProblemCodes.NotFound, unpublished.Code);
        await owner.PublishAsync("s");
        await owner.GrantAsync("s", "ulf", 1);
        var closed = await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("s", new float[] { 1, 0 }));
        Assert.Equal(ProblemCodes.NotOpened, closed.Code);
        Assert.Equal(0, (await user.GetBudgetAsync("s")).SpentUnits);
    }

    [Fact]
    public async Task A_budget_runs_out_and_says_what_is_missing()
    {
        var (owner, user) = await LoadedAsync();
        var release = await owner.PublishAsync("s");
        await owner.GrantAsync("s", "ulf", 0.7);
        var refused = await Assert.ThrowsAsync<PrivacyBudgetExceededException>(() => user.AttendAsync("s", new float[] { 1, 0 }, new AttendOptions { Release = release.Id, Tier = 1 }));
        Assert.Equal(1, refused.Requested!.Value, 1e-6);
        Assert.Equal(0.3, refused.ShortBy!.Value, 1e-6);
        Assert.Equal(0, (await user.GetBudgetAsync("s")).SpentUnits);
        await owner.GrantAsync("s", "ulf", 0.7 + refused.ShortBy.Value);
        Assert.Equal(1, (await user.AttendAsync("s", new float[] { 1, 0 }, new AttendOptions { Release = release.Id, Tier = 1 })).Privacy.Tier);
    }

    [Fact]
    public async Task A_batch_is_stored_once_and_another_one_under_its_id_is_refused()
    {
        var (owner, _) = await LoadedAsync();
        Assert.True((await owner.AppendAsync("s", "b", new float[] { 0.5f, 0, 0, 0.5f, 0, 0 }, new float[] { 1, -1, 0 }, 3)).Replayed);
        var other = await Assert.ThrowsAsync<DpAttentionException>(() => owner.AppendAsync("s", "b", new float[] { 0.5f, 0 }, new float[] { 0.5f }, 1));
        Assert.Equal(ProblemCodes.RequestConflict, other.Code);
        Assert.Equal(3, (await owner.GetStoreAsync("s")).Slots);
    }

    [Fact]
    public async Task Bad_rows_are_refused_whole()
    {
        var (owner, _) = await LoadedAsync();
        foreach (var bad in new[] { float.NaN, float.PositiveInfinity, 1.5f })
        {
            var refused = await Assert.ThrowsAsync<DpAttentionException>(() => owner.AppendAsync("s", "bad", new float[] { 0, 0, bad, 0 }, new float[] { 0, 0 }, 2));
            Assert.Equal(ProblemCodes.InvalidRequest, refused.Code);
            Assert.Contains("row 1", refused.Message, StringComparison.Ordinal);
        }
        Assert.Equal(3, (await owner.GetStoreAsync("s")).Slots);
        Assert.Equal(1, (await owner.AppendAsync("s", "clipped", new float[] { 1.5f, 0 }, new float[] { 0 }, 1, clip: true)).Slots);
    }

    [Fact]
    public async Task A_row_can_be_erased_until_it_is_published()
    {
        var (owner, _) = await LoadedAsync();
        await owner.EraseRowAsync("s", "b", 2);
        Assert.Equal(2, (await owner.GetStoreAsync("s")).Slots);
        await owner.PublishAsync("s");
        var late = await Assert.ThrowsAsync<DpAttentionException>(() => owner.EraseRowAsync("s", "b", 0));
        Assert.Equal(ProblemCodes.RowPublished, late.Code);
    }

    [Fact]
    public async Task A_store_is_made_once_and_another_one_under_its_name_is_a_conflict()
    {
        var (owner, _) = await LoadedAsync();
        Assert.Equal(3, (await owner.EnsureStoreAsync("s", Definition())).Slots);
        var other = await Assert.ThrowsAsync<DpAttentionException>(() => owner.EnsureStoreAsync("s", Definition(limit: 5)));
        Assert.Equal(ProblemCodes.Conflict, other.Code);
        await owner.DeleteStoreAsync("s");
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<DpAttentionException>(() => owner.GetStoreAsync("s"))).Code);
        Assert.Equal(0, (await owner.EnsureStoreAsync("s", Definition())).Slots);
    }

    [Fact]
    public async Task A_retired_release_answers_no_more()
    {
        var (owner, user) = await LoadedAsync();
        var release = await owner.PublishAsync("s");
        await owner.GrantAsync("s", "ulf", 2);
        await user.AttendAsync("s", new float[] { 1, 0 }, new AttendOptions { Release = release.Id, Tier = 0 });
        await owner.RetireReleaseAsync("s", release.Id);
        var retired = await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("s", new float[] { 1, 0 }, new AttendOptions { Release = release.Id }));
        Assert.Equal(ProblemCodes.ReleaseRetired, retired.Code);
        Assert.True((await user.GetBudgetAsync("s")).SpentUnits > 0);
    }

    [Fact]
    public async Task The_ledger_lists_grants_and_charges()
    {
        var (owner, user) = await LoadedAsync();
        var release = await owner.PublishAsync("s");
        await owner.GrantAsync("s", "ulf", 2);
        await user.AttendAsync("s", new float[] { 1, 0 }, new AttendOptions { Release = release.Id, Tier = 0 });
        await user.AttendAsync("s", new float[] { 1, 0 }, new AttendOptions { Release = release.Id, Tier = 2 });
        var opens = new List<LedgerLine>();
        await foreach (var line in user.ListLedgerAsync("s"))
        {
            if (line.Kind == "open")
                opens.Add(line);
        }
        Assert.Equal([0, 2], opens.Select(line => line.Tier!.Value));
        Assert.Equal((await user.GetBudgetAsync("s")).SpentUnits, opens.Sum(line => line.Units));
    }

    [Fact]
    public async Task A_per_query_store_charges_each_answer_once()
    {
        var (owner, user) = await AskedAsync();
        var options = new AttendOptions { Tier = 1, IdempotencyKey = "ask-1" };
        var first = await user.AttendAsync("q", new float[] { 1, 0, 0, 1, 1, 0 }, 3, options);
        Assert.Equal((null, 1, 1.0, 1.0, false), (first.Privacy.Release, first.Privacy.Tier, first.Privacy.TierEpsilon, first.Privacy.Charged, first.Privacy.Replayed));
        Assert.Null(first.IndistinguishableFromMean);
        Assert.Equal(first.Outputs[0], first.Outputs[2]);
        var again = await user.AttendAsync("q", new float[] { 1, 0, 0, 1, 1, 0 }, 3, options);
        Assert.Equal((0.0, true), (again.Privacy.Charged, again.Privacy.Replayed));
        Assert.Equal(first.Outputs, again.Outputs);
        Assert.Equal(first.NoiseDeviations, again.NoiseDeviations);
        var other = await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("q", new float[] { 0, 1 }, options));
        Assert.Equal(ProblemCodes.RequestConflict, other.Code);
        // The client makes a key itself where none is given: each call is a request of its own.
        var cheaper = await user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { MaxEpsilon = 0.75 });
        Assert.Equal((0, 0.5), (cheaper.Privacy.Tier, cheaper.Privacy.Charged));
        Assert.Equal(cheaper.Privacy.AboutMore - 1, (await user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { MaxEpsilon = 0.75 })).Privacy.AboutMore);
        var charges = new List<LedgerLine>();
        await foreach (var line in user.ListLedgerAsync("q"))
        {
            if (line.Kind == "charge")
                charges.Add(line);
        }
        Assert.Equal(3, charges.Count);
        Assert.Equal((await user.GetBudgetAsync("q")).SpentUnits, charges.Sum(line => line.Units));
        Assert.Equal(charges.Sum(line => line.Units) > 0, (await owner.ListBudgetsAsync("q")).Spent > 0);
    }

    [Fact]
    public async Task A_per_query_store_charges_nothing_unasked_and_publishes_nothing()
    {
        var (owner, user) = await AskedAsync();
        foreach (var options in new[] { null, new AttendOptions { MaxEpsilon = 0.1 } })
        {
            var problem = (await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("q", new float[] { 1, 0 }, options))).Problem!;
            Assert.Equal(ProblemCodes.NotOpened, problem.Code);
            Assert.Equal([new TierPrice(0, 0.5, 1e-6), new TierPrice(1, 1, 1e-6), new TierPrice(2, 2, 1e-6)], problem.Prices!);
        }
        Assert.Equal(ProblemCodes.InvalidRequest, (await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { Release = "r", Tier = 1 }))).Code);
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { Tier = 3 }))).Code);
        Assert.Equal(ProblemCodes.InvalidRequest, (await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("q", new float[] { 3, 0 }, new AttendOptions { Tier = 1 }))).Code);
        Assert.Equal(ProblemCodes.Conflict, (await Assert.ThrowsAsync<DpAttentionException>(() => owner.PublishAsync("q"))).Code);
        Assert.Equal(0, (await user.GetBudgetAsync("q")).SpentUnits);
    }

    [Fact]
    public async Task A_per_query_budget_runs_out_and_says_how_far_it_reaches()
    {
        var (owner, user) = await AskedAsync();
        await owner.GrantAsync("q", "ulf", 0.7);
        var refused = await Assert.ThrowsAsync<PrivacyBudgetExceededException>(() => user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { Tier = 1 }));
        Assert.Equal(1, refused.Requested!.Value, 1e-6);
        Assert.Equal(0.3, refused.ShortBy!.Value, 1e-6);
        Assert.Equal([1, 0, 0], (await user.GetBudgetAsync("q")).Reach!.Select(reach => reach.AboutMore));
        await owner.GrantAsync("q", "ulf", 0.7 + refused.ShortBy.Value);
        Assert.Equal(0, (await user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { Tier = 1 })).Privacy.AboutMore);
    }

    [Fact]
    public async Task Appended_rows_are_in_the_next_answer_and_erased_ones_are_not()
    {
        var (owner, user) = await AskedAsync();
        Task<AttendResponse> Ask() => user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { Tier = 2 });
        await Ask();
        await owner.AppendAsync("q", "more", new float[] { 1, 0 }, new float[] { -1 }, 1);
        await Ask();
        await owner.EraseRowAsync("q", "more", 0);
        await Ask();
        Assert.Equal(3, (await owner.GetStoreAsync("q")).Slots);
    }

    [Fact]
    public async Task A_stores_own_limit_ends_what_its_users_may_learn_together()
    {
        var (owner, user) = await AskedAsync();
        await user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { Tier = 1 });
        var below = await Assert.ThrowsAsync<DpAttentionException>(() => owner.SetStoreLimitAsync("q", 0.9));
        Assert.Equal(ProblemCodes.InvalidRequest, below.Code);
        var set = await owner.SetStoreLimitAsync("q", 1);
        Assert.Equal((1.0, 1.0), (set.Limit, Math.Round(set.Spent, 6)));
        var refused = await Assert.ThrowsAsync<PrivacyBudgetExceededException>(() => user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { Tier = 0 }));
        Assert.Equal((null, null, null), (refused.Requested, refused.Remaining, refused.ShortBy));
        await owner.SetStoreLimitAsync("q", 3);
        Assert.Equal(0, (await user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { Tier = 0 })).Privacy.Tier);
    }

    [Fact]
    public async Task A_ledger_is_exported_as_lines_by_its_user_and_by_the_owner()
    {
        var (owner, user) = await AskedAsync();
        await user.AttendAsync("q", new float[] { 1, 0 }, new AttendOptions { Tier = 1, IdempotencyKey = "ask-1" });
        using var own = new MemoryStream();
        var count = await user.ExportLedgerAsync("q", own);
        var lines = Read(own);
        Assert.Equal(count, lines.Count);
        Assert.Equal(["limit", "charge"], lines.Select(line => line.Kind).Distinct());
        Assert.Equal(("charge", "ask-1", 1e-6), (lines[^1].Kind, lines[^1].Request, lines[^1].Delta));
        using var seen = new MemoryStream();
        var account = (await user.GetBudgetAsync("q")).Account;
        await owner.ExportLedgerAsync("q", seen, account);
        Assert.Equal(lines, Read(seen));
        var listed = new List<LedgerLine>();
        await foreach (var line in owner.ListAccountLedgerAsync("q", account))
            listed.Add(line with { At = default });
        Assert.Equal(lines, listed);

        // A fake has no time of its entries.
        static List<LedgerLine> Read(MemoryStream export) =>
            [.. Encoding.UTF8.GetString(export.ToArray()).TrimEnd('\n').Split('\n').Select(line => JsonSerializer.Deserialize<LedgerLine>(line, JsonSerializerOptions.Web)! with { At = default })];
    }

    /// <summary>A per-query store with rows, and a user who may ask.</summary>
    private async Task<(IDpAttentionClient Owner, IDpAttentionClient User)> AskedAsync()
    {
        var (owner, user) = await ClientsAsync();
        await owner.EnsureStoreAsync("q", Definition() with { Mechanism = new MechanismDefinition("per-query"), Limit = 8 });
        await owner.AppendAsync("q", "b", new float[] { 0.5f, 0, 0, 0.5f, 0, 0 }, new float[] { 1, -1, 0 }, 3);
        await owner.GrantAsync("q", "ulf", 6);
        return (owner, user);
    }

    private async Task<(IDpAttentionClient Owner, IDpAttentionClient User)> LoadedAsync()
    {
        var (owner, user) = await ClientsAsync();
        await owner.EnsureStoreAsync("s", Definition());
        await owner.AppendAsync("s", "b", new float[] { 0.5f, 0, 0, 0.5f, 0, 0 }, new float[] { 1, -1, 0 }, 3);
        return (owner, user);
    }
}

public sealed class TestClusterConformance : ClientConformance, IAsyncDisposable
{
    private DpAttnTestCluster? _cluster;

    protected override async Task<(IDpAttentionClient Owner, IDpAttentionClient User)> ClientsAsync()
    {
        _cluster = await DpAttnTestCluster.StartAsync();
        var @operator = _cluster.Connect(_cluster.OperatorKey!);
        var owner = await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner));
        var user = await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User));
        return (_cluster.Connect(owner.Key), _cluster.Connect(user.Key));
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }
}

public sealed class FakeClientConformance : ClientConformance
{
    protected override Task<(IDpAttentionClient Owner, IDpAttentionClient User)> ClientsAsync()
    {
        var fake = new FakeDpAttentionClient();
        return Task.FromResult<(IDpAttentionClient, IDpAttentionClient)>((fake, fake));
    }

    [Fact]
    public async Task It_fails_when_it_is_told_to_and_then_goes_on()
    {
        var fake = new FakeDpAttentionClient();
        fake.Fail(ProblemCodes.Busy, 503);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => fake.ListStoresAsync());
        Assert.True(failure.Problem!.Retryable);
        Assert.Empty(await fake.ListStoresAsync());
    }
}
