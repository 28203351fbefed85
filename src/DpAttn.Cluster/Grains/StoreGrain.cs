using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IStoreGrain"/>
[GrainType(WireNames.StoreGrain)]
internal sealed class StoreGrain(StoreServices services, ClusterOptions options) : Grain, IStoreGrain
{
    private StoreId Store => new(this.GetPrimaryKeyString());

    public Task<BatchReceipt> CommitBatchAsync(BatchCommit commit, CancellationToken cancellationToken) =>
        services.Book(Store).CommitBatchAsync(commit, cancellationToken);

    public async Task<string> PublishAsync(PublishCommand command, CancellationToken cancellationToken)
    {
        var release = await services.Book(Store).FreezeAsync(command, cancellationToken);
        // The job is in the catalog: if this call is lost, the scan starts it.
        await GrainFactory.GetGrain<ICoordinatorGrain>(GrainKey.Of(Store, release)).StartAsync().WaitAsync(options.CallDeadline, cancellationToken);
        return release;
    }

    public Task RetireAsync(string release, string actor, CancellationToken cancellationToken) =>
        services.Book(Store).RetireAsync(release, actor, cancellationToken);

    public Task EraseAsync(string batchKey, int row, string actor, CancellationToken cancellationToken) =>
        services.Book(Store).EraseAsync(
            batchKey,
            row,
            actor,
            (segment, newBlob, rowOfSegment, keepsSlot) => GrainFactory.GetGrain<IShardGrain>(GrainKey.Shard(Store, segment.Shard))
                .EraseAsync(segment.Blob, newBlob, rowOfSegment, keepsSlot, cancellationToken).WaitAsync(options.CallDeadline, cancellationToken),
            cancellationToken);

    public Task DeleteAsync(string actor, CancellationToken cancellationToken) =>
        services.Book(Store).DeleteAsync(actor, cancellationToken);
}
