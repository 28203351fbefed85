using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// Lets one continual release grow, without Orleans: freezes each block that is closed, releases the nodes that it completes, and says so, block after block
/// (<see cref="ContinualRelease"/> states the order of writes). Every step may be repeated and may be done by several processes at once: what is frozen and stored first is what there is.
/// </summary>
/// <remarks>
/// One object is for one activation: it keeps the exact sums of the nodes that wait for their sibling, so that no row is summed twice while it lives.
/// </remarks>
internal sealed class GrowthJob(
    StoreId store,
    string releaseId,
    ICatalog catalog,
    ISegmentStore blobs,
    StoreDirectory directory,
    ReleaseBook releases,
    ContinualBook continual,
    RestoredCopy copy,
    LedgerGuard guard,
    Generation generation,
    ScanScheduler scans,
    INoiseSources noise,
    FanOut fanOut,
    TimeProvider clock)
{
    // Other silos look for new blocks as often as they poll.
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(1);
    private Opened? _opened;
    private long? _told;

    // Whoever let it grow before may have stopped before it told.
    private bool _isUntold = true;

    /// <summary>Freezes and releases what is closed.</summary>
    /// <param name="shards">All shards of the store.</param>
    /// <param name="cancellationToken">Stops between steps.</param>
    /// <returns>Whether the release has grown as far as its store is filled, can grow no more, or failed.</returns>
    /// <exception cref="StorageException">What may be tried again; nothing is frozen while the store's ledger is not verified, or suspended.</exception>
    /// <exception cref="ProblemException">A shard did not answer, or the release is of another version: to be tried again.</exception>
    public async Task<GrowthOutcome> RunAsync(IShardBlocks shards, CancellationToken cancellationToken)
    {
        try
        {
            while (await ReadAsync(cancellationToken) is { } found)
            {
                if (await StepAsync(found, shards, cancellationToken) is { } outcome)
                    return outcome;
            }
            _opened = null;
            return GrowthOutcome.Settled;
        }
        catch (Exception e) when (e is StorageCorruptException or InvalidDataException)
        {
            // No retry can help: what was frozen is not there any more. What is released was paid for and goes on answering.
            _opened = null;
            await continual.StopAsync(releaseId, e.Message, cancellationToken);
            return GrowthOutcome.Failed;
        }
        catch
        {
            // Whatever is half-way in memory is read again.
            _opened = null;
            throw;
        }
    }

    /// <summary>The release and its store, if there is anything to let grow.</summary>
    private async Task<Found?> ReadAsync(CancellationToken cancellationToken)
    {
        var read = await catalog.ReadAsync(Documents.Release, Documents.Below(store, releaseId), cancellationToken);
        if (read?.Value is not { State: ReleaseDocument.Publishing or ReleaseDocument.Published, Continual.IsFull: false, Failure: null })
            return null;
        var document = (await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken))?.Value;
        return document is { State: StoreDocument.Active } ? new Found(read, document, (TreeModel)directory.ModelOf(document)) : null;
    }

    /// <summary>One block further.</summary>
    private async Task<GrowthOutcome?> StepAsync(Found found, IShardBlocks shards, CancellationToken cancellationToken)
    {
        var state = found.Release.Value.Continual!;
        var slots = OpenSlots.NextBlock(found.Model.Tree, state, found.Store.Slots);
        if (slots == 0 && state.ReleasedBlocks == state.FrozenBlocks)
        {
            await TellAsync(isLast: true, cancellationToken);
            return GrowthOutcome.UpToDate;
        }
        // In an older copy that was put back, blocks that were released before would be frozen once more, with other rows, under the old charges.
        await guard.RequireOpenAsync(store, cancellationToken);
        if (await copy.SettleAsync(cancellationToken))
            return null;
        var opened = _opened ??= await OpenAsync(found, shards, cancellationToken);
        if (opened.Release.Extent.Blocks < state.FrozenBlocks)
        {
            // Another process was faster: what it froze is read anew.
            _opened = null;
            return null;
        }
        if (opened.Release.Extent.Blocks == state.ReleasedBlocks)
            await CloseAsync(opened, found, shards, cancellationToken);
        if (opened.Release.Extent.Blocks > state.ReleasedBlocks)
        {
            await continual.GrowAsync(releaseId, opened.Release.Extent, opened.Release.Slots, cancellationToken);
            _isUntold = true;
            await TellAsync(opened.Release.Extent.IsFinished, cancellationToken);
        }
        return null;
    }

    private async Task CloseAsync(Opened opened, Found found, IShardBlocks shards, CancellationToken cancellationToken)
    {
        var plan = await new BlockPlanner(store, catalog, found.Model, fanOut).NextAsync(found.Release, found.Store, opened.Secret, shards, cancellationToken);
        if (plan is null)
            return;
        opened.Storage.Plan = plan;
        try
        {
            await opened.Release.CloseAsync(plan.Manifest.Slots, plan.Manifest.Rows.ToArray(), cancellationToken);
        }
        catch (StalePlanException)
        {
            // Nothing was frozen, and nothing in memory has changed.
        }
    }

    /// <summary>Opens the release, and releases the nodes of its last block that a crash left missing.</summary>
    private async Task<Opened> OpenAsync(Found found, IShardBlocks shards, CancellationToken cancellationToken)
    {
        var release = found.Release.Value;
        // That this version draws the very noise that the release was made with.
        _ = await releases.ReadManifestAsync(release, found.Store, cancellationToken);
        await releases.RewrapAsync(found.Release, cancellationToken);
        var secret = releases.ReadSecret(release);
        var sums = new BlockSums(shards, found.Store.Definition.Shards, fanOut, clock);
        var storage = new StoredContinual(store, release, found.Model, catalog, blobs, sums);
        var frame = found.Model.FrameOf(found.Model.LadderOf(release.Ladder), Convert.FromHexString(release.Manifest));
        var opened = await ContinualRelease.OpenAsync(frame, storage, manifest => noise.Of(manifest.Key(secret)), cancellationToken, (draw, token) => scans.RunWhenFreeAsync(draw, token));
        return new Opened(opened, storage, secret);
    }

    /// <summary>Tells all silos of the blocks released since, at most once in a while and at the end.</summary>
    private async Task TellAsync(bool isLast, CancellationToken cancellationToken)
    {
        if (!_isUntold || (!isLast && _told is { } told && clock.GetElapsedTime(told) < TellEvery))
            return;
        await catalog.CommitAsync(
            async () => (new CatalogCommit { Writes = [await generation.RaiseAsync(cancellationToken)] }, true),
            () => new ProblemException(ProblemCodes.Busy, "the generation is being raised by others"),
            cancellationToken);
        generation.Drop();
        (_told, _isUntold) = (clock.GetTimestamp(), false);
    }

    private sealed record Found(Versioned<ReleaseDocument> Release, StoreDocument Store, TreeModel Model);

    private sealed record Opened(ContinualRelease Release, StoredContinual Storage, byte[] Secret);
}
