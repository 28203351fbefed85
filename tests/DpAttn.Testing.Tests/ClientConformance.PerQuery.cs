using System.Text;
using System.Text.Json;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing.Tests;

public abstract partial class ClientConformance
{
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
}
