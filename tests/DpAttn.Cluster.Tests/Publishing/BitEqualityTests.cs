using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>
/// The same rows give the same integers through the grains as in the library: in any number of shards, on any number of silos, however they are cut into
/// batches and in whatever order those come. For one manifest and secret the released integers are the library's, bit by bit.
/// </summary>
public class BitEqualityTests(OneSilo one, TwoSilos two)
{
    private static readonly RowBatch All = Samples.Rows(1200, 77);

    [Theory]
    [InlineData("moment-tree", 1, 1)]
    [InlineData("moment-tree", 3, 1)]
    [InlineData("moment-tree", 16, 1)]
    [InlineData("moment-tree", 1, 2)]
    [InlineData("moment-tree", 3, 2)]
    [InlineData("moment-tree", 16, 2)]
    [InlineData(Samples.AllLevels, 1, 1)]
    [InlineData(Samples.AllLevels, 3, 1)]
    [InlineData(Samples.AllLevels, 16, 1)]
    [InlineData(Samples.AllLevels, 1, 2)]
    [InlineData(Samples.AllLevels, 3, 2)]
    [InlineData(Samples.AllLevels, 16, 2)]
    [InlineData("distance-tree", 1, 1)]
    [InlineData("distance-tree", 3, 1)]
    [InlineData("distance-tree", 16, 1)]
    [InlineData("distance-tree", 1, 2)]
    [InlineData("distance-tree", 3, 2)]
    [InlineData("distance-tree", 16, 2)]
    public async Task Sums_and_releases_are_the_librarys_for_any_number_of_shards_and_silos(string mechanism, int shards, int silos)
    {
        SharedSilos cluster = silos == 1 ? one : two;
        var definition = Samples.Of(mechanism, shards);
        foreach (var cuts in new[] { [1200], Cuts(24, 1), Cuts(60, 2) })
        {
            var scene = await cluster.SceneAsync(definition);
            var rows = await AppendAsync(scene, cuts, seed: cuts.Length);
            await RequireLibrarysAsync(cluster, scene, rows, definition);
            if (shards == 16)
                await RequireShardsOnEverySiloAsync(cluster, scene, silos);
        }
    }

    [Theory]
    [InlineData("moment-tree", 1)]
    [InlineData("moment-tree", 2)]
    [InlineData(Samples.AllLevels, 1)]
    [InlineData(Samples.AllLevels, 2)]
    [InlineData("distance-tree", 1)]
    [InlineData("distance-tree", 2)]
    public async Task Null_slots_and_erased_rows_change_nothing_of_it(string mechanism, int silos)
    {
        SharedSilos cluster = silos == 1 ? one : two;
        var isNull = Enumerable.Range(0, 300).Select(i => i % 7 == 3).ToArray();
        var definition = Samples.Of(mechanism, 3, SchemaFactory.AddRemove);
        var scene = await cluster.SceneAsync(definition);
        await scene.AppendAsync("b1", Samples.Rows(300, 5, isNull));
        await scene.AppendAsync("b2", Samples.Rows(100, 6));
        await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b2", 42);
        var left = Enumerable.Range(0, 100).Select(i => i == 42).ToArray();
        await RequireLibrarysAsync(cluster, scene, Samples.Join(Samples.Rows(300, 5, isNull), Samples.Rows(100, 6, left)), definition);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("all", 64)]
    [InlineData("all", 4096)]
    [InlineData("all", 65_536)]
    public async Task A_batch_of_several_segments_is_summed_as_one(string? levels, int? blockRows)
    {
        var definition = Samples.Definition(3) with { Ladder = [1], Mechanism = new MechanismDefinition(Levels: levels, BlockRows: blockRows) };
        var rows = Samples.Rows(130_000, 8);
        Assert.True(BatchCut.PiecesOf(rows).Count > 1);
        var scene = await two.SceneAsync(definition with { Capacity = 200_000 });
        await scene.AppendAsync("b", rows);
        await RequireLibrarysAsync(two, scene, rows.ToRows(), definition with { Capacity = 200_000 });
    }

