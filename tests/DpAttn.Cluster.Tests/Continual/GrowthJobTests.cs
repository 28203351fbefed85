using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>A continual release grows to the nodes that its frozen blocks and its secret determine, whatever fails on the way, or says why it grows no further.</summary>
public sealed class GrowthJobTests : IAsyncDisposable
{
    private readonly Bench _bench = new();

    /// <summary>
    /// Every call of the storage in turn fails before it does anything, after it was done, or is not heard of again while another process goes on; afterwards the nodes are
    /// those that the frozen blocks determine, and no node ever had two noise values.
    /// </summary>
    [Theory]
    [InlineData(Fault.Before)]
    [InlineData(Fault.After)]
    [InlineData(Fault.Hang)]
    public async Task Growth_that_stops_at_any_call_of_the_storage_is_resumed_and_ends_with_the_same_nodes(Fault fault)
    {
        var failed = 0;
        for (var call = 1; ; call++)
        {
            // Blocks within a segment, over several, and at their edges: 4 + 4 + 2 of 10 rows, then 2 more of 7, then 4, and 1 that is open.
            var store = await _bench.MakeStoreAsync(Continuals.Definition(capacity: 32));
            var release = await _bench.Side.FreezeAsync(store);
            var secret = await _bench.Side.SecretAsync(store, release);
            await _bench.Side.AppendAsync(store, "b0", Samples.Rows(10, 1));
            await _bench.Side.AppendAsync(store, "b1", Samples.Rows(7, 2));
            var plan = new FaultPlan { FailingCall = call, Fault = fault };
            var noise = new RecordingNoises();
            var stopped = _bench.With(plan, noise).GrowAsync(store, release);
            await Task.WhenAny(stopped, plan.Hanging);
            if (!plan.HasFailed)
            {
                Assert.Equal(GrowthOutcome.UpToDate, await stopped);
                break;
            }
            failed++;

            var other = _bench.With(new FaultPlan(), noise);
            Assert.Equal(GrowthOutcome.UpToDate, await other.GrowAsync(store, release));
            await RequireAsync(store, release, secret);
            var nodes = await _bench.Side.NodesAsync(store, release);
            // The process that was stopped wakes up: what it still does changes nothing.
            plan.Release();
            try
            {
                Assert.Equal(GrowthOutcome.UpToDate, await stopped);
            }
            catch (Exception e) when (fault != Fault.Hang && e is StorageException or ProblemException)
            {
            }
            var after = await _bench.Side.NodesAsync(store, release);
            Assert.Equal(nodes.Keys.Order(), after.Keys.Order());
            Assert.All(nodes, node => Assert.Equal(node.Value.Moments.Values, after[node.Key].Moments.Values));
            noise.OnePerAddress();
            Assert.Single(await _bench.Storage.Catalog.ListAsync(Documents.Job.Name, Documents.Under(store), null, 10));
        }
        Assert.True(failed > 60, $"only {failed} calls failed: the test says little");

        async Task RequireAsync(StoreId store, string release, byte[] secret)
        {
            var rows = Samples.Join(Samples.Rows(10, 1), Samples.Rows(7, 2));
            await _bench.Side.RequireNodesAsync(store, release, secret, [.. Enumerable.Range(0, 4).Select(block => rows.Slice(4 * block, 4))]);
            var document = await _bench.Side.ReadReleaseAsync(store, release);
            Assert.Equal((ReleaseDocument.Published, 4, 16, 4), (document.State, document.Continual!.ReleasedBlocks, document.Continual.ReleasedSlots, document.Continual.FrozenBlocks));
            Assert.NotNull(document.Secret);
        }
    }

