using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Orleans.Concurrency;
using Orleans.Placement;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IShardGrain"/>
/// <remarks>
/// It never migrates: what it holds is loaded from storage again. Calls interleave, so that progress is told while sums run; state changes between
/// awaits only.
/// </remarks>
[GrainType(WireNames.ShardGrain), Immovable, Reentrant, SpreadShards]
internal sealed class ShardGrain(StoreServices services, ClusterOptions options) : Grain, IShardGrain
{
    private readonly Dictionary<string, RunningSum> _sums = [];
    private StoreModel? _model;
    private ShardRows? _rows;

    private StoreId Store => GrainKey.Parse(this.GetPrimaryKeyString()).Store;

    private int Shard => int.Parse(GrainKey.Parse(this.GetPrimaryKeyString()).Below);

    public async Task<string> StoreAsync(string blob, ReadOnlyMemory<byte> segment, CancellationToken cancellationToken)
    {
        if (await ModelAsync(cancellationToken) is PerQueryModel model)
            await RequireRoomAsync(model, segment, cancellationToken);
        var stored = await services.Blobs.PutAsync(new BlobKey(Store, BlobKind.Segment, blob), segment, cancellationToken);
        return Convert.ToHexStringLower(stored.Digest.Span);
    }

    public async Task<SegmentReference> EraseAsync(string blob, string newBlob, int row, bool keepsSlot, CancellationToken cancellationToken)
    {
        var bytes = await services.Blobs.ReadAsync(new BlobKey(Store, BlobKind.Segment, blob), cancellationToken)
            ?? throw new ProblemException(ProblemCodes.Busy, "the segment is being changed by others; try again");
        _rows?.Drop(blob);
        var erased = SegmentCodec.Erase(bytes, row);
        var stored = await services.Blobs.PutAsync(new BlobKey(Store, BlobKind.Segment, newBlob), erased, cancellationToken);
        var rows = SegmentCodec.CountRows(erased);
        var slots = keepsSlot ? rows : rows - SegmentCodec.CountNulls(erased);
        return new SegmentReference(newBlob, Shard, FirstRow: 0, rows, slots, erased.Length, Convert.ToHexStringLower(stored.Digest.Span));
    }

    public async Task<LongBlock> SumQueriesAsync(QuerySumsCommand command, CancellationToken cancellationToken)
    {
        if (await ModelAsync(cancellationToken) is not PerQueryModel model)
            throw new ProblemException(ProblemCodes.NotFound, "no such per-query store");
        _rows ??= services.Rows(Store, Shard, model);
        // Said before the caller stops waiting, so that it can tell loading from silence.
        return await _rows.SumAsync(command, options.CallDeadline / 2, cancellationToken);
    }

    public async Task<ShardProgress> SumAsync(string release, CancellationToken cancellationToken)
    {
        DelayDeactivation(TimeSpan.FromMinutes(1));
        if (_sums.TryGetValue(release, out var known) && !known.MayBeTriedAgain)
            return known.Describe();
        var prepared = await PrepareAsync(release, cancellationToken);
        // Another call may have started it meanwhile: the first one counts.
        if (_sums.TryGetValue(release, out known) && !known.MayBeTriedAgain)
            return known.Describe();
        _sums[release] = prepared;
        prepared.Start();
        return prepared.Describe();
    }

    public async Task<SegmentSlice> SliceAsync(SliceCommand command, CancellationToken cancellationToken) =>
        await services.Blocks(Store, Shard).SliceAsync(command, await TreeModelAsync(cancellationToken), cancellationToken);

    public async Task<ShardProgress> SumFrozenAsync(BlockSumCommand command, CancellationToken cancellationToken)
    {
        DelayDeactivation(TimeSpan.FromMinutes(1));
        var model = await TreeModelAsync(cancellationToken);
        var key = command.Key;
        if (_sums.TryGetValue(key, out var known) && !known.MayBeTriedAgain)
            return known.Describe();
        await RequireGrowingAsync(command.Release, cancellationToken);
        // Another call may have started it meanwhile: the first one counts.
        if (!_sums.TryGetValue(key, out known) || known.MayBeTriedAgain)
        {
            _sums[key] = known = new RunningSum(command.Contents.Length, (progress, stop) => services.Blocks(Store, Shard).ComputeAsync(command, model, progress, stop));
            known.Start();
        }
        return known.Describe();
    }