    /// <summary>Freezes without starting the publish, to read the secret before it is erased; then has the grains publish.</summary>
    private static async Task RequireLibrarysAsync(SharedSilos cluster, Scene scene, RowSet rows, StoreDefinition definition)
    {
        var store = new StoreId(await scene.IncarnationAsync());
        var (release, key) = await FrozenRelease.FreezeAsync(cluster.Silos, store);
        await Wait.PublishedAsync(scene.Door, scene.Owner, scene.Store, release);

        var document = (await cluster.Silos.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!.Value;
        Assert.Equal(rows.Count, document.Slots);
        var served = await cluster.Silos.ReadReleasedAsync(store, release);
        Assert.Equal(Released.Of(definition, [(rows, false)], definition.Ladder, key), served);
        Assert.Equal(definition.Ladder.Count, served.Count);
        if (definition.Mechanism.Levels is not null)
            await RequireOnlyNodesAsync(cluster, store, document);
        else if (definition.Mechanism.Name == MomentRelease.Mechanism)
            RequireExactWithoutNoise(definition, rows, key, served[^1]);
        else
            await RequireKeptSumsAsync(cluster, store, document, definition, rows);
    }

    /// <summary>Nothing exact of the release is left, nor its secret.</summary>
    private static async Task RequireOnlyNodesAsync(SharedSilos cluster, StoreId store, ReleaseDocument document)
    {
        Assert.Null(document.Secret);
        await Wait.UntilAsync(async () => (await cluster.Silos.Storage.Segments.ListAsync(store, BlobKind.ShardSums, document.Id, null, 10)).Count == 0);
        Assert.True((await cluster.Silos.Storage.Segments.ListAsync(store, BlobKind.Node, document.Id, null, 10)).Count > document.Ladder.Count);
    }

    /// <summary>Without the best tier's noise what is served are the exact sums.</summary>
    private static void RequireExactWithoutNoise(StoreDefinition definition, RowSet rows, ReleaseKey key, long[] served)
    {
        var parameters = SchemaFactory.Parameters(SchemaFactory.Resolve(definition));
        var exact = MomentAccumulator.Sum(parameters, rows);
        var noise = Noise(key, SchemaFactory.Ladder(parameters, definition.Ladder, new Delta(definition.Delta)), exact.Sums.Length);
        Assert.Equal(exact.Sums, served.Zip(noise, (value, drawn) => value - drawn));
    }

    /// <summary>What the shards keep adds up to the library's exact sums, and nothing else of the release is stored.</summary>
    private static async Task RequireKeptSumsAsync(SharedSilos cluster, StoreId store, ReleaseDocument document, StoreDefinition definition, RowSet rows)
    {
        var exact = DistanceTreeSums.Sum(SchemaFactory.DistanceParameters(SchemaFactory.Resolve(definition)), rows);
        var total = new long[exact.Numbers.Length];
        Assert.Equal(definition.Shards, document.Sums!.Count);
        foreach (var sums in document.Sums)
        {
            var (values, _) = NodeCodec.Decode((await cluster.Silos.Storage.Segments.ReadPartsAsync(store, BlobKind.ShardSums, sums.Blob, sums.Bytes))!, total.Length);
            for (var i = 0; i < total.Length; i++)
                total[i] += values[i];
        }
        Assert.Equal(exact.Numbers, total);
        Assert.Empty(document.Nodes);
        Assert.NotNull(document.Secret);
        Assert.Empty(await cluster.Silos.Storage.Segments.ListAsync(store, BlobKind.Node, document.Id, null, 10));
    }

    private static async Task RequireShardsOnEverySiloAsync(SharedSilos cluster, Scene scene, int silos)
    {
        var grains = cluster.Silos.Service<IGrainFactory>(0);
        var management = grains.GetGrain<IManagementGrain>(0);
        var store = new StoreId(await scene.IncarnationAsync());
        var addresses = new HashSet<SiloAddress>();
        for (var shard = 0; shard < 16; shard++)
        {
            if (await management.GetActivationAddress(grains.GetGrain<IShardGrain>(GrainKey.Shard(store, shard))) is { } address)
                addresses.Add(address);
        }
        Assert.Equal(silos, addresses.Count);
    }

    private static long[] Noise(ReleaseKey key, NoiseLadder ladder, int length)
    {
        var noise = new long[length];
        new KeyedNoise(key).Fill(new NoiseAddress(MomentRelease.Mechanism, ladder.Best, MomentRelease.RootNode, ladder.Tiers[^1].Increment), noise);
        return noise;
    }

    /// <summary>Batches of random sizes that cover all rows.</summary>
    private static int[] Cuts(int batches, int seed)
    {
        var random = new Random(seed);
        var ends = Enumerable.Range(1, 1199).ToArray();
        random.Shuffle(ends);
        int[] chosen = [0, .. ends.Take(batches - 1).Order(), 1200];
        return [.. chosen.Skip(1).Zip(chosen, (end, start) => end - start)];
    }

    /// <summary>Appends batches in some order, several at once.</summary>
    /// <returns>The rows in slot order: that in which the batches were committed, which only a tree depends on.</returns>
    private static async Task<RowSet> AppendAsync(Scene scene, int[] cuts, int seed)
    {
        var starts = cuts.Select((_, i) => cuts[..i].Sum()).ToArray();
        var order = Enumerable.Range(0, cuts.Length).ToArray();
        new Random(seed).Shuffle(order);
        var slots = new long[cuts.Length];
        await Parallel.ForEachAsync(order, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (i, _) =>
            slots[i] = (await scene.AppendAsync($"batch-{i}", Samples.Window(All, starts[i], cuts[i]))).FirstSlot);
        return Samples.Join([.. order.OrderBy(i => slots[i]).Select(i => Samples.Window(All, starts[i], cuts[i]))]);
    }
}
