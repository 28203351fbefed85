using DpAttn.Attention;
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
[GrainType(WireNames.ShardGrain), Immovable, Reentrant]
internal sealed class ShardGrain(StoreServices services) : Grain, IShardGrain
{
    private readonly Dictionary<string, Running> _sums = [];

    private StoreId Store => GrainKey.Parse(this.GetPrimaryKeyString()).Store;

    private int Shard => int.Parse(GrainKey.Parse(this.GetPrimaryKeyString()).Below);

    public async Task<string> StoreAsync(string blob, ReadOnlyMemory<byte> segment, CancellationToken cancellationToken)
    {
        var stored = await services.Blobs.PutAsync(new BlobKey(Store, BlobKind.Segment, blob), segment, cancellationToken);
        return Convert.ToHexStringLower(stored.Digest.Span);
    }

    public async Task<SegmentReference> EraseAsync(string blob, string newBlob, int row, bool keepsSlot, CancellationToken cancellationToken)
    {
        var bytes = await services.Blobs.ReadAsync(new BlobKey(Store, BlobKind.Segment, blob), cancellationToken)
            ?? throw new StorageCorruptException($"segment {blob} is missing");
        var erased = SegmentCodec.Erase(bytes, row);
        var stored = await services.Blobs.PutAsync(new BlobKey(Store, BlobKind.Segment, newBlob), erased, cancellationToken);
        var rows = SegmentCodec.CountRows(erased);
        var slots = keepsSlot ? rows : rows - SegmentCodec.CountNulls(erased);
        return new SegmentReference(newBlob, Shard, FirstRow: 0, rows, slots, erased.Length, Convert.ToHexStringLower(stored.Digest.Span));
    }

    public async Task<ShardProgress> SumAsync(string release, CancellationToken cancellationToken)
    {
        if (_sums.TryGetValue(release, out var running) && running.Task.IsFaulted && running.Task.Exception!.InnerException is not StorageCorruptException)
            _sums.Remove(release);
        if (!_sums.TryGetValue(release, out running))
        {
            running = await StartAsync(release, cancellationToken);
            // Another call may have started it meanwhile: the first one counts.
            if (!_sums.TryAdd(release, running))
                running = _sums[release];
            else
                running.Start();
        }
        DelayDeactivation(TimeSpan.FromMinutes(1));
        return running.Describe();
    }

    public async Task<LongBlock> ReadAsync(string release, int start, int count, CancellationToken cancellationToken)
    {
        if (!_sums.TryGetValue(release, out var running) || !running.Task.IsCompletedSuccessfully)
            throw new InvalidOperationException($"the sums of release {release} are not finished");
        var sums = (await running.Task).Sums;
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Math.Min(LongBlock.MostValues, sums.Length - start));
        return new LongBlock(sums.AsSpan(start, count).ToArray());
    }

    public Task ForgetAsync(string release, CancellationToken cancellationToken)
    {
        if (_sums.Remove(release, out var running))
            running.Stop();
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        foreach (var running in _sums.Values)
            running.Stop();
        return Task.CompletedTask;
    }

    private async Task<Running> StartAsync(string release, CancellationToken cancellationToken)
    {
        var document = await services.Catalog.ReadAsync(Documents.Release, Documents.Below(Store, release), cancellationToken)
            ?? throw new InvalidOperationException($"there is no release {release}");
        var store = await services.Catalog.ReadAsync(Documents.Store, Store.Value, cancellationToken)
            ?? throw new InvalidOperationException("there is no such store");
        var bytes = await services.Blobs.ReadPartsAsync(Store, BlobKind.Manifest, document.Value.Manifest, document.Value.ManifestBytes, cancellationToken);
        if (bytes is null || ReleaseManifest.IdOf(bytes) != document.Value.Manifest)
            throw new StorageCorruptException("the manifest is not the one that was frozen");
        return new Running(ReleaseManifest.Parse(bytes), document.Value.Manifest, services.Directory.ParametersOf(store.Value), Shard, services.Shard(Store, Shard));
    }

    /// <summary>One release's sums, under way or finished.</summary>
    private sealed class Running(ReleaseManifest manifest, string manifestId, MomentParameters parameters, int shard, ShardSum sum)
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly int _segments = manifest.Segments.Count(segment => segment.Shard == shard);
        private int _done;

        public Task<MomentMatrix> Task { get; private set; } = System.Threading.Tasks.Task.FromCanceled<MomentMatrix>(new CancellationToken(true));

        public void Start() => Task = sum.ComputeAsync(manifest, manifestId, parameters, new Counter(this), _stop.Token);

        public void Stop() => _stop.Cancel();

        public ShardProgress Describe() => new(
            Task.IsCompletedSuccessfully ? _segments : Volatile.Read(ref _done),
            _segments,
            Task.IsCompletedSuccessfully,
            Task.IsCompletedSuccessfully ? Task.Result.Slots : 0,
            Task.Exception?.InnerException is StorageCorruptException corrupt ? corrupt.Message : null);

        private sealed class Counter(Running running) : IProgress<int>
        {
            public void Report(int value) => Interlocked.Add(ref running._done, value);
        }
    }
}
