using DpAttn.Contracts;
using DpAttn.Privacy;
using Microsoft.Extensions.Logging;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IStoreGrain"/>
[GrainType(WireNames.StoreGrain)]
internal sealed partial class StoreGrain(StoreServices services, ClusterOptions options, ILogger<StoreGrain> logger) : Grain, IStoreGrain
{
    private StoreId Store => new(this.GetPrimaryKeyString());

    public Task<BatchReceipt> CommitBatchAsync(BatchCommit commit, CancellationToken cancellationToken) =>
        services.Book(Store).CommitBatchAsync(commit, cancellationToken);

    public async Task<string> PublishAsync(PublishCommand command, CancellationToken cancellationToken)
    {
        var release = await services.Releases(Store).FreezeAsync(command, cancellationToken);
        // Not waited for: the job is in the catalog, and if this call is lost, the scan starts it.
        _ = StartAsync(release);
        return release;
    }

    public Task RetireAsync(string release, string actor, CancellationToken cancellationToken) =>
        services.Releases(Store).RetireAsync(release, actor, cancellationToken);

    public Task EraseAsync(string batchKey, int row, string actor, CancellationToken cancellationToken) =>
        services.Book(Store).EraseAsync(
            batchKey,
            row,
            actor,
            (segment, newBlob, rowOfSegment, keepsSlot) => GrainFactory.GetGrain<IShardGrain>(GrainKey.Shard(Store, segment.Shard))
                .EraseAsync(segment.Blob, newBlob, rowOfSegment, keepsSlot, cancellationToken)
                .WithinAsync(options.CallDeadline, ProblemCodes.ShardUnavailable, cancellationToken),
            cancellationToken);

    public Task DeleteAsync(string actor, CancellationToken cancellationToken) =>
        services.Removal(Store).DeleteAsync(actor, cancellationToken);

    private async Task StartAsync(string release)
    {
        try
        {
            await GrainFactory.GetGrain<ICoordinatorGrain>(GrainKey.Of(Store, release)).StartAsync();
        }
        catch (Exception e)
        {
            LogLater(e, Store.Value, release);
        }
    }

    [LoggerMessage(LogLevel.Information, "the publish of release {Release} of store {Store} will be started by the next scan")]
    private partial void LogLater(Exception exception, string store, string release);
}
