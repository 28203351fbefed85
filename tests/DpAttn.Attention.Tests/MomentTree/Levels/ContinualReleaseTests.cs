using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>How a continual release goes on over crashes, races and early closings.</summary>
public class ContinualReleaseTests
{
    private static readonly MomentTreeParameters Tree = MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(3, 2, 100, 0.8), 2), 8, isContinual: true);
    private static readonly ContinualFrame Frame = new(Tree, Tree.Calibrate([new Epsilon(0.5), new Epsilon(2)], TestRows.Delta), ContinualPipeline.Secret(7));

    /// <summary>13 blocks (12.5 full ones) of a tree of 16: a crash at every tenth step changes nothing, and when the store is full every node above a row is there.</summary>
    [Fact]
    public async Task Crashes_change_no_bit_and_a_full_store_has_all_its_nodes()
    {
        var pipeline = ContinualPipeline.Product(Frame, Cut(TestRows.Rows(Tree.Moments.Schema, 100, 1)));
        var calm = await pipeline.RunAsync(ContinualPipeline.Secret(1), 0, 0);
        Assert.Equal(0, calm.CrashCount);
        // Nothing is computed twice where nothing fails.
        Assert.Equal(calm.Nodes.Count(), calm.Journal.Count);
        for (var seed = 0; seed < 5; seed++)
        {
            var stormy = await pipeline.RunAsync(ContinualPipeline.Secret(1), 0.1, seed);
            Assert.True(stormy.CrashCount > 10, $"{stormy.CrashCount} crashes");
            Assert.Equal(Describe(calm), Describe(stormy));
        }
        var extent = new TreeExtent(13, true);
        Assert.Equal(Enumerable.Range(1, 31).Select(n => (long)n).Where(node => Tree.IsReleased(node, extent)).SelectMany(node => new[] { (node, 0), (node, 1) }).Order(),
            calm.Nodes.Select(node => (node.Node, node.Moments.Tier)).Order());
        var all = ReleasedRange.Of(Tree, extent, 0, 13, node => calm.Read(node, 1)).Moments;
        Assert.Equal((1, 100L), (all.Nodes, all.Slots));
    }

    [Fact]
    public async Task A_prefix_says_how_many_rows_it_covers_also_where_blocks_closed_early()
    {
        int[] counts = [8, 3, 8, 1, 5];
        var rows = TestRows.Rows(Tree.Moments.Schema, 25, 2);
        var start = 0;
        var blocks = counts.Select(count => rows.Slice((start += count) - count, count)).ToArray();
        var store = await ContinualPipeline.Product(Frame, blocks).RunAsync(ContinualPipeline.Secret(2), 0.03, 1, (extent, store) =>
        {
            Assert.False(extent.IsFinished);
            var prefix = ReleasedRange.Of(Tree, extent, 0, extent.Blocks, node => store.Read(node, 0)).Moments;
            Assert.Equal(counts.Take((int)extent.Blocks).Sum(), prefix.Slots);
            Assert.Equal(System.Numerics.BitOperations.PopCount((ulong)extent.Blocks), prefix.Nodes);
            var last = ReleasedRange.Of(Tree, extent, extent.Blocks - 1, extent.Blocks, node => store.Read(node, 1)).Moments;
            Assert.Equal((1, counts[extent.Blocks - 1]), (last.Nodes, last.Slots));
        });
        Assert.Equal([0, 8, 11, 19, 20], store.Blocks.Select(block => block.FirstSlot));
    }

    /// <summary>Under add-remove slots are filled on a public schedule, with null rows where there is none: they count, and contribute nothing.</summary>
    [Fact]
    public async Task Null_slots_of_a_public_schedule_close_blocks_and_contribute_nothing()
    {
        var schema = TestRows.BallSchema(3, 2, 32, 0.8, Adjacency.AddRemove);
        var tree = MomentTreeParameters.Create(MomentParameters.Create(schema, 2), 8, isContinual: true, SlotFilling.PublicSchedule);
        var frame = new ContinualFrame(tree, tree.Calibrate([new Epsilon(2)], TestRows.Delta), ContinualPipeline.Secret(7));
        var (keys, values) = TestRows.Make(schema, 32, 6);
        // Every third slot is null, and all of block 2.
        var isNull = Enumerable.Range(0, 32).Select(slot => slot % 3 == 0 || slot / 8 == 2).ToArray();
        var pipeline = ContinualPipeline.Product(frame, [.. MomentTreeSums.Cut(tree, RowSet.Create(keys, values, isNull)).Select(piece => piece.Rows)]);
        Assert.True(await pipeline.EveryNodeHasItsRowsAndItsOwnNoiseAsync(ContinualPipeline.Secret(3)));
        var store = await pipeline.RunAsync(ContinualPipeline.Secret(3), 0, 0);
        Assert.Equal([8, 8, 8, 8], store.Blocks.Select(block => block.Slots));
        Assert.All(pipeline.Exact(2, 3).Sums, sum => Assert.Equal(0, sum));
        // A block of null slots alone carries noise like any other: that it holds no row is private.
        Assert.All(store.Read(6, 0)!.Moments.Values, value => Assert.NotEqual(0, value));
    }

    /// <summary>A process that fell behind proposes other rows for a block that is closed: it gets the frozen ones, and stores nothing new.</summary>
    [Fact]
    public async Task Whoever_closes_first_wins_and_the_other_releases_nothing_of_its_own()
    {
        var blocks = Cut(TestRows.Rows(Tree.Moments.Schema, 96, 3));
        var others = Cut(TestRows.Rows(Tree.Moments.Schema, 96, 4));
        var exact = blocks.Concat(others).ToDictionary(block => Convert.ToHexString(RowDigest.Of(block)), block => MomentAccumulator.Sum(Tree.Moments, block));
        var store = new MemoryContinualStore(block => exact[Convert.ToHexString(block.Rows)]);
        var first = await OpenAsync(store);
        var second = await OpenAsync(store);
        // In turns of five blocks, after two of the second's: each is ahead by some blocks and then behind.
        for (var turn = 3; Math.Min(first.Extent.Blocks, second.Extent.Blocks) < 12; turn++)
        {
            var (mine, rows) = turn / 5 % 2 == 1 ? (first, blocks) : (second, others);
            if (mine.Extent.Blocks == 12)
                continue;
            var block = rows[mine.Extent.Blocks];
            var ahead = store.Blocks.Count > mine.Extent.Blocks;
            var stored = store.Journal.Count;
            var frozen = await mine.CloseAsync(block.Count, RowDigest.Of(block), TestContext.Current.CancellationToken);
            Assert.Equal(!ahead, frozen.IsSame(new BlockManifest(frozen.Block, frozen.FirstSlot, block.Count, RowDigest.Of(block))));
            Assert.Equal(ahead, stored == store.Journal.Count);
        }
        Assert.Equal((12, 96L), (first.Extent.Blocks, second.Slots));
        // Both have frozen some.
        Assert.Contains(store.Blocks, block => block.Rows.SequenceEqual(RowDigest.Of(blocks[block.Block])));
        Assert.Contains(store.Blocks, block => block.Rows.SequenceEqual(RowDigest.Of(others[block.Block])));
        Assert.Equal(store.Nodes.Count(), store.Journal.Count);
    }

    /// <summary>Two at once on the same block, step by step in turn, as tasks.</summary>
    [Fact]
    public async Task Two_processes_at_once_store_one_value_per_node()
    {
        var blocks = Cut(TestRows.Rows(Tree.Moments.Schema, 100, 3));
        var exact = blocks.ToDictionary(block => Convert.ToHexString(RowDigest.Of(block)), block => MomentAccumulator.Sum(Tree.Moments, block));
        var calm = await ContinualPipeline.Product(Frame, blocks).RunAsync(ContinualPipeline.Secret(1), 0, 0);
        using var gate = new SemaphoreSlim(1, 1);
        var store = new GatedStore(new MemoryContinualStore(block => exact[Convert.ToHexString(block.Rows)]), gate);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            var release = await ContinualRelease.OpenAsync(Frame, ContinualPipeline.Secret(1), store, cancellationToken: TestContext.Current.CancellationToken);
            while (!release.Extent.IsFinished)
            {
                var block = blocks[release.Extent.Blocks];
                await release.CloseAsync(block.Count, RowDigest.Of(block), TestContext.Current.CancellationToken);
            }
        })));
        Assert.Equal(Describe(calm), Describe(store.Inner));
    }

    [Fact]
    public async Task A_full_store_and_blocks_that_do_not_fit_are_refused()
    {
        var blocks = Cut(TestRows.Rows(Tree.Moments.Schema, 100, 1));
        var exact = blocks.ToDictionary(block => Convert.ToHexString(RowDigest.Of(block)), block => MomentAccumulator.Sum(Tree.Moments, block));
        var store = new MemoryContinualStore(block => exact[Convert.ToHexString(block.Rows)]);
        var release = await OpenAsync(store);
        foreach (var (slots, message) in new[] { (0, "slots"), (9, "block 0 with 9 slots after 0 does not fit 16 blocks of 8 and a capacity of 100") })
            Assert.Contains(message, (await Assert.ThrowsAnyAsync<ArgumentException>(() => release.CloseAsync(slots, new byte[32]))).Message);
        Assert.Contains("32 bytes, not 31", (await Assert.ThrowsAnyAsync<ArgumentException>(() => release.CloseAsync(8, new byte[31]))).Message);
        Assert.Empty(store.Blocks);
        foreach (var block in blocks)
            await release.CloseAsync(block.Count, RowDigest.Of(block), TestContext.Current.CancellationToken);
        Assert.Equal(new TreeExtent(13, true), release.Extent);
        var full = await Assert.ThrowsAsync<InvalidOperationException>(() => release.CloseAsync(1, new byte[32]));
        Assert.Equal("the store is full: 100 slots in 13 blocks", full.Message);
    }

    [Fact]
    public async Task Stored_blocks_that_do_not_follow_each_other_and_sums_of_other_rows_stop_the_release()
    {
        var rows = TestRows.Rows(Tree.Moments.Schema, 8, 1);
        var sum = MomentAccumulator.Sum(Tree.Moments, rows);
        var store = new MemoryContinualStore(_ => sum);
        await store.FreezeAsync(new BlockManifest(0, 0, 8, new byte[32]), CancellationToken.None);
        await store.FreezeAsync(new BlockManifest(1, 9, 8, new byte[32]), CancellationToken.None);
        Assert.Contains("block 1 after 9 slots was stored where block 1 after 8 slots belongs", (await Assert.ThrowsAsync<InvalidDataException>(() => OpenAsync(store))).Message);

        var short_ = new MemoryContinualStore(_ => sum);
        await short_.FreezeAsync(new BlockManifest(0, 0, 7, new byte[32]), CancellationToken.None);
        Assert.Contains("the store summed 8 slots of node 16 where 7 were frozen", (await Assert.ThrowsAsync<InvalidDataException>(() => OpenAsync(short_))).Message);
        Assert.Empty(short_.Journal);
        await Assert.ThrowsAsync<ArgumentNullException>(() => ContinualRelease.OpenAsync(null!, new byte[32], store));
        await Assert.ThrowsAsync<ArgumentNullException>(() => ContinualRelease.OpenAsync(Frame, new byte[32], null!));
    }

    private static Task<ContinualRelease> OpenAsync(IContinualStore store) =>
        ContinualRelease.OpenAsync(Frame, ContinualPipeline.Secret(1), store, cancellationToken: TestContext.Current.CancellationToken);

    private static RowSet[] Cut(RowSet rows) => [.. MomentTreeSums.Cut(Tree, rows).Select(piece => piece.Rows)];

    private static string[] Describe(MemoryContinualStore store) =>
        [.. store.Nodes.OrderBy(node => node.Node).ThenBy(node => node.Moments.Tier).Select(node => $"{node.Node} {node.Moments.Tier} {node.Moments.Slots}: {string.Join(' ', node.Moments.Values)}")];

    /// <summary>One step of one process at a time, in whatever order they come.</summary>
    private sealed class GatedStore(MemoryContinualStore inner, SemaphoreSlim gate) : IContinualStore
    {
        public MemoryContinualStore Inner => inner;

        public IAsyncEnumerable<BlockManifest> BlocksAsync(CancellationToken cancellationToken) => inner.BlocksAsync(cancellationToken);

        public Task<BlockManifest> FreezeAsync(BlockManifest block, CancellationToken cancellationToken) => OneAsync(() => inner.FreezeAsync(block, cancellationToken));

        public Task<MomentMatrix> SumAsync(IReadOnlyList<BlockManifest> blocks, CancellationToken cancellationToken) => OneAsync(() => inner.SumAsync(blocks, cancellationToken));

        public Task<ReleasedNode?> ReadNodeAsync(long node, int tier, CancellationToken cancellationToken) => OneAsync(() => inner.ReadNodeAsync(node, tier, cancellationToken));

        public Task<ReleasedNode> PutNodeAsync(ReleasedNode node, CancellationToken cancellationToken) => OneAsync(() => inner.PutNodeAsync(node, cancellationToken));

        private async Task<T> OneAsync<T>(Func<Task<T>> step)
        {
            await gate.WaitAsync();
            try
            {
                return await step();
            }
            finally
            {
                gate.Release();
            }
        }
    }
}
