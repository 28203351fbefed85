using DpAttn.Privacy;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Placement;

namespace DpAttn.Cluster;

/// <inheritdoc cref="ICoordinatorGrain"/>
/// <remarks>The job runs beside the calls; if this activation dies, the scan of unfinished jobs starts it elsewhere.</remarks>
[GrainType(WireNames.CoordinatorGrain), Immovable, Reentrant]
internal sealed partial class CoordinatorGrain(StoreServices services, ILogger<CoordinatorGrain> logger) : Grain, ICoordinatorGrain
{
    private readonly CancellationTokenSource _stop = new();
    private PublishJob? _job;
    private GrowthJob? _growth;
    private PartNoise? _parts;
    private Task? _run;
    private bool _isAsked;

    public Task StartAsync()
    {
        _isAsked = true;
        if (_run is null or { IsCompleted: true })
            _run = RunAsync();
        DelayDeactivation(TimeSpan.FromMinutes(1));
        return Task.CompletedTask;
    }

    public Task<double> GetProgressAsync() => Task.FromResult(_job?.Progress ?? 0);

    public Task<PartSums> ReadPartsAsync(int tier, LongBlock parts, CancellationToken cancellationToken)
    {
        var (store, release) = GrainKey.Parse(this.GetPrimaryKeyString());
        _parts ??= services.Parts(store, release);
        return _parts.ReadAsync(tier, parts, new Shards(GrainFactory, store, release), cancellationToken);
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => _stop.CancelAsync();

    /// <summary>Works as long as it is asked to: rows of a continual store may come while their release grows.</summary>
    private async Task RunAsync()
    {
        var (store, release) = GrainKey.Parse(this.GetPrimaryKeyString());
        try
        {
            while (_isAsked)
            {
                _isAsked = false;
                await RunAsync(store, release);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // This activation goes; the job stays in the catalog.
        }
        catch (Exception e)
        {
            LogRetry(store.Value, release, Failures.Describe(e));
        }
    }

    private async Task RunAsync(StoreId store, string release)
    {
        var shards = new Shards(GrainFactory, store, release);
        var read = await services.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release), _stop.Token);
        if (read is { Value.Continual: not null })
        {
            _growth ??= services.Growth(store, release);
            LogGrowth(store.Value, release, await _growth.RunAsync(shards, _stop.Token));
            return;
        }
        _job = services.Publish(store, release);
        var outcome = await services.Instruments.Publish.RunAsync(
            async run =>
            {
                var ended = await _job.RunAsync(shards, _stop.Token);
                run.Label(Labels.Mechanism, _job.Mechanism ?? Labels.Unknown);
                return ended;
            });
        if (outcome != PublishOutcome.Settled)
            services.Instruments.CountRelease(outcome == PublishOutcome.Published ? ReleaseDocument.Published : ReleaseDocument.Failed, _job.Mechanism);
        LogOutcome(store.Value, release, outcome);
    }

    [LoggerMessage(LogLevel.Information, "release {Release} of store {Store}: {Outcome}")]
    private partial void LogOutcome(string store, string release, PublishOutcome outcome);

    [LoggerMessage(LogLevel.Debug, "release {Release} of store {Store} has grown: {Outcome}")]
    private partial void LogGrowth(string store, string release, GrowthOutcome outcome);

    [LoggerMessage(LogLevel.Warning, "release {Release} of store {Store} is not published yet and will be resumed: {Fault}")]
    private partial void LogRetry(string store, string release, string fault);

    private sealed class Shards(IGrainFactory grains, StoreId store, string release) : IShardSums, IShardParts, IShardBlocks
    {
        public Task<ShardProgress> SumAsync(int shard, CancellationToken cancellationToken) => Grain(shard).SumAsync(release, cancellationToken);

        public Task<LongBlock> ReadAsync(int shard, int start, int count, CancellationToken cancellationToken) => Grain(shard).ReadAsync(release, start, count, cancellationToken);

        public Task<PartSums> ReadAsync(int shard, LongBlock parts, CancellationToken cancellationToken) => Grain(shard).ReadPartsAsync(release, parts, cancellationToken);

        public Task<PartSums> ReadBlocksAsync(int shard, long from, long to, CancellationToken cancellationToken) => Grain(shard).ReadBlocksAsync(release, from, to, cancellationToken);

        public Task ForgetAsync(int shard, CancellationToken cancellationToken) => Grain(shard).ForgetAsync(release, cancellationToken);

        public Task<SegmentSlice> SliceAsync(int shard, SliceCommand command, CancellationToken cancellationToken) => Grain(shard).SliceAsync(command, cancellationToken);

        public Task<ShardProgress> SumAsync(int shard, BlockSumCommand command, CancellationToken cancellationToken) => Grain(shard).SumFrozenAsync(command, cancellationToken);

        public Task<LongBlock> ReadAsync(int shard, string key, int start, int count, CancellationToken cancellationToken) => Grain(shard).ReadAsync(key, start, count, cancellationToken);

        public Task ForgetAsync(int shard, string key, CancellationToken cancellationToken) => Grain(shard).ForgetAsync(key, cancellationToken);

        private IShardGrain Grain(int shard) => grains.GetGrain<IShardGrain>(GrainKey.Shard(store, shard));
    }
}
