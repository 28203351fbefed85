using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing.Tests;

public abstract partial class ClientConformance
{
    private static readonly MechanismDefinition Continual = new(Levels: "all", BlockRows: 2, Continual: true);

    [Fact]
    public async Task A_continual_store_grows_under_one_charge_and_its_owner_closes_blocks()
    {
        var (owner, user) = await ClientsAsync();
        var made = await owner.EnsureStoreAsync("c", Definition() with { Mechanism = Continual, Capacity = 8 });
        Assert.Equal(new MechanismDefinition("moment-tree", 2, "minimax", Levels: "all", BlockRows: 2, Continual: true, Slots: "on-arrival"), made.Definition.Mechanism);
        // Before its first row: whoever waits for it does not wait for rows.
        var release = await owner.PublishAsync("c");
        Assert.Equal(("published", 0, new ContinualDescription(0, 0, 0, 2, 4, false)), (release.State, release.Slots, release.Continual));
        await owner.GrantAsync("c", "ulf", 1);
        var early = await Assert.ThrowsAsync<DpAttentionException>(() => user.AttendAsync("c", new float[] { 1, 0 }, new AttendOptions { Release = release.Id, Tier = 1 }));
        Assert.Equal(ProblemCodes.NotPublished, early.Code);
        Assert.Equal(0, (await user.GetBudgetAsync("c")).SpentUnits);

        await owner.AppendAsync("c", "b0", new float[] { 0.5f, 0, 0, 0.5f, 0, 0 }, new float[] { 1, -1, 0 }, 3);
        Assert.Equal(new ContinualDescription(1, 1, 1, 2, 4, false), (await GrownAsync(owner, release.Id, 1)).Continual);
        var first = await user.AttendAsync("c", new float[] { 1, 0 }, new AttendOptions { Release = release.Id, Tier = 1 });
        Assert.Equal((2, new BlockRange(0, 1), 1.0), (first.SlotsCovered!.Value, first.Blocks, Math.Round(first.Privacy.Charged, 6)));

        var second = await Assert.ThrowsAsync<DpAttentionException>(() => owner.StartPublishAsync("c"));
        Assert.Equal(ProblemCodes.Conflict, second.Code);
        Assert.Contains("retire it before another is made", second.Message, StringComparison.Ordinal);
        await RefusedAsync("block 2 is not open: slots go to block 1 now", () => owner.CloseBlockAsync("c", release.Id, 2));
        Assert.Equal(2, (await owner.CloseBlockAsync("c", release.Id, 1)).Continual!.BlocksClosed);
        Assert.Equal(2, (await owner.CloseBlockAsync("c", release.Id, 1)).Continual!.BlocksClosed);
        Assert.Equal(3, (await GrownAsync(owner, release.Id, 2)).Slots);
        await RefusedAsync("block 2 holds no slot; there is nothing to close", () => owner.CloseBlockAsync("c", release.Id, 2));

        var erased = await Assert.ThrowsAsync<DpAttentionException>(() => owner.EraseRowAsync("c", "b0", 0));
        Assert.Equal(ProblemCodes.RowPublished, erased.Code);
        await owner.AppendAsync("c", "b1", new float[] { 0.5f, 0 }, new float[] { 1 }, 1);
        await owner.EraseRowAsync("c", "b1", 0);
        Assert.Equal(0, (await owner.GetReleaseAsync("c", release.Id)).Continual!.OpenSlots);
        var many = await Assert.ThrowsAsync<DpAttentionException>(() => owner.AppendAsync("c", "b2", new float[12], new float[6], 6));
        Assert.Contains("6 slots exceed what is left of the store", many.Message, StringComparison.Ordinal);
        await owner.AppendAsync("c", "b3", new float[8], new float[4], 4);
        Assert.Equal((7, true), ((await GrownAsync(owner, release.Id, 4)).Slots, (await GrownAsync(owner, release.Id, 4)).Continual!.IsFull));
        var all = await AskAsync(user, 4);
        Assert.Equal((7, 0.0), (all.SlotsCovered!.Value, all.Privacy.Charged));
        Assert.Equal((2, first.Outputs[0][0]), await PrefixAsync(user));

        await owner.RetireReleaseAsync("c", release.Id);
        var retired = await Assert.ThrowsAsync<DpAttentionException>(() => owner.CloseBlockAsync("c", release.Id, 0));
        Assert.Equal(ProblemCodes.ReleaseRetired, retired.Code);
        Assert.Equal("r000002", (await owner.PublishAsync("c")).Id);
    }

    private static async Task RefusedAsync(string why, Func<Task> call)
    {
        var refused = await Assert.ThrowsAsync<DpAttentionException>(call);
        Assert.Equal(ProblemCodes.Conflict, refused.Code);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }

    private static async Task<(long, double)> PrefixAsync(IDpAttentionClient user)
    {
        var prefix = await user.AttendAsync("c", new float[] { 1, 0 }, new AttendOptions { Rows = new BlockRange(0, 1) });
        return (prefix.SlotsCovered!.Value, prefix.Outputs[0][0]);
    }

    private static async Task<ReleaseDescription> GrownAsync(IDpAttentionClient owner, string release, long blocks)
    {
        for (var tried = 0; ; tried++)
        {
            var found = await owner.GetReleaseAsync("c", release);
            if (found.Continual!.BlocksReleased >= blocks || tried == 500)
                return found;
            await Task.Delay(20);
        }
    }

    /// <summary>A server may be a poll behind what it has released.</summary>
    private static async Task<AttendResponse> AskAsync(IDpAttentionClient user, long blocks)
    {
        for (var tried = 0; ; tried++)
        {
            var found = await user.AttendAsync("c", new float[] { 1, 0 });
            if (found.Blocks!.To >= blocks || tried == 500)
                return found;
            await Task.Delay(20);
        }
    }
}
