using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing.Tests;

/// <summary>What a caller may rely on, of the real client against a whole cluster and of the fake alike: a test that passes with the fake means something.</summary>
public abstract partial class ClientConformance
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
        // Nothing is left of a limit that one tier took whole.
        Assert.All(budget.Reach!, reach => Assert.Equal(0, reach.AboutMore));
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
