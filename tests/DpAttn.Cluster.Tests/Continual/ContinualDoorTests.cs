using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>A continual store as owners and users see it.</summary>
public class ContinualDoorTests(OneSilo silos)
{
    [Fact]
    public async Task A_release_grows_with_its_rows_under_one_charge_and_says_what_it_covers()
    {
        var scene = await silos.SceneAsync(Continuals.Definition());
        await scene.GrantAsync(2);
        var release = await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null);
        Assert.Equal(("published", 1.0, 0), (release.State, release.Progress, release.Slots));
        Assert.Equal(new ContinualDescription(0, 0, 0, 4, 16, false), release.Continual);

        // Before there is a block nothing is charged.
        var nothing = await Refused.WithAsync(ProblemCodes.NotPublished, () => scene.AttendAsync(new AttendCommand(Samples.Queries(1), release.Id, 2)));
        Assert.Equal($"no block of release {release.Id} is released yet: its rows keep arriving", nothing.Message);
        await Refused.WithAsync(ProblemCodes.NotPublished, () => scene.AttendAsync(new AttendCommand(Samples.Queries(1), MaxEpsilon: 2)));
        Assert.Equal(0, (await scene.Door.GetMyBudgetAsync(scene.User, scene.Store)).SpentUnits);

        await scene.AppendAsync("b0", Samples.Rows(10, 1));
        var grown = await GrownAsync(scene, release.Id, 2);
        Assert.Equal(("published", 8), (grown.State, grown.Slots));
        Assert.Equal(new ContinualDescription(2, 2, 2, 4, 16, false), grown.Continual);
        var first = await AskAsync(scene, release.Id, 2);
        Assert.Equal((8, new BlockRange(0, 2)), (first.SlotsCovered, first.Blocks));
        Assert.Equal(2, first.Privacy.Charged);

