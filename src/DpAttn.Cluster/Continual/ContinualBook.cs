using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>How a continual release's row changes, without Orleans: by compare-and-set, like every other of a store's directory.</summary>
internal sealed class ContinualBook(StoreId store, ICatalog catalog, ISegmentStore blobs, StoreDirectory directory, Generation generation)
{
    /// <summary>Why a release grows no more after its store's ledger was acknowledged.</summary>
    public const string AcknowledgedText = "the ledger was acknowledged after an older copy was put back; retire this release and publish a new one";

    private const int Page = 200;

    /// <summary>Whether rows keep arriving under one release of this store.</summary>
    public static bool IsContinual(StoreModel model) => model is TreeModel { Tree.IsContinual: true };

    /// <summary>Whether a continual store cannot have another release beside this one.</summary>
    public static bool IsLive(ReleaseDocument release) => release.Continual is not null && release.State is ReleaseDocument.Publishing or ReleaseDocument.Published;

    /// <summary>Says that blocks are released. What others have said already stands.</summary>
    /// <param name="id">The release.</param>
    /// <param name="extent">The blocks whose nodes are all stored.</param>
    /// <param name="slots">The slots in them.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task GrowAsync(string id, TreeExtent extent, long slots, CancellationToken cancellationToken) => ChangeAsync(
        id,
        release => release.Continual!.ReleasedBlocks >= extent.Blocks ? null : release with
        {
            State = ReleaseDocument.Published,
            Secret = extent.IsFinished ? null : release.Secret,
            Continual = release.Continual with { ReleasedBlocks = extent.Blocks, ReleasedSlots = slots, IsFull = extent.IsFinished },
        },
        (before, _) => extent.IsFinished ? "release.full" : before.State == ReleaseDocument.Publishing ? "release.published" : null,
        isEnd: extent.IsFinished,
        cancellationToken);

    /// <summary>Ends the growth of a release that can grow no further, and says why. What is released goes on answering; one without a block has failed, and one that is full grows no more anyhow.</summary>
    public async Task StopAsync(string id, string failure, CancellationToken cancellationToken)
    {
        await ChangeAsync(
            id,
            release => release.Continual!.IsFull ? null : release with
            {
                State = release.Continual.ReleasedBlocks == 0 ? ReleaseDocument.Failed : ReleaseDocument.Published,
                Secret = null,
                Failure = failure,
            },
            (_, after) => after.State == ReleaseDocument.Failed ? "release.failed" : "release.stopped",
            isEnd: true,
            cancellationToken);
        generation.Drop();
    }

    /// <summary>Ends the growth of the store's release because what it has released may not be all that was released of it. A deleted store has none.</summary>
    public async Task StopAcknowledgedAsync(CancellationToken cancellationToken)
    {
        foreach (var release in (await directory.ReleasesAsync(store, cancellationToken)).Where(IsLive))
            await StopAsync(release.Id, AcknowledgedText, cancellationToken);
    }

    /// <summary>Closes the open block: a public decision of the owner's. The slots that it has left stay empty for ever.</summary>
    /// <param name="id">The release.</param>
    /// <param name="block">The block, which makes repeating it harmless: one that is closed stays so.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ProblemException">not_found, conflict, release_retired or busy.</exception>
    public Task CloseBlockAsync(string id, long block, string actor, CancellationToken cancellationToken) => catalog.CommitAsync(
        async () =>
        {
            var release = await catalog.ReadAsync(Documents.Release, Documents.Below(store, id), cancellationToken)
                ?? throw new ProblemException(ProblemCodes.NotFound, "the store has no such release");
            var read = await directory.ReadActiveAsync(store, cancellationToken);
            var state = RequireGrowing(release.Value);
            var tree = ((TreeModel)directory.ModelOf(read.Value)).Tree;
            var open = OpenSlots.Of(tree, state, read.Value.Slots);
            if (block < OpenSlots.ClosedBlocks(tree, state, read.Value.Slots))
                return (null, true);
            if (block != open.Block)
                throw new ProblemException(ProblemCodes.Conflict, $"block {block} is not open: slots go to block {open.Block} now");
            if (open.Slots == 0)
                throw new ProblemException(ProblemCodes.Conflict, $"block {block} holds no slot; there is nothing to close");
            if (state.Closing is { } closing && closing.Slots > state.FrozenSlots)
                throw new ProblemException(ProblemCodes.Busy, $"block {closing.Block} is closed and not released yet; ask again when it is");
            var commit = new CatalogCommit
            {
                Writes =
                [
                    Documents.Release.Update(release, release.Value with { Continual = state with { Closing = new BlockClosing(block, read.Value.NextSegment, read.Value.Slots) } }),
                    // Moved, so that a batch is committed before it or after it, and is cut accordingly.
                    Documents.Store.Update(read, read.Value),
                ],
                Audit = [new AuditEvent("block.close", actor, store, id, block.ToString())],
            };
            return (commit, true);
        },
        Busy,
        cancellationToken);

    /// <summary>Refuses slots that the store's blocks have no room for.</summary>
    /// <param name="read">The store as it will be changed: looked at before its releases.</param>
    /// <param name="slots">How many arrive.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ProblemException">invalid_request: nothing is taken.</exception>
    public async Task RequireRoomAsync(StoreDocument read, int slots, CancellationToken cancellationToken)
    {
        if (directory.ModelOf(read) is not TreeModel { Tree.IsContinual: true } model)
            return;
        var live = (await directory.ReleasesAsync(store, cancellationToken)).FirstOrDefault(IsLive);
        // One that was stopped takes no more, and the next begins with the first slot.
        var state = live?.Failure is null ? live?.Continual : null;
        if (state?.FrozenSlots > read.Slots)
            // Frozen since the store was read: the commit will find that it has moved, and look again.
            return;
        try
        {
            _ = OpenSlots.Of(model.Tree, state, read.Slots).Fill(model.Tree, slots);
        }
        catch (ArgumentException e)
        {
            throw SchemaFactory.Invalid(e);
        }
    }

    /// <summary>Removes what a retired release left: nodes, contents and rows of blocks. What a crash leaves of it is swept.</summary>
    public async Task RemoveAsync(string id, CancellationToken cancellationToken)
    {
        foreach (var kind in new[] { BlobKind.Node, BlobKind.Manifest })
        {
            while (await blobs.ListAsync(store, kind, $"{id}-", null, Page, cancellationToken) is { Count: > 0 } page)
            {
                foreach (var blob in page.Select(blob => blob.Key.Id).Distinct())
                    await blobs.DeleteAsync(store, kind, blob, cancellationToken);
            }
        }
        while (await catalog.ListAsync(Documents.Block.Name, Documents.BlocksOf(store, id), null, Page, cancellationToken) is { Count: > 0 } rows)
            await catalog.CommitAsync(new CatalogCommit { Writes = [.. rows.Select(row => new CatalogWrite(row.Kind, row.Key, row.Version, null))] }, cancellationToken);
    }

    private static ContinualState RequireGrowing(ReleaseDocument release) => release switch
    {
        { Continual: null } => throw new ProblemException(ProblemCodes.Conflict, $"release {release.Id} is of all rows at once: only a continual store has blocks to close"),
        { State: ReleaseDocument.Retired } => throw new ProblemException(ProblemCodes.ReleaseRetired, $"release {release.Id} is retired"),
        { Failure: { } failure } => throw new ProblemException(ProblemCodes.Conflict, $"release {release.Id} does not grow any more: {failure}"),
        _ => release.Continual,
    };

    private Task ChangeAsync(
        string id, Func<ReleaseDocument, ReleaseDocument?> change, Func<ReleaseDocument, ReleaseDocument, string?> action, bool isEnd, CancellationToken cancellationToken) => catalog.CommitAsync(
        async () =>
        {
            var read = await catalog.ReadAsync(Documents.Release, Documents.Below(store, id), cancellationToken);
            if (read is null || !IsLive(read.Value) || read.Value.Failure is not null || change(read.Value) is not { } after)
                return (null, true);
            var writes = new List<CatalogWrite> { Documents.Change(read, after) };
            if (isEnd)
            {
                writes.Add(await generation.RaiseAsync(cancellationToken));
                if (await catalog.ReadAsync(Documents.Job, read.Key, cancellationToken) is { } job)
                    writes.Add(Documents.Job.Delete(job));
            }
            var said = action(read.Value, after);
            return (new CatalogCommit { Writes = writes, Audit = said is null ? [] : [new AuditEvent(said, "coordinator", store, id, after.Failure)] }, true);
        },
        Busy,
        cancellationToken);

    private static ProblemException Busy() => new(ProblemCodes.Busy, "the store is being changed by others; try again");
}