    [Fact]
    public async Task Processes_that_grow_one_release_at_once_end_with_one_set_of_nodes()
    {
        for (var round = 0; round < 15; round++)
        {
            var store = await _bench.MakeStoreAsync(Continuals.Definition(capacity: 32));
            var release = await _bench.Side.FreezeAsync(store);
            var secret = await _bench.Side.SecretAsync(store, release);
            var noise = new RecordingNoises();
            var rows = Enumerable.Range(0, 4).Select(i => Samples.Rows(3 + (5 * i + round) % 6, i)).ToArray();
            var growing = Enumerable.Range(0, 3).Select(i => Task.Run(async () =>
            {
                var side = _bench.With(new FaultPlan(), noise);
                var job = side.Services.Growth(store, release);
                var shards = new Continuals.LocalBlocks(side, store);
                for (var turn = 0; turn < 8; turn++)
                    Assert.Equal(GrowthOutcome.UpToDate, await job.RunAsync(shards, CancellationToken.None));
            })).ToArray();
            for (var i = 0; i < rows.Length; i++)
                await _bench.Side.AppendAsync(store, $"b{i}", rows[i]);
            await Task.WhenAll(growing);
            Assert.Equal(GrowthOutcome.UpToDate, await _bench.Side.GrowAsync(store, release));
            var all = Samples.Join(rows);
            await _bench.Side.RequireNodesAsync(store, release, secret, [.. Enumerable.Range(0, all.Count / 4).Select(block => all.Slice(4 * block, 4))]);
            noise.OnePerAddress();
        }
    }