        await scene.AppendAsync("b1", Samples.Rows(7, 2));
        await GrownAsync(scene, release.Id, 4);
        var second = await AskAsync(scene, release.Id, 4);
        Assert.Equal((16, new BlockRange(0, 4)), (second.SlotsCovered, second.Blocks));
        Assert.Equal(0, second.Privacy.Charged);
        // Ranges go on answering as they did.
        var range = await scene.AttendAsync(new AttendCommand(Samples.Queries(1), release.Id, 2, Rows: new BlockRange(0, 2)));
        Assert.Equal(first.Answers[0].Output, range.Answers[0].Output);
        Assert.Equal(first.Answers[0].NoiseDeviation, range.Answers[0].NoiseDeviation);
        var beyond = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AttendAsync(new AttendCommand(Samples.Queries(1), release.Id, 2, Rows: new BlockRange(0, 5))));
        Assert.Contains("to is at most 4", beyond.Message);
        Assert.Single((await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 100)).Entries, line => line.Kind == "open");
    }

    [Fact]
    public async Task A_second_release_is_refused_until_the_first_is_retired_and_is_charged_by_itself()
    {
        var scene = await silos.SceneAsync(Continuals.Definition());
        await scene.GrantAsync(8);
        var first = await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), "p1");
        Assert.Equal(first.Id, (await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), "p1")).Id);
        var problem = await Refused.WithAsync(ProblemCodes.Conflict, () => scene.PublishAsync("p2"));
        Assert.Contains($"this one has {first.Id}; retire it before another is made, which is charged by itself", problem.Message);
        await scene.AppendAsync("b0", Samples.Rows(9, 1));
        await GrownAsync(scene, first.Id, 2);
        await AskAsync(scene, first.Id, 2);
        var spent = (await scene.Door.GetMyBudgetAsync(scene.User, scene.Store)).SpentUnits;

        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, first.Id);
        await Refused.WithAsync(ProblemCodes.ReleaseRetired, () => scene.AttendAsync(new AttendCommand(Samples.Queries(1), first.Id, 2)));
        var second = await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), "p2");
        await GrownAsync(scene, second.Id, 2);
        var answer = await AskAsync(scene, second.Id, 2);
        Assert.Equal(2, answer.Privacy.Charged);
        Assert.Equal(2 * spent, (await scene.Door.GetMyBudgetAsync(scene.User, scene.Store)).SpentUnits);
        // What the first one left goes; what stands in it is never erased.
        var store = new StoreId(await scene.IncarnationAsync());
        await Wait.UntilAsync(async () => (await silos.Silos.Storage.Segments.ListAsync(store, BlobKind.Node, $"{first.Id}-", null, 10)).Count == 0);
        await Refused.WithAsync(ProblemCodes.RowPublished, () => scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b0", 0));
        await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b0", 8);
    }

    [Fact]
    public async Task A_continual_release_without_a_block_may_be_retired()
    {
        var scene = await silos.SceneAsync(Continuals.Definition());
        var release = await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null);
        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, release.Id);
        Assert.Equal("retired", (await scene.Door.GetReleaseAsync(scene.Owner, scene.Store, release.Id)).State);
        var store = new StoreId(await scene.IncarnationAsync());
        Assert.Empty(await silos.Silos.Storage.Catalog.ListAsync(Documents.Job.Name, Documents.Under(store), null, 10));
    }

    [Fact]
    public async Task The_owner_closes_a_block_once_and_later_rows_begin_the_next()
    {
        var scene = await silos.SceneAsync(Continuals.Definition());
        await scene.GrantAsync(2);
        var release = (await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null)).Id;
        await scene.AppendAsync("b0", Samples.Rows(6, 1));
        await GrownAsync(scene, release, 1);
        Assert.Contains("block 2 is not open: slots go to block 1 now", (await Refused.WithAsync(ProblemCodes.Conflict, () => CloseAsync(2))).Message);
        Assert.Contains("counted from 0", (await Refused.WithAsync(ProblemCodes.InvalidRequest, () => CloseAsync(-1))).Message);
        Assert.Equal(2, (await CloseAsync(1)).Continual!.BlocksClosed);
        await CloseAsync(1);
        await CloseAsync(0);
        Assert.Equal(6, (await GrownAsync(scene, release, 2)).Slots);
        Assert.Contains("block 2 holds no slot; there is nothing to close", (await Refused.WithAsync(ProblemCodes.Conflict, () => CloseAsync(2))).Message);
        await scene.AppendAsync("b1", Samples.Rows(5, 2));
        Assert.Equal((10, 3), ((await GrownAsync(scene, release, 3)).Slots, 3));
        Assert.Equal((10, new BlockRange(0, 3)), ((await AskAsync(scene, release, 3)).SlotsCovered, (await AskAsync(scene, release, 3)).Blocks));
        var store = new StoreId(await scene.IncarnationAsync());
        var audit = await silos.Silos.Storage.Catalog.ListAuditAsync(0, 100_000);
        var line = Assert.Single(audit, row => row.Event.Store == store && row.Event.Action == "block.close").Event;
        Assert.Equal((scene.Owner.Account.Value, release, "1"), (line.Actor, line.Target, line.Detail));

        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, release);
        await Refused.WithAsync(ProblemCodes.ReleaseRetired, () => CloseAsync(3));
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.CloseBlockAsync(scene.Owner, scene.Store, "r000009", new CloseBlockRequest(0)));
        await Refused.WithAsync(ProblemCodes.Forbidden, () => scene.Door.CloseBlockAsync(scene.User, scene.Store, release, new CloseBlockRequest(0)));

        Task<ReleaseDescription> CloseAsync(long block) => scene.Door.CloseBlockAsync(scene.Owner, scene.Store, release, new CloseBlockRequest(block));
    }

    [Fact]
    public async Task A_release_of_all_rows_at_once_has_no_block_to_close()
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        var problem = await Refused.WithAsync(ProblemCodes.Conflict, () => scene.Door.CloseBlockAsync(scene.Owner, scene.Store, release, new CloseBlockRequest(0)));
        Assert.Contains("only a continual store has blocks to close", problem.Message);
    }

    /// <summary>The slots that an early closing leaves empty are not filled by others: blocks run out before the capacity does.</summary>
    [Fact]
    public async Task Rows_that_no_block_has_room_for_are_refused_and_none_of_the_batch_is_taken()
    {
        var scene = await silos.SceneAsync(Continuals.Definition(capacity: 16));
        var release = (await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null)).Id;
        await scene.AppendAsync("b0", Samples.Rows(1, 1));
        await scene.Door.CloseBlockAsync(scene.Owner, scene.Store, release, new CloseBlockRequest(0));
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b1", Samples.Rows(13, 2)));
        Assert.Contains("13 slots exceed what is left of the store: 12", problem.Message);
        Assert.Equal(1, (await scene.Door.GetStoreAsync(scene.Owner, scene.Store)).Slots);
        await scene.AppendAsync("b2", Samples.Rows(12, 2));
        var full = await GrownAsync(scene, release, 4);
        Assert.Equal((13, true), (full.Slots, full.Continual!.IsFull));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b3", Samples.Rows(1, 3)));
        var store = new StoreId(await scene.IncarnationAsync());
        Assert.Null((await silos.Silos.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!.Value.Secret);
    }

    [Fact]
    public async Task Rows_of_the_open_block_are_erased_and_those_of_a_released_one_are_not()
    {
        var scene = await silos.SceneAsync(Continuals.Definition());
        var release = (await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null)).Id;
        await scene.AppendAsync("b0", Samples.Rows(6, 1));
        await GrownAsync(scene, release, 1);
        await Refused.WithAsync(ProblemCodes.RowPublished, () => scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b0", 3));
        await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b0", 4);
        Assert.Equal(1, (await scene.Door.GetReleaseAsync(scene.Owner, scene.Store, release)).Continual!.OpenSlots);
        await scene.AppendAsync("b1", Samples.Rows(3, 2));
        Assert.Equal(8, (await GrownAsync(scene, release, 2)).Slots);
        await Refused.WithAsync(ProblemCodes.RowPublished, () => scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b0", 5));
    }

    [Fact]
    public async Task Add_remove_needs_a_public_schedule()
    {
        var definition = Continuals.Definition(adjacency: "add-remove");
        var scene = await silos.SceneAsync(definition);
        await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null);
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.EnsureStoreAsync(
            scene.Owner, SharedSilos.Fresh("refused"), definition with { Mechanism = definition.Mechanism with { Slots = null } }));
        Assert.Contains("needs slots that are filled on a public schedule", problem.Message);
    }

    [Fact]
    public async Task The_statement_says_that_it_is_continual_and_that_its_noise_is_for_all_levels()
    {
        var scene = await silos.SceneAsync(Continuals.Definition());
        var release = (await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null)).Id;
        await scene.AppendAsync("b0", Samples.Rows(6, 1));
        await GrownAsync(scene, release, 1);
        var statement = await scene.Door.GetPrivacyStatementAsync(scene.Owner, scene.Store, release);
        Assert.True(statement.Mechanism.Continual);
        Assert.Equal((5, 4, 16L, 31L, 4L), (statement.Levels, statement.BlockRows, statement.Blocks, statement.Nodes, statement.Slots));
        Assert.Contains("up to 64 slots", statement.Continual);
        Assert.Contains("all 31 nodes", statement.Continual);
        Assert.Contains(statement.NotProtected, line => line.Contains("when blocks close", StringComparison.Ordinal));
        var scene2 = await silos.SceneAsync();
        Assert.Null((await scene2.Door.GetPrivacyStatementAsync(scene2.Owner, scene2.Store, await scene2.LoadedAsync())).Continual);
    }

    /// <summary>Silos of several versions run side by side: sums of another lattice must not meet the release's noise.</summary>
    [Fact]
    public async Task A_shard_sums_no_block_of_a_release_whose_arithmetic_it_does_not_have_or_that_grows_no_more()
    {
        var scene = await silos.SceneAsync(Continuals.Definition());
        var release = (await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null)).Id;
        await scene.AppendAsync("b0", Samples.Rows(4, 1));
        await GrownAsync(scene, release, 1);
        var store = new StoreId(await scene.IncarnationAsync());
        var catalog = silos.Silos.Storage.Catalog;
        var block = (await catalog.ReadAsync(Documents.Block, Documents.BlockOf(store, release, 0)))!.Value;
        var command = new BlockSumCommand(release, 0, [block.Content], [block.ContentBytes]);
        var binding = await BindAsync(new string('0', 64));

        var refused = await Refused.WithAsync(ProblemCodes.ShardUnavailable, SumAsync);
        Assert.Contains("lattice or sampler", refused.Message);
        // It waits for a version that has them, and has not ended.
        Assert.Null((await catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!.Value.Failure);
        await BindAsync(binding);
        await Wait.UntilAsync(async () => (await SumAsync()) is { IsDone: true, Failure: null });
        await Shard().ForgetAsync(command.Key, CancellationToken.None);

        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, release);
        Assert.Equal($"release {release} does not grow any more", (await Refused.WithAsync(ProblemCodes.Conflict, SumAsync)).Message);

        IShardGrain Shard() => silos.Silos.Service<IGrainFactory>(0).GetGrain<IShardGrain>(GrainKey.Shard(store, 0));

        Task<ShardProgress> SumAsync() => Shard().SumFrozenAsync(command, CancellationToken.None);

        async Task<string> BindAsync(string planted)
        {
            while (true)
            {
                var read = (await catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!;
                if (await catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Release.Update(read, read.Value with { NoiseBinding = planted })] }))
                    return read.Value.NoiseBinding;
            }
        }
    }

    [Fact]
    public async Task Deleting_a_continual_store_leaves_none_of_its_blocks()
    {
        var scene = await silos.SceneAsync(Continuals.Definition());
        var release = (await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null)).Id;
        await scene.AppendAsync("b0", Samples.Rows(9, 1));
        await GrownAsync(scene, release, 2);
        var store = new StoreId(await scene.IncarnationAsync());
        await scene.Door.DeleteStoreAsync(scene.Owner, scene.Store);
        await Wait.UntilAsync(async () => (await silos.Silos.Storage.Catalog.ListAsync(Documents.Removal.Name, store.Value, null, 1)).Count == 0);
        Assert.Empty(await silos.Silos.Storage.Catalog.ListAsync(Documents.Block.Name, Documents.Under(store), null, 10));
        foreach (var kind in Enum.GetValues<BlobKind>())
            Assert.Empty(await silos.Silos.Storage.Segments.ListAsync(store, kind, "", null, 10));
    }

    private static async Task<ReleaseDescription> GrownAsync(Scene scene, string release, long blocks)
    {
        ReleaseDescription? found = null;
        await Wait.UntilAsync(async () => (found = await scene.Door.GetReleaseAsync(scene.Owner, scene.Store, release)).Continual!.BlocksReleased >= blocks);
        Assert.Equal(blocks, found!.Continual!.BlocksReleased);
        return found;
    }

    /// <summary>Asks for the best tier until the answer covers so many blocks: a silo may be a poll behind.</summary>
    private static async Task<AttendResult> AskAsync(Scene scene, string release, long blocks)
    {
        AttendResult? found = null;
        AttendResult? first = null;
        await Wait.UntilAsync(async () =>
        {
            found = await scene.AttendAsync(new AttendCommand(Samples.Queries(1), release, 2));
            first ??= found;
            return found.Blocks!.To == blocks;
        });
        return found! with { Privacy = first!.Privacy };
    }
}
