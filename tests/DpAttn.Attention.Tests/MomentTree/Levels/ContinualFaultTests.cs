using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>Each fault is planted in one part of a continual release; the check that the product passes must fail it.</summary>
public class ContinualFaultTests
{
    private static readonly MomentTreeParameters Tree = MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(3, 2, 16 * 8, 0.8), 2), 8, isContinual: true);
    private static readonly ContinualFrame Frame = new(Tree, Tree.Calibrate([new Epsilon(0.5), new Epsilon(2)], TestRows.Delta), ContinualPipeline.Secret(77));
    private static readonly RowSet[] Blocks = [.. MomentTreeSums.Cut(Tree, TestRows.Rows(Tree.Moments.Schema, 16 * 8, 1)).Select(piece => piece.Rows)];
    private static readonly RowSet OtherBlock = TestRows.Rows(Tree.Moments.Schema, 8, 2);
    private static readonly ContinualPipeline Product = ContinualPipeline.Product(Frame, Blocks);

    [Fact]
    public async Task The_product_passes_every_check()
    {
        Assert.True(await Product.EveryNodeHasItsRowsAndItsOwnNoiseAsync(ContinualPipeline.Secret(1)));
        Assert.True(await Product.NoTwoRowSetsShareNoiseAsync(ContinualPipeline.Secret(1), 5, OtherBlock));
        Assert.True(await Product.NoTwoRowSetsShareNoiseAsync(ContinualPipeline.Secret(1), 0, OtherBlock));
        Assert.True(await Product.NoTwoRowSetsShareNoiseAsync(ContinualPipeline.Secret(1), 15, OtherBlock));
        Assert.True(await Product.NoNodeIsReleasedTwiceWithDifferentNoiseAsync(ContinualPipeline.Secret(1)));
    }

    [Fact]
    public async Task Noise_from_the_key_of_another_node_is_caught()
    {
        // The key of the first node that was ever noised, then for all.
        NodeManifest? first = null;
        var faulty = Product with { Noise = (secret, manifest) => new KeyedNoise((first ??= manifest).Key(secret)) };
        Assert.False(await faulty.EveryNodeHasItsRowsAndItsOwnNoiseAsync(ContinualPipeline.Secret(1)));
        Assert.False(await faulty.NoTwoRowSetsShareNoiseAsync(ContinualPipeline.Secret(1), 5, OtherBlock));
    }

    [Fact]
    public async Task Noise_from_the_key_of_the_release_alone_is_caught()
    {
        var faulty = Product with { Noise = (secret, _) => new KeyedNoise(ReleaseKey.Derive(secret, Frame.Digest)) };
        Assert.False(await faulty.EveryNodeHasItsRowsAndItsOwnNoiseAsync(ContinualPipeline.Secret(1)));
        Assert.False(await faulty.NoTwoRowSetsShareNoiseAsync(ContinualPipeline.Secret(1), 5, OtherBlock));
    }

    [Fact]
    public async Task A_key_that_is_drawn_anew_after_a_crash_is_caught()
    {
        var faulty = Product with
        {
            Noise = (_, _) => new KeyedNoise(ReleaseKey.Derive(ReleaseKey.NewSecret(), new byte[32])),
        };
        Assert.False(await StopsOrFailsAsync(() => faulty.NoNodeIsReleasedTwiceWithDifferentNoiseAsync(ContinualPipeline.Secret(1))));
        // Of a node whose tiers were stored in part, the product sees that its own do not fit, and stops.
        var partly = faulty with { NewStore = sumOf => new MemoryContinualStore(sumOf) };
        var stops = 0;
        for (var seed = 0; seed < 20; seed++)
        {
            try
            {
                await partly.RunAsync(ContinualPipeline.Secret(1), 0.05, seed);
            }
            catch (InvalidDataException stop)
            {
                Assert.Contains("with other integers than its manifest gives; nothing more is released", stop.Message);
                stops++;
            }
        }
        Assert.InRange(stops, 1, 20);
    }

    [Fact]
    public async Task A_node_that_is_released_before_its_last_row_is_caught()
    {
        var faulty = Product with { Close = CloseAndReleaseTheParentEarlyAsync };
        Assert.False(await StopsOrFailsAsync(() => faulty.EveryNodeHasItsRowsAndItsOwnNoiseAsync(ContinualPipeline.Secret(1))));
        // The store keeps the early one; the product sees that rows are missing in it and stops.
        var stop = await Assert.ThrowsAsync<InvalidDataException>(() => faulty.RunAsync(ContinualPipeline.Secret(1), 0, 1));
        Assert.Equal("node 8 is stored at tier 0 with 8 slots where 16 were frozen; nothing more is released", stop.Message);
    }

    [Fact]
    public async Task A_node_that_is_released_again_after_more_rows_is_caught()
    {
        var faulty = Product with { Close = CloseAndReleaseTheParentEarlyAsync, NewStore = sumOf => new ForgetfulStore(sumOf) };
        // Nothing stops this one: the store denies what it has, and hands back whatever was written last.
        Assert.Equal(16, (await faulty.RunAsync(ContinualPipeline.Secret(1), 0, 1)).Blocks.Count);
        Assert.False(await faulty.NoNodeIsReleasedTwiceWithDifferentNoiseAsync(ContinualPipeline.Secret(1)));
    }

    [Fact]
    public void A_ladder_without_the_root_of_the_levels_is_refused()
    {
        // That it would not hold: the search over whole trees in the tests of the sensitivity.
        var refusal = Assert.Throws<ArgumentException>(() => new ContinualFrame(Tree, MomentRelease.Calibrate(Tree.Moments, [new Epsilon(1)], TestRows.Delta), ContinualPipeline.Secret(77)));
        Assert.Contains("calibrated for another sensitivity or dimension", refusal.Message);
    }

    /// <summary>After each left child: the parent from this child alone, as a process would that forgets that more rows come.</summary>
    private static async Task CloseAndReleaseTheParentEarlyAsync(ContinualRelease release, MemoryContinualStore store, int slots, byte[] digest)
    {
        await release.CloseAsync(slots, digest);
        var leaf = Tree.Tree.LeafNode(release.Extent.Blocks - 1);
        if ((leaf & 1) != 0)
            return;
        var exact = await store.SumAsync([store.Blocks[^1]], CancellationToken.None);
        var key = NodeManifest.Of(NodeManifest.Of(Frame, store.Blocks[^1]), null).Key(ContinualPipeline.Secret(1));
        foreach (var tier in ReleasedNode.Publish(Tree, new MomentNode(leaf >> 1, exact), Frame.Ladder, key))
            await store.PutNodeAsync(tier, CancellationToken.None);
    }

    private static async Task<bool> StopsOrFailsAsync(Func<Task<bool>> check)
    {
        try
        {
            return await check();
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private sealed class ForgetfulStore(Func<BlockManifest, MomentMatrix> sumOf) : MemoryContinualStore(sumOf)
    {
        public override Task<ReleasedNode?> ReadNodeAsync(long node, int tier, CancellationToken cancellationToken) => Task.FromResult<ReleasedNode?>(null);

        protected override void Keep(Dictionary<(long Node, int Tier), ReleasedNode> nodes, ReleasedNode node) => nodes[(node.Node, node.Moments.Tier)] = node;
    }
}