    [Fact]
    public async Task A_store_that_is_full_releases_its_last_block_and_every_node_and_forgets_its_secret()
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition(capacity: 18));
        var release = await _bench.Side.FreezeAsync(store);
        var secret = await _bench.Side.SecretAsync(store, release);
        await _bench.Side.AppendAsync(store, "b0", Samples.Rows(18, 1));
        Assert.Equal(GrowthOutcome.Settled, await _bench.Side.GrowAsync(store, release));
        var rows = Samples.Join(Samples.Rows(18, 1));
        await _bench.Side.RequireNodesAsync(store, release, secret, [.. Enumerable.Range(0, 5).Select(block => rows.Slice(4 * block, Math.Min(4, 18 - 4 * block)))]);
        var document = await _bench.Side.ReadReleaseAsync(store, release);
        Assert.Equal((null, true, 5), (document.Secret, document.Continual!.IsFull, document.Continual.ReleasedBlocks));
        Assert.Empty(await _bench.Storage.Catalog.ListAsync(Documents.Job.Name, Documents.Under(store), null, 10));
        Assert.Equal(GrowthOutcome.Settled, await _bench.Side.GrowAsync(store, release));
        var refused = await Assert.ThrowsAsync<ProblemException>(() => _bench.Side.AppendAsync(store, "b1", Samples.Rows(1, 2)));
        Assert.Contains("exceed what is left of the store: 0", refused.Message);
        // It grows no more: neither a restore nor an acknowledgement makes anybody pay for it again.
        await _bench.Side.Services.Continual(store).StopAcknowledgedAsync(CancellationToken.None);
        Assert.Equal(document, await _bench.Side.ReadReleaseAsync(store, release) with { Ladder = document.Ladder, Nodes = document.Nodes });
    }

    [Fact]
    public async Task Null_slots_fill_blocks_and_are_summed_as_nothing()
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition(adjacency: "add-remove"));
        var release = await _bench.Side.FreezeAsync(store);
        var secret = await _bench.Side.SecretAsync(store, release);
        var rows = Samples.Rows(9, 1, [true, false, false, true, true, true, true, true, false]);
        await _bench.Side.AppendAsync(store, "b0", rows);
        await _bench.Side.GrowAsync(store, release);
        var all = Samples.Join(rows);
        await _bench.Side.RequireNodesAsync(store, release, secret, [all.Slice(0, 4), all.Slice(4, 4)]);
        // An erased slot keeps its place: the open block is not longer for it.
        await EraseAsync(store, "b0", 8);
        await _bench.Side.AppendAsync(store, "b1", Samples.Rows(3, 2, [false, false, false]));
        await _bench.Side.GrowAsync(store, release);
        Assert.Equal((3, 12), ((await _bench.Side.StateAsync(store, release)).ReleasedBlocks, (await _bench.Side.StateAsync(store, release)).ReleasedSlots));
    }

    [Fact]
    public async Task A_row_is_erased_as_long_as_its_block_is_open_and_never_after()
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition());
        var release = await _bench.Side.FreezeAsync(store);
        var secret = await _bench.Side.SecretAsync(store, release);
        await _bench.Side.AppendAsync(store, "b0", Samples.Rows(6, 1));
        await _bench.Side.GrowAsync(store, release);
        var refused = await Assert.ThrowsAsync<ProblemException>(() => EraseAsync(store, "b0", 3));
        Assert.Equal(ProblemCodes.RowPublished, refused.Code);
        // In the same segment as frozen rows, which it leaves as they are.
        await EraseAsync(store, "b0", 4);
        await _bench.Side.AppendAsync(store, "b1", Samples.Rows(4, 2));
        // In the directory of a block that is full, and not frozen yet.
        await EraseAsync(store, "b1", 0);
        await _bench.Side.AppendAsync(store, "b2", Samples.Rows(5, 3));
        Assert.Equal(GrowthOutcome.UpToDate, await _bench.Side.GrowAsync(store, release));
        var (b0, b1, b2) = (Samples.Rows(6, 1), Samples.Rows(4, 2), Samples.Rows(5, 3));
        await _bench.Side.RequireNodesAsync(store, release, secret,
        [
            Samples.Join(Samples.Window(b0, 0, 4)),
            Samples.Join(Samples.Window(b0, 5, 1), Samples.Window(b1, 1, 3)),
            Samples.Join(Samples.Window(b2, 0, 4)),
        ]);
        foreach (var (batch, row) in new[] { ("b0", 5), ("b1", 2), ("b2", 3) })
            Assert.Equal(ProblemCodes.RowPublished, (await Assert.ThrowsAsync<ProblemException>(() => EraseAsync(store, batch, row))).Code);
        await EraseAsync(store, "b2", 4);
    }

    /// <summary>Erasing races with freezing: a row is in a block or erased, never half of each.</summary>
    [Fact]
    public async Task A_row_that_is_erased_while_its_block_is_being_frozen_is_in_no_block()
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition());
        var release = await _bench.Side.FreezeAsync(store);
        var secret = await _bench.Side.SecretAsync(store, release);
        await _bench.Side.AppendAsync(store, "b0", Samples.Rows(6, 1));
        // The block was cut and is not frozen: the row's segment is written anew meanwhile.
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "put Manifest" };
        var growing = _bench.With(plan).GrowAsync(store, release);
        await plan.Hanging;
        await EraseAsync(store, "b0", 1);
        plan.Release();
        Assert.Equal(GrowthOutcome.UpToDate, await growing);
        var rows = Samples.Rows(6, 1);
        await _bench.Side.RequireNodesAsync(store, release, secret, [Samples.Join(Samples.Window(rows, 0, 1), Samples.Window(rows, 2, 3))]);
    }

    [Fact]
    public async Task What_was_frozen_and_is_another_stops_the_growth_and_draws_no_noise()
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition());
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Side.AppendAsync(store, "b0", Samples.Rows(6, 1));
        await _bench.Side.GrowAsync(store, release);
        var before = await _bench.Side.NodesAsync(store, release);
        await _bench.Side.AppendAsync(store, "b1", Samples.Rows(2, 2));
        // Block 1 is frozen, and its process dies before it has summed it.
        var frozen = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "catalog commit" };
        var dying = _bench.With(frozen).GrowAsync(store, release);
        await frozen.Hanging;
        var blob = (await _bench.Storage.Segments.ListAsync(store, BlobKind.Segment, BatchCut.KeyOf("b0"), null, 1))[0].Key;
        await _bench.Storage.Segments.DeleteAsync(store, BlobKind.Segment, blob.Id);
        await _bench.Storage.Segments.PutAsync(blob, SegmentCodec.Encode(Samples.Rows(6, 99), 0, 6));
        var noise = new RecordingNoises();
        Assert.Equal(GrowthOutcome.Failed, await _bench.With(new FaultPlan(), noise).GrowAsync(store, release));
        var document = await _bench.Side.ReadReleaseAsync(store, release);
        Assert.Contains("is not the one that was frozen", document.Failure);
        // What is released was paid for: it goes on answering.
        Assert.Equal((ReleaseDocument.Published, null, 1), (document.State, document.Secret, document.Continual!.ReleasedBlocks));
        Assert.Empty(noise.Drawn);
        Assert.Equal(before.Keys.Order(), (await _bench.Side.NodesAsync(store, release)).Keys.Order());
        Assert.Equal(GrowthOutcome.Settled, await _bench.Side.GrowAsync(store, release));
        frozen.Release();
        Assert.Contains(await dying, new[] { GrowthOutcome.Settled, GrowthOutcome.Failed });
        Assert.Equal(before.Keys.Order(), (await _bench.Side.NodesAsync(store, release)).Keys.Order());
    }

    [Fact]
    public async Task A_release_whose_first_block_is_lost_has_failed_and_its_rows_may_be_erased()
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition());
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Side.AppendAsync(store, "b0", Samples.Rows(6, 1));
        var blob = (await _bench.Storage.Segments.ListAsync(store, BlobKind.Segment, "", null, 1))[0].Key;
        await _bench.Storage.Segments.DeleteAsync(store, BlobKind.Segment, blob.Id);
        Assert.Equal(GrowthOutcome.Failed, await _bench.Side.GrowAsync(store, release));
        var document = await _bench.Side.ReadReleaseAsync(store, release);
        Assert.Equal((ReleaseDocument.Failed, null), (document.State, document.Secret));
        Assert.Contains("missing", document.Failure);
        Assert.Equal("r000002", await _bench.Side.FreezeAsync(store));
    }

    [Fact]
    public async Task A_release_of_a_version_that_draws_other_noise_waits_for_that_version()
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition());
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Side.AppendAsync(store, "b0", Samples.Rows(6, 1));
        var binding = (await _bench.Side.ReadReleaseAsync(store, release)).NoiseBinding;
        await ChangeAsync(store, release, document => document with { NoiseBinding = new string('0', 64) });
        await Assert.ThrowsAsync<StorageRefusedException>(() => _bench.Side.GrowAsync(store, release));
        Assert.Equal(ReleaseDocument.Publishing, (await _bench.Side.ReadReleaseAsync(store, release)).State);
        await ChangeAsync(store, release, document => document with { NoiseBinding = binding });
        Assert.Equal(GrowthOutcome.UpToDate, await _bench.Side.GrowAsync(store, release));
    }

    /// <summary>A ledger is closed when its database may be an older copy: what was frozen since would be frozen anew, with other rows.</summary>
    [Fact]
    public async Task Nothing_is_frozen_while_the_ledger_of_the_store_is_suspended()
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition());
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Storage.Ledger.SetLimitAsync(store, Bench.Owner, new PrivacyLimit(new Epsilon(2), new Delta(1e-6)));
        await _bench.Side.AppendAsync(store, "b0", Samples.Rows(4, 1));
        var noise = new RecordingNoises();
        var side = _bench.With(new FaultPlan(), noise);
        // One that has grown already, and has all it needs in memory.
        var growing = side.Services.Growth(store, release);
        var shards = new Continuals.LocalBlocks(side, store);
        Assert.Equal(GrowthOutcome.UpToDate, await growing.RunAsync(shards, CancellationToken.None));
        var drawn = noise.Drawn.Count;
        await _bench.Side.AppendAsync(store, "b1", Samples.Rows(5, 2));
        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_bench.DatabaseFile};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = $"UPDATE ledger_book SET spent_mu2 = 1 WHERE store = '{store.Value}' AND account <> ''";
            Assert.True(command.ExecuteNonQuery() > 0);
        }
        Assert.NotEmpty((await _bench.Storage.Guard.VerifyAsync(store)).Faults);

        await Assert.ThrowsAsync<LedgerSuspendedException>(() => growing.RunAsync(shards, CancellationToken.None));
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => side.GrowAsync(store, release));

        var document = await _bench.Side.ReadReleaseAsync(store, release);
        Assert.Equal((ReleaseDocument.Published, null, 1, 1), (document.State, document.Failure, document.Continual!.FrozenBlocks, document.Continual.ReleasedBlocks));
        Assert.Single(await _bench.Side.BlocksAsync(store, release));
        Assert.Equal(drawn, noise.Drawn.Count);
        await _bench.Storage.Guard.AcknowledgeAsync(store, "operator");
        Assert.Equal(GrowthOutcome.UpToDate, await side.GrowAsync(store, release));
        Assert.Equal(2, (await _bench.Side.StateAsync(store, release)).ReleasedBlocks);
    }

    [Fact]
    public async Task Nothing_is_frozen_before_this_process_has_verified_the_ledger_of_the_store()
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-growth-");
        try
        {
            StoreId store;
            string release;
            await using (var before = new Bench(directory: directory.CreateSubdirectory("data")))
            {
                store = await before.MakeStoreAsync(Continuals.Definition());
                release = await before.Side.FreezeAsync(store);
                await before.Storage.Ledger.SetLimitAsync(store, Bench.Owner, new PrivacyLimit(new Epsilon(2), new Delta(1e-6)));
                await before.Side.AppendAsync(store, "b0", Samples.Rows(4, 1));
            }
            await using var started = new Bench(directory: new DirectoryInfo(Path.Combine(directory.FullName, "data")), witness: Path.Combine(directory.FullName, "witness"));
            await Assert.ThrowsAsync<StorageUnavailableException>(() => started.Side.GrowAsync(store, release));
            await started.Storage.Guard.StartAsync();
            await Assert.ThrowsAsync<StorageUnavailableException>(() => started.Side.GrowAsync(store, release));
            Assert.Equal((0, ReleaseDocument.Publishing), ((await started.Side.StateAsync(store, release)).FrozenBlocks, (await started.Side.ReadReleaseAsync(store, release)).State));
            await started.Storage.Guard.VerifyPendingAsync();
            Assert.Equal(GrowthOutcome.UpToDate, await started.Side.GrowAsync(store, release));
            Assert.Equal(1, (await started.Side.StateAsync(store, release)).ReleasedBlocks);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <summary>A shard that never answers holds nothing up for good: the growth says which it is, and is tried again.</summary>
    [Fact]
    public async Task A_shard_that_does_not_answer_for_a_slice_is_named_and_asked_again()
    {
        await using var bench = new Bench(configure: options => options.CallDeadline = TimeSpan.FromMilliseconds(200));
        var store = await bench.MakeStoreAsync(Continuals.Definition(shards: 1));
        var release = await bench.Side.FreezeAsync(store);
        await bench.Side.AppendAsync(store, "b0", Samples.Rows(6, 1));
        var job = bench.Side.Services.Growth(store, release);
        var silent = await Assert.ThrowsAsync<ProblemException>(
            () => job.RunAsync(new SilentSlices(), CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(ProblemCodes.ShardUnavailable, silent.Code);
        Assert.StartsWith("shard 0 did not answer within", silent.Message);
        Assert.Null((await bench.Side.ReadReleaseAsync(store, release)).Failure);
    }

    /// <summary>
    /// A backup from before a block was frozen is put back. The same rows get the same noise; other rows get other noise, and no value of it is shared.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_block_that_is_frozen_again_after_a_restore_has_the_noise_of_its_rows(bool sameRows)
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition());
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Side.AppendAsync(store, "b0", Samples.Rows(4, 1));
        await _bench.Side.GrowAsync(store, release);
        var (storeThen, releaseThen) = (await ReadAsync(Documents.Store, store.Value), await ReadAsync(Documents.Release, Documents.Below(store, release)));
        await _bench.Side.AppendAsync(store, "b1", Samples.Rows(4, 2));
        await _bench.Side.GrowAsync(store, release);
        var before = await _bench.Side.NodesAsync(store, release);

        // As the backup has it.
        var (storeNow, releaseNow) = (await ReadAsync(Documents.Store, store.Value), await ReadAsync(Documents.Release, Documents.Below(store, release)));
        await RemoveAsync(Documents.Block, Documents.BlockOf(store, release, 1));
        await RemoveAsync(Documents.Batch, Documents.Below(store, BatchCut.KeyOf("b1")));
        await RemoveAsync(Documents.Segment, Documents.Below(store, Documents.Ordinal(1)));
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit
        {
            Writes = [Documents.Store.Update(storeNow, storeThen.Value), Documents.Release.Update(releaseNow, releaseThen.Value)],
            DeletedBlobs = [.. (await _bench.Storage.Segments.ListAsync(store, BlobKind.Segment, BatchCut.KeyOf("b1"), null, 10)).Select(blob => blob.Key)],
        }));
        var model = (TreeModel)(await _bench.Side.Directory.ReadAsync(store))!.Model;
        long leaf = model.Tree.Tree.LeafNode(1), parent = leaf >> 1;
        foreach (var node in new[] { leaf, parent })
        {
            for (var tier = 0; tier < 3; tier++)
                await _bench.Storage.Segments.DeleteAsync(store, BlobKind.Node, ContinualNodes.BlobId(releaseNow.Value, tier, node));
        }

        var rows = Samples.Rows(4, sameRows ? 2 : 3);
        await _bench.Side.AppendAsync(store, "b1", rows);
        await _bench.Side.GrowAsync(store, release);
        var after = await _bench.Side.NodesAsync(store, release);
        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        long[] left = Exact(Samples.Rows(4, 2)), right = Exact(rows);
        foreach (var tier in Enumerable.Range(0, 3))
        {
            if (sameRows)
            {
                Assert.Equal(before[(leaf, tier)].Moments.Values, after[(leaf, tier)].Moments.Values);
                Assert.Equal(before[(parent, tier)].Moments.Values, after[(parent, tier)].Moments.Values);
                continue;
            }
            // A value of a deviation above 2^24 steps coincides by chance with probability below 2^-25.
            var mine = before[(leaf, tier)].Moments.Values.Zip(left, (value, sum) => value - sum);
            var theirs = after[(leaf, tier)].Moments.Values.Zip(right, (value, sum) => value - sum);
            Assert.InRange(mine.Zip(theirs).Count(pair => pair.First == pair.Second), 0, 1);
        }

        long[] Exact(RowBatch batch) => MomentAccumulator.Sum(model.Moments, Samples.Join(batch)).Sums;
    }

    [Fact]
    public async Task Growth_of_a_deleted_store_ends_without_a_trace()
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition());
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Side.AppendAsync(store, "b0", Samples.Rows(6, 1));
        await _bench.DeleteDuringAsync(store, "put Node", async side =>
        {
            try
            {
                Assert.Equal(GrowthOutcome.Settled, await side.GrowAsync(store, release));
            }
            catch (StorageException)
            {
                // What it had just stored was gone.
            }
        });
        Assert.Empty(await _bench.Side.BlocksAsync(store, release));
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private sealed class SilentSlices : IShardBlocks
    {
        public Task<SegmentSlice> SliceAsync(int shard, SliceCommand command, CancellationToken cancellationToken) => new TaskCompletionSource<SegmentSlice>().Task;

        public Task<ShardProgress> SumAsync(int shard, BlockSumCommand command, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<LongBlock> ReadAsync(int shard, string key, int start, int count, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task ForgetAsync(int shard, string key, CancellationToken cancellationToken) => throw new NotSupportedException();
    }

    private Task EraseAsync(StoreId store, string batch, int row) => _bench.Side.Services.Book(store).EraseAsync(
        BatchCut.KeyOf(batch),
        row,
        "owner",
        async (segment, newBlob, rowOfSegment, keepsSlot) =>
        {
            var bytes = SegmentCodec.Erase((await _bench.Side.Blobs.ReadAsync(new BlobKey(store, BlobKind.Segment, segment.Blob)))!, rowOfSegment);
            await _bench.Side.Blobs.PutAsync(new BlobKey(store, BlobKind.Segment, newBlob), bytes);
            var rows = SegmentCodec.CountRows(bytes);
            return new SegmentReference(newBlob, segment.Shard, 0, rows, keepsSlot ? rows : rows - SegmentCodec.CountNulls(bytes), bytes.Length, ReleaseManifest.IdOf(bytes));
        },
        CancellationToken.None);

    private async Task ChangeAsync(StoreId store, string release, Func<ReleaseDocument, ReleaseDocument> change)
    {
        var row = await ReadAsync(Documents.Release, Documents.Below(store, release));
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Release.Update(row, change(row.Value))] }));
    }

    private async Task<Versioned<T>> ReadAsync<T>(DocumentKind<T> kind, string key)
        where T : class => (await _bench.Storage.Catalog.ReadAsync(kind, key))!;

    private async Task RemoveAsync<T>(DocumentKind<T> kind, string key)
        where T : class =>
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [kind.Delete(await ReadAsync(kind, key))] }));
}
