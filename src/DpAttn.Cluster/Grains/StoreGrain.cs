using DpAttn.Contracts;
using DpAttn.Privacy;
using Microsoft.Extensions.Logging;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IStoreGrain"/>
[GrainType(WireNames.StoreGrain)]
internal sealed partial class StoreGrain(StoreServices services, ClusterOptions options, ILogger<StoreGrain> logger) : Grain, IStoreGrain
{
    private bool? _isContinual;

    private StoreId Store => new(this.GetPrimaryKeyString());

    public async Task<BatchReceipt> CommitBatchAsync(BatchCommit commit, CancellationToken cancellationToken)
    {
        var receipt = await services.Book(Store).CommitBatchAsync(commit, cancellationToken);
        // Not waited for: if this is lost, the scan of jobs lets the release grow.
        _ = GrowAsync();
        return receipt;
    }

    public async Task<string> PublishAsync(PublishCommand command, CancellationToken cancellationToken)
    {
        var release = await services.Releases(Store).FreezeAsync(command, cancellationToken);
        // Not waited for: the job is in the catalog, and if this call is lost, the scan starts it.
        _ = StartAsync(release);
        return release;
    }

    public async Task CloseBlockAsync(string release, long block, string actor, CancellationToken cancellationToken)
    {
        await services.Continual(Store).CloseBlockAsync(release, block, actor, cancellationToken);
        _ = StartAsync(release);
    }

    public async Task RetireAsync(string release, string actor, CancellationToken cancellationToken)
    {
        var isNew = await services.Releases(Store).RetireAsync(release, actor, cancellationToken);
        // Not waited for: a shard that does not hear it asks for nothing any more, and forgets when it is idle.
        _ = ForgetAsync(release, isNew);
    }

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

    /// <summary>Tells the shards that hold exact sums of a retired release that they are not needed any more.</summary>
    private async Task ForgetAsync(string release, bool isNew)
    {
        try
        {
            var document = (await services.Directory.ReadActiveAsync(Store)).Value;
            if (isNew)
                services.Instruments.CountRelease(ReleaseDocument.Retired, document.Definition.Mechanism.Name);
            var model = services.Directory.ModelOf(document);
            if (ContinualBook.IsContinual(model))
                await services.Continual(Store).RemoveAsync(release, CancellationToken.None);
            if (model is not DistanceModel)
                return;
            await services.Instruments.FanOut(options, FanOutPurposes.Forget).TellAsync(
                document.Definition.Shards,
                (shard, token) => GrainFactory.GetGrain<IShardGrain>(GrainKey.Shard(Store, shard)).ForgetAsync(release, token),
                CancellationToken.None);
        }
        catch (Exception e)
        {
            LogKept(Store.Value, release, Failures.Describe(e));
        }
    }

    /// <summary>Lets the store's continual release grow, where it has one and a block of it is closed.</summary>
    private async Task GrowAsync()
    {
        try
        {
            // A definition never changes, so neither does this.
            if (!(_isContinual ??= ContinualBook.IsContinual(services.Directory.ModelOf((await services.Directory.ReadActiveAsync(Store)).Value))))
                return;
            foreach (var release in (await services.Directory.ReleasesAsync(Store)).Where(ContinualBook.IsLive))
                await StartAsync(release.Id);
        }
        catch (Exception e)
        {
            LogLater("that grows", Store.Value, Failures.Describe(e));
        }
    }

    private async Task StartAsync(string release)
    {
        try
        {
            await GrainFactory.GetGrain<ICoordinatorGrain>(GrainKey.Of(Store, release)).StartAsync();
        }
        catch (Exception e)
        {
            LogLater(release, Store.Value, Failures.Describe(e));
        }
    }

    [LoggerMessage(LogLevel.Information, "the publish of release {Release} of store {Store} will be started by the next scan: {Fault}")]
    private partial void LogLater(string release, string store, string fault);

    [LoggerMessage(LogLevel.Information, "shards of store {Store} forget the sums of the retired release {Release} when they are idle: {Fault}")]
    private partial void LogKept(string store, string release, string fault);
}
