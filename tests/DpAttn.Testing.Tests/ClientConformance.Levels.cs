using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing.Tests;

public abstract partial class ClientConformance
{
    private static readonly MechanismDefinition AllLevels = new(Levels: "all", BlockRows: 2);

    [Fact]
    public async Task A_store_of_all_levels_answers_any_range_of_blocks_for_one_price()
    {
        var (owner, user) = await ClientsAsync();
        var made = await owner.EnsureStoreAsync("l", Definition() with { Mechanism = AllLevels });
        Assert.Equal(new MechanismDefinition("moment-tree", 2, "minimax", Levels: "all", BlockRows: 2), made.Definition.Mechanism);
        await owner.AppendAsync("l", "b", new float[] { 0.5f, 0, 0, 0.5f, 0, 0, 0, 1, 1, 0 }, new float[] { 1, -1, 0, 0.5f, 0.5f }, 5);
        var release = await owner.PublishAsync("l");
        await owner.GrantAsync("l", "ulf", 1);
        var some = new AttendOptions { Release = release.Id, Tier = 1, IdempotencyKey = "open-1", Rows = new BlockRange(1, 3) };
        var answer = await user.AttendAsync("l", new float[] { 1, 0 }, some);
        Assert.Equal((1, 1.0), (answer.Privacy.Tier, Math.Round(answer.Privacy.Charged, 6)));
        Assert.Equal((3, new BlockRange(1, 3)), (answer.SlotsCovered!.Value, answer.Blocks));
        // One query travels as JSON, several as .npy: the same answers, and the same is said of them.
        var batch = await user.AttendAsync("l", new float[] { 1, 0, 0, 1 }, 2, new AttendOptions { Rows = new BlockRange(1, 3) });
        Assert.Equal(answer.Outputs[0], batch.Outputs[0]);
        Assert.Equal(answer.NoiseDeviations[0], batch.NoiseDeviations[0]);
        Assert.Equal((0.0, 3, new BlockRange(1, 3)), (batch.Privacy.Charged, batch.SlotsCovered!.Value, batch.Blocks));
        foreach (var (options, slots, blocks) in new (AttendOptions?, long, BlockRange)[]
        {
            (null, 5, new(0, 3)), (new AttendOptions { Rows = new(0, 3) }, 5, new(0, 3)), (new AttendOptions { Rows = new(2, 3) }, 1, new(2, 3)), (new AttendOptions { Rows = new(0, 2) }, 4, new(0, 2)),
        })
        {
            var one = await user.AttendAsync("l", new float[] { 1, 0 }, options);
            Assert.Equal((0.0, slots, blocks), (one.Privacy.Charged, one.SlotsCovered!.Value, one.Blocks));
            Assert.InRange(one.Outputs[0][0], -1.001, 1.001);
        }
        Assert.Equal(1, (await user.GetBudgetAsync("l")).Spent, 1e-6);
    }

    [Fact]
    public async Task A_range_that_a_release_does_not_have_is_refused_with_its_bound()
    {
        var (owner, user) = await ClientsAsync();
        await owner.EnsureStoreAsync("l", Definition() with { Mechanism = AllLevels });
        await owner.AppendAsync("l", "b", new float[] { 0.5f, 0, 0, 0.5f, 0, 0 }, new float[] { 1, -1, 0 }, 3);
        var release = await owner.PublishAsync("l");
        await owner.GrantAsync("l", "ulf", 1);
        var refused = await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("l", new float[] { 1, 0 }, new AttendOptions { Release = release.Id, Tier = 0, Rows = new BlockRange(0, 3) }));
        Assert.Equal(ProblemCodes.InvalidRequest, refused.Code);
        Assert.Contains("has blocks 0 to 1, so to is at most 2", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, (await user.GetBudgetAsync("l")).SpentUnits);

        await owner.EnsureStoreAsync("s", Definition());
        await owner.AppendAsync("s", "b", new float[] { 0.5f, 0 }, new float[] { 1 }, 1);
        await owner.PublishAsync("s");
        await owner.GrantAsync("s", "ulf", 1);
        var elsewhere = await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("s", new float[] { 1, 0 }, new AttendOptions { MaxEpsilon = 1, Rows = new BlockRange(0, 1) }));
        Assert.Equal(ProblemCodes.InvalidRequest, elsewhere.Code);
        Assert.Contains("levels are all", elsewhere.Message, StringComparison.Ordinal);
        Assert.Equal((1, null), ((await user.AttendAsync("s", new float[] { 1, 0 }, new AttendOptions { MaxEpsilon = 1 })).SlotsCovered!.Value, (await user.AttendAsync("s", new float[] { 1, 0 })).Blocks));
    }

    [Fact]
    public async Task What_belongs_to_all_levels_is_refused_elsewhere()
    {
        var (owner, _) = await ClientsAsync();
        foreach (var mechanism in new[] { new MechanismDefinition(BlockRows: 4), new MechanismDefinition("per-query", Levels: "all"), new MechanismDefinition("distance-tree", BlockRows: 8), new MechanismDefinition(Levels: "root", Slots: "on-arrival") })
        {
            var refused = await Assert.ThrowsAsync<DpAttentionException>(() => owner.EnsureStoreAsync("bad", Definition() with { Mechanism = mechanism }));
            Assert.Equal(ProblemCodes.InvalidRequest, refused.Code);
            Assert.Contains("blockRows, continual and slots belong", refused.Message, StringComparison.Ordinal);
        }
    }
}
