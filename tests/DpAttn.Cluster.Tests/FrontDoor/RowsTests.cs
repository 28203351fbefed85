using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Rows on their way in: durable once acknowledged, added once, refused whole; and out again before they are published.</summary>
public class RowsTests(OneSilo silos)
{
    [Fact]
    public async Task A_batch_is_added_once_however_often_it_is_sent()
    {
        var scene = await silos.SceneAsync();
        Assert.Equal(new AppendResult("b1", 0, 50, false), await scene.AppendAsync("b1", Samples.Rows(50, 1)));
        Assert.Equal(new AppendResult("b2", 50, 20, false), await scene.AppendAsync("b2", Samples.Rows(20, 2)));
        for (var i = 0; i < 3; i++)
            Assert.Equal(new AppendResult("b1", 0, 50, true), await scene.AppendAsync("b1", Samples.Rows(50, 1)));
        await RequireCountsAsync(scene, slots: 70, batches: 2);
    }

    [Fact]
    public async Task Racing_copies_of_a_batch_are_added_once()
    {
        var scene = await silos.SceneAsync();
        var sent = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => scene.AppendAsync("b1", Samples.Rows(50, 1))));
        Assert.Single(sent, result => !result.Replayed);
        await RequireCountsAsync(scene, slots: 50, batches: 1);
    }

    [Fact]
    public async Task The_same_batch_id_with_other_rows_is_refused_and_changes_nothing()
    {
        var scene = await silos.SceneAsync();
        await scene.AppendAsync("b1", Samples.Rows(50, 1));
        await Refused.WithAsync(ProblemCodes.RequestConflict, () => scene.AppendAsync("b1", Samples.Rows(50, 2)));
        await Refused.WithAsync(ProblemCodes.RequestConflict, () => scene.AppendAsync("b1", Samples.Rows(49, 1)));
        await Refused.WithAsync(ProblemCodes.RequestConflict, () => scene.AppendAsync("b1", Samples.Rows(50, 1) with { Clip = true }));
        await RequireCountsAsync(scene, slots: 50, batches: 1);
        await RequireSegmentsAsync(scene, 1);
    }

    [Fact]
    public async Task The_same_batch_id_belongs_to_its_store()
    {
        var first = await silos.SceneAsync();
        var second = await silos.SceneAsync();
        await first.AppendAsync("b1", Samples.Rows(50, 1));
        Assert.False((await second.AppendAsync("b1", Samples.Rows(20, 2))).Replayed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("with space")]
    [InlineData("ö")]
    public async Task A_batch_id_is_printable(string batch) =>
        await Refused.WithAsync(ProblemCodes.InvalidRequest, async () => await (await silos.SceneAsync()).AppendAsync(batch, Samples.Rows(1, 1)));

    [Fact]
    public async Task A_batch_id_is_not_too_long()
    {
        var scene = await silos.SceneAsync();
        await scene.AppendAsync(new string('b', 128), Samples.Rows(1, 1));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync(new string('b', 129), Samples.Rows(1, 1)));
    }

    [Fact]
    public async Task Rows_beyond_the_capacity_are_refused_with_both_counts_and_change_nothing()
    {
        var scene = await silos.SceneAsync(Samples.Definition(capacity: 100));
        await scene.AppendAsync("b1", Samples.Rows(60, 1));
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b2", Samples.Rows(41, 2)));
        Assert.Contains("capacity of 100; 60 are taken", problem.Message);
        await RequireCountsAsync(scene, slots: 60, batches: 1);
        await scene.AppendAsync("b3", Samples.Rows(40, 2));
    }

    [Theory]
    [InlineData(float.NaN, "key", "coordinate 2 is NaN or infinite")]
    [InlineData(float.PositiveInfinity, "key", "coordinate 2 is NaN or infinite")]
    [InlineData(1.25f, "key", "l2 ball of radius 1")]
    [InlineData(float.NaN, "value", "coordinate 2 is NaN or infinite")]
    [InlineData(float.NegativeInfinity, "value", "coordinate 2 is NaN or infinite")]
    [InlineData(-1.25f, "value", "l2 ball of radius 1")]
    public async Task A_bad_row_is_named_with_its_bound_but_not_its_numbers_and_nothing_of_its_batch_is_stored(float number, string where, string bound)
    {
        var scene = await silos.SceneAsync();
        var rows = Samples.Rows(50, 1);
        (where == "key" ? rows.Keys : rows.Values).Single![37, 2] = number;
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b1", rows));
        Assert.Contains($"{where} of row 37", problem.Message);
        Assert.Contains(bound, problem.Message);
        Assert.DoesNotContain("1.25", problem.Message);
        await RequireCountsAsync(scene, slots: 0, batches: 0);
        await RequireSegmentsAsync(scene, 0);
        // The id was not used up.
        await scene.AppendAsync("b1", Samples.Rows(50, 1));
    }

    [Fact]
    public async Task Negative_zeros_and_subnormals_are_rows_like_others()
    {
        var scene = await silos.SceneAsync();
        var zeros = new RowBatch(new FloatMatrix(new Matrix<float>(2, 5)), new FloatMatrix(new Matrix<double>(2, 3)));
        (zeros.Keys.Single![0, 0], zeros.Keys.Single![1, 0], zeros.Values.Double![1, 1]) = (-0f, float.Epsilon, -double.Epsilon);
        await scene.AppendAsync("b1", zeros);
        await scene.PublishAsync();
    }

    [Fact]
    public async Task Rows_out_of_bounds_are_clipped_where_that_is_asked_for_and_never_when_they_are_no_numbers()
    {
        var scene = await silos.SceneAsync();
        var rows = Samples.Rows(3, 1);
        rows.Keys.Single![1, 0] = 100;
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b1", rows));
        await scene.AppendAsync("b1", rows with { Clip = true });
        rows.Keys.Single![1, 0] = float.NaN;
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b2", rows with { Clip = true }));
        await scene.PublishAsync();
    }

    [Fact]
    public async Task Other_shapes_than_the_schemas_are_refused_with_both()
    {
        var scene = await silos.SceneAsync();
        static FloatMatrix Zeros(int rows, int columns) => new(new Matrix<float>(rows, columns));
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b", new RowBatch(Zeros(2, 6), Zeros(2, 3))));
        Assert.Contains("keys of 6 and values of 3 dimensions; the schema states 5 and 3", problem.Message);
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b", new RowBatch(Zeros(2, 5), Zeros(2, 4))));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b", new RowBatch(Zeros(2, 5), Zeros(3, 3))));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b", new RowBatch(Zeros(0, 5), Zeros(0, 3))));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b", new RowBatch(Zeros(2, 5), Zeros(2, 3), [true])));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b", new RowBatch(Zeros(1, 70_000), Zeros(1, 3))));
        await RequireCountsAsync(scene, slots: 0, batches: 0);
    }

    [Fact]
    public async Task Null_slots_are_refused_under_replace_one()
    {
        var scene = await silos.SceneAsync();
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.AppendAsync("b", Samples.Rows(3, 1, [false, true, false])));
        Assert.Contains("only under add-remove", problem.Message);
    }

    [Fact]
    public async Task A_batch_of_null_slots_only_is_published_under_add_remove()
    {
        var scene = await silos.SceneAsync(Samples.Definition(adjacency: SchemaFactory.AddRemove));
        await scene.AppendAsync("b", Samples.Rows(30, 1, [.. Enumerable.Repeat(true, 30)]));
        Assert.Equal(30, (await scene.PublishAsync()).Slots);
        await scene.GrantAsync(1);
        var answer = await scene.AttendAsync(new AttendCommand(Samples.Queries(1), "r000001", 0));
        Assert.Single(answer.Answers);
    }

    [Fact]
    public async Task A_batch_that_never_fits_is_too_large()
    {
        await using var small = await TestSilos.StartAsync(1, options => options.IngestBytes = 1 << 20);
        var owner = await small.PrincipalAsync(Roles.Owner, "owner");
        await small.FrontDoor.EnsureStoreAsync(owner, "s", Samples.Definition());
        await Refused.WithAsync(ProblemCodes.TooLarge, () => small.FrontDoor.AppendAsync(owner, "s", "b", Samples.Rows(40_000, 1)));
        await small.FrontDoor.AppendAsync(owner, "s", "b", Samples.Rows(20_000, 1));
    }

    [Theory]
    [InlineData(SchemaFactory.ReplaceOne)]
    [InlineData(SchemaFactory.AddRemove)]
    public async Task An_erased_row_is_missing_from_the_sums_and_a_retry_of_its_batch_is_still_known(string adjacency)
    {
        var definition = Samples.Definition(2, adjacency);
        var scene = await silos.SceneAsync(definition);
        var rows = Samples.Rows(30, 1);
        await scene.AppendAsync("b1", rows);
        await scene.AppendAsync("b2", Samples.Rows(10, 2));
        int[] erased = [0, 17, 29];
        foreach (var row in erased)
            await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", row);
        await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", 17);

        Assert.Equal(new AppendResult("b1", 0, 30, true), await scene.AppendAsync("b1", rows));
        var keeps = adjacency == SchemaFactory.AddRemove;
        await RequireCountsAsync(scene, slots: keeps ? 40 : 37, batches: 2);
        // Numbers of slots are not given again.
        Assert.Equal(40, (await scene.AppendAsync("b3", Samples.Rows(1, 3))).FirstSlot);

        var store = new StoreId(await scene.IncarnationAsync());
        var parameters = SchemaFactory.Parameters(SchemaFactory.Resolve(definition));
        var left = Enumerable.Range(0, 30).Where(row => !erased.Contains(row)).Select(row => Samples.Window(rows, row, 1));
        var expected = MomentAccumulator.Sum(parameters, Samples.Join([.. left, Samples.Rows(10, 2), Samples.Rows(1, 3)]));
        var (release, key) = await FrozenRelease.FreezeAsync(silos.Silos, store);
        await Wait.PublishedAsync(scene.Door, scene.Owner, scene.Store, release);
        var document = (await silos.Silos.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!.Value;
        Assert.Equal(keeps ? 41 : 38, document.Slots);
        var slots = new MomentMatrix(parameters, expected.Sums, document.Slots);
        var published = MomentRelease.Publish(slots, SchemaFactory.Ladder(parameters, definition.Ladder, new Delta(definition.Delta)), key);
        var node = document.Nodes[0];
        Assert.Equal(
            published.Tiers[0].Values,
            NodeCodec.Decode((await silos.Silos.Storage.Segments.ReadPartsAsync(store, BlobKind.Node, node.Blob, node.Bytes))!, parameters.Dimension).Values);
    }

    /// <summary>Erased means gone: from the blobs, from the database's file and from its log.</summary>
    [Fact]
    public async Task The_numbers_of_an_erased_row_are_nowhere_in_the_database()
    {
        const float Planted = 0.31415927f;
        var scene = await silos.SceneAsync();
        var rows = Samples.Rows(200, 1);
        for (var j = 0; j < 5; j++)
            rows.Keys.Single![77, j] = Planted;
        var pattern = new byte[20];
        for (var j = 0; j < 5; j++)
            BitConverter.TryWriteBytes(pattern.AsSpan(4 * j), Planted);
        await scene.AppendAsync("b1", rows);
        Assert.True(await IsInDatabaseAsync(pattern), "the row is not where this test looks for it");
        await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", 77);
        await Wait.UntilAsync(async () => !await IsInDatabaseAsync(pattern));
        // And a late copy of its batch does not bring it back.
        await scene.AppendAsync("b1", rows);
        await RequireSegmentsAsync(scene, 1);
        Assert.False(await IsInDatabaseAsync(pattern));
    }

    [Fact]
    public async Task A_published_row_cannot_be_erased_and_rows_that_came_after_it_can()
    {
        var scene = await silos.SceneAsync();
        await scene.AppendAsync("b1", Samples.Rows(10, 1));
        var release = (await scene.PublishAsync()).Id;
        await scene.AppendAsync("b2", Samples.Rows(10, 2));
        var problem = await Refused.WithAsync(ProblemCodes.RowPublished, () => scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", 0));
        Assert.Contains(release, problem.Message);
        Assert.Contains("noised trace", problem.Message);
        await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b2", 0);
        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, release);
        await Refused.WithAsync(ProblemCodes.RowPublished, () => scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", 0));
        await RequireCountsAsync(scene, slots: 19, batches: 2);
    }

    [Fact]
    public async Task Batches_and_rows_that_do_not_exist_cannot_be_erased()
    {
        var scene = await silos.SceneAsync();
        await scene.AppendAsync("b1", Samples.Rows(10, 1));
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b2", 0));
        Assert.Contains("no row 10", (await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", 10))).Message);
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", -1));
        await RequireCountsAsync(scene, slots: 10, batches: 1);
    }

    [Fact]
    public async Task A_store_of_erased_rows_only_has_nothing_to_publish_and_room_again()
    {
        var scene = await silos.SceneAsync(Samples.Definition(capacity: 2));
        await scene.AppendAsync("b1", Samples.Rows(2, 1));
        for (var row = 0; row < 2; row++)
            await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", row);
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.PublishAsync());
        await scene.AppendAsync("b2", Samples.Rows(2, 2));
        Assert.Equal(2, (await scene.PublishAsync()).Slots);
    }

    [Fact]
    public async Task Erasing_is_logged_alike_whether_a_slot_held_a_row_or_not()
    {
        var scene = await silos.SceneAsync(Samples.Definition(adjacency: SchemaFactory.AddRemove));
        await scene.AppendAsync("b1", Samples.Rows(3, 1, [false, true, false]));
        await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", 0);
        await scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b1", 1);
        var store = new StoreId(await scene.IncarnationAsync());
        var lines = (await silos.Silos.Storage.Catalog.ListAuditAsync(0, 100_000)).Where(row => row.Event.Store == store && row.Event.Action == "row.erase").ToArray();
        Assert.Equal(["0", "1"], lines.Select(line => line.Event.Detail));
        await RequireCountsAsync(scene, slots: 3, batches: 1);
    }

    private static async Task RequireCountsAsync(Scene scene, long slots, long batches)
    {
        var store = await scene.Door.GetStoreAsync(scene.Owner, scene.Store);
        Assert.Equal((slots, batches), (store.Slots, store.Batches));
    }

    private async Task RequireSegmentsAsync(Scene scene, int count) =>
        Assert.Equal(count, (await silos.Silos.Storage.Segments.ListAsync(new StoreId(await scene.IncarnationAsync()), BlobKind.Segment, "", null, 100)).Count);

    private async Task<bool> IsInDatabaseAsync(byte[] pattern)
    {
        foreach (var file in new[] { silos.Silos.DatabaseFile, silos.Silos.DatabaseFile + "-wal" })
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[stream.Length];
            var read = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false);
            if (bytes.AsSpan(0, read).IndexOf(pattern) >= 0)
                return true;
        }
        return false;
    }
}