    public Task<LongBlock> ReadAsync(string release, int start, int count, CancellationToken cancellationToken)
    {
        if (!_sums.TryGetValue(release, out var known) || known.Sums is not { } sums)
            throw new ProblemException(ProblemCodes.ShardUnavailable, $"the sums of release {release} are not finished");
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Math.Min(LongBlock.MostValues, sums.Length - start));
        return Task.FromResult(new LongBlock(sums.AsSpan(start, count).ToArray()));
    }

    public Task<PartSums> ReadBlocksAsync(string release, long from, long to, CancellationToken cancellationToken)
    {
        if (!_sums.TryGetValue(release, out var known) || known.Leaves is not { } leaves)
            throw new ProblemException(ProblemCodes.ShardUnavailable, $"the sums of release {release} are not finished");
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(from, to);
        return leaves.ReadAsync(from, to, cancellationToken);
    }

    public async Task<PartSums> ReadPartsAsync(string release, LongBlock parts, CancellationToken cancellationToken)
    {
        // Said before the caller stops waiting, so that it can tell loading from silence.
        var nodes = await services.KeptSums.GetAsync(Store, release, Shard, options.CallDeadline / 2, cancellationToken);
        return PartSums.Of(nodes.Read(parts.Values));
    }

    public Task ForgetAsync(string release, CancellationToken cancellationToken)
    {
        services.KeptSums.Forget(Store, Shard, release);
        if (_sums.Remove(release, out var known))
            known.Stop();
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        foreach (var known in _sums.Values)
            known.Stop();
        _rows?.Dispose();
        services.RowMemory.Forget(this.GetPrimaryKeyString());
        services.KeptSums.Forget(Store, Shard);
        return Task.CompletedTask;
    }

    /// <summary>The store's model, or null without a store. A definition never changes, so neither does this.</summary>
    private async Task<StoreModel?> ModelAsync(CancellationToken cancellationToken) =>
        _model ??= await services.Catalog.ReadAsync(Documents.Store, Store.Value, cancellationToken) is { Value.State: StoreDocument.Active } read ? services.Directory.ModelOf(read.Value) : null;

    private async Task<TreeModel> TreeModelAsync(CancellationToken cancellationToken) =>
        await ModelAsync(cancellationToken) as TreeModel ?? throw new ProblemException(ProblemCodes.NotFound, "no such continual store");

    /// <summary>Rows that could not be held beside those of the shard, and of others on this silo, are refused while they can be. Batches spread over the shards evenly.</summary>
    private async Task RequireRoomAsync(PerQueryModel model, ReadOnlyMemory<byte> segment, CancellationToken cancellationToken)
    {
        var document = (await services.Directory.ReadActiveAsync(Store, cancellationToken)).Value;
        var rows = SegmentCodec.CountRows(segment.Span);
        var share = model.BytesOf(document.Slots / document.Definition.Shards + rows);
        services.RowMemory.Expect(this.GetPrimaryKeyString(), Math.Max(share, (_rows?.Bytes ?? 0) + model.BytesOf(rows)));
    }

    /// <summary>That a release still grows, and that this version sums with its arithmetic: silos of several versions may run side by side.</summary>
    private async Task RequireGrowingAsync(string release, CancellationToken cancellationToken)
    {
        var read = await services.Catalog.ReadAsync(Documents.Release, Documents.Below(Store, release), cancellationToken);
        var store = await services.Catalog.ReadAsync(Documents.Store, Store.Value, cancellationToken);
        if (read is not { Value.Failure: null } || !ContinualBook.IsLive(read.Value) || store is not { Value.State: StoreDocument.Active })
            throw new ProblemException(ProblemCodes.Conflict, $"release {release} does not grow any more");
        try
        {
            _ = await services.Releases(Store).ReadManifestAsync(read.Value, store.Value, cancellationToken);
        }
        catch (StorageRefusedException e)
        {
            // To be tried again: it is this silo that does not have it, not the release that has ended.
            throw new ProblemException(ProblemCodes.ShardUnavailable, e.Message, e);
        }
    }

    private async Task<RunningSum> PrepareAsync(string release, CancellationToken cancellationToken)
    {
        var read = await services.Catalog.ReadAsync(Documents.Release, Documents.Below(Store, release), cancellationToken);
        var store = await services.Catalog.ReadAsync(Documents.Store, Store.Value, cancellationToken);
        // Exact sums exist for a publish only.
        if (read is not { Value.State: ReleaseDocument.Publishing } || store is not { Value.State: StoreDocument.Active })
            throw new ProblemException(ProblemCodes.Conflict, $"release {release} is not being published");
        var manifest = await services.Releases(Store).ReadManifestAsync(read.Value, store.Value, cancellationToken);
        var model = services.Directory.ModelOf(store.Value).AsReleased();
        return services.Sum(Store, Shard, manifest, read.Value.Manifest, model);
    }
}
