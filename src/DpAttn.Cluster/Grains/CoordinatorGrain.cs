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
    private PartNoise? _parts;
    private Task? _run;

    public Task StartAsync()
    {
        if (_run is null or { IsCompleted: true })
        {
            var (store, release) = GrainKey.Parse(this.GetPrimaryKeyString());
            _job = services.Publish(store, release);
            _run = RunAsync(_job, store, release);
        }
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

    private async Task RunAsync(PublishJob job, StoreId store, string release)
    {
        try
        {
            var outcome = await services.Instruments.Publish.RunAsync(
                async run =>
                {
                    var ended = await job.RunAsync(new Shards(GrainFactory, store, release), _stop.Token);
                    run.Label(Labels.Mechanism, job.Mechanism ?? Labels.Unknown);
                    return ended;
                });
            if (outcome != PublishOutcome.Settled)
                services.Instruments.CountRelease(outcome == PublishOutcome.Published ? ReleaseDocument.Published : ReleaseDocument.Failed, job.Mechanism);
            LogOutcome(store.Value, release, outcome);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // This activation goes; the job stays in the catalog.
        }
        catch (Exception e)
        {
            LogRetry(e, store.Value, release);
        }
    }

    [LoggerMessage(LogLevel.Information, "release {Release} of store {Store}: {Outcome}")]
    private partial void LogOutcome(string store, string release, PublishOutcome outcome);

    [LoggerMessage(LogLevel.Warning, "release {Release} of store {Store} is not published yet and will be resumed")]
    private partial void LogRetry(Exception exception, string store, string release);

    private sealed class Shards(IGrainFactory grains, StoreId store, string release) : IShardSums, IShardParts
    {
        public Task<ShardProgress> SumAsync(int shard, CancellationToken cancellationToken) => Grain(shard).SumAsync(release, cancellationToken);

        public Task<LongBlock> ReadAsync(int shard, int start, int count, CancellationToken cancellationToken) => Grain(shard).ReadAsync(release, start, count, cancellationToken);

        public Task<PartSums> ReadAsync(int shard, LongBlock parts, CancellationToken cancellationToken) => Grain(shard).ReadPartsAsync(release, parts, cancellationToken);

        public Task ForgetAsync(int shard, CancellationToken cancellationToken) => Grain(shard).ForgetAsync(release, cancellationToken);

        private IShardGrain Grain(int shard) => grains.GetGrain<IShardGrain>(GrainKey.Shard(store, shard));
    }
}
