using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing.Tests;

public abstract partial class ClientConformance
{
    [Theory]
    [InlineData(null, null)]
    [InlineData(0.0, 3)]
    [InlineData(0.5, 3)]
    public async Task A_distance_tree_store_does_the_main_job(double? alpha, int? copies)
    {
        var (owner, user) = await ClientsAsync();
        var made = await owner.EnsureStoreAsync("d", Definition() with { Mechanism = new MechanismDefinition("distance-tree", Alpha: alpha, GridCells: 64, Copies: copies) });
        Assert.Equal(new MechanismDefinition("distance-tree", 2, null, alpha ?? 0.1, 64, copies ?? 1), made.Definition.Mechanism);
        await owner.AppendAsync("d", "b", new float[] { 0.5f, 0, 0, 0.5f, 0, 0 }, new float[] { 1, -1, 0 }, 3);
        var release = await owner.PublishAsync("d");
        Assert.Equal(("published", 3), (release.State, release.Slots));
        Assert.Equal([0.5, 1, 2], release.Tiers.Select(tier => tier.Epsilon));
        await owner.GrantAsync("d", "ulf", 1);
        Assert.Equal(ProblemCodes.NotOpened, (await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("d", new float[] { 1, 0 }))).Code);
        var options = new AttendOptions { Release = release.Id, Tier = 1, IdempotencyKey = "open-1" };
        var answer = await user.AttendAsync("d", new float[] { 1, 0 }, options);
        Assert.Equal((1, 1.0, false), (answer.Privacy.Tier, Math.Round(answer.Privacy.Charged, 6), answer.Privacy.Replayed));
        Assert.InRange(answer.Outputs[0][0], -1.001, 1.001);
        Assert.Single(answer.IndistinguishableFromMean!);
        var replayed = await user.AttendAsync("d", new float[] { 1, 0 }, options);
        Assert.Equal(0, replayed.Privacy.Charged);
        Assert.Equal(answer.Outputs, replayed.Outputs);
        var again = await user.AttendAsync("d", new float[] { 1, 0, 0, 1 }, 2);
        Assert.Equal(0, again.Privacy.Charged);
        Assert.Equal(answer.Outputs[0], again.Outputs[0]);
        Assert.Equal(answer.NoiseDeviations[0], again.NoiseDeviations[0]);
        await Assert.ThrowsAsync<PrivacyBudgetExceededException>(() => user.AttendAsync("d", new float[] { 1, 0 }, new AttendOptions { Release = release.Id, Tier = 2 }));
        await owner.RetireReleaseAsync("d", release.Id);
        Assert.Equal(ProblemCodes.ReleaseRetired, (await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("d", new float[] { 1, 0 }, options with { IdempotencyKey = "open-2" }))).Code);
    }

    [Fact]
    public async Task What_belongs_to_a_distance_tree_is_refused_elsewhere()
    {
        var (owner, _) = await ClientsAsync();
        foreach (var mechanism in new[] { new MechanismDefinition(Alpha: 0.1), new MechanismDefinition("per-query", Copies: 3), new MechanismDefinition("distance-tree", Kernel: "minimax") })
        {
            var refused = await Assert.ThrowsAsync<DpAttentionException>(() => owner.EnsureStoreAsync("bad", Definition() with { Mechanism = mechanism }));
            Assert.Equal(ProblemCodes.InvalidRequest, refused.Code);
            Assert.Contains("belong", refused.Message, StringComparison.Ordinal);
        }
    }
}
