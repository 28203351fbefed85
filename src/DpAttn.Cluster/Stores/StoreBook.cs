using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The batches of one store's directory, without Orleans: every change is one compare-and-set on the store's row together with the rows that belong to it, so of
/// two writers that believe to be alone one loses and looks again.
/// </summary>
internal sealed class StoreBook(StoreId store, ICatalog catalog, ISegmentStore blobs, StoreDirectory directory, ContinualBook continual)
{
    /// <summary>Has the shard write a segment anew without one row.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="newBlob">The id to write it under.</param>
    /// <param name="row">The row, counted from 0 within the segment.</param>
    /// <param name="keepsSlot">Whether the row's slot still counts.</param>
    public delegate Task<SegmentReference> Rewrite(SegmentDocument segment, string newBlob, int row, bool keepsSlot);

    /// <summary>Commits a batch: its rows of the directory and the store's counts, if all its blobs are there.</summary>
    public async Task<BatchReceipt> CommitBatchAsync(BatchCommit batch, CancellationToken cancellationToken)
    {
        var key = Documents.Below(store, batch.BatchKey);
        var receipt = await catalog.CommitAsync(
            async () =>
            {
                if (await catalog.ReadAsync(Documents.Batch, key, cancellationToken) is { } known)
                    return (null, Replay(known.Value, batch.Fingerprint));
                var read = await directory.ReadActiveAsync(store, cancellationToken);
                await continual.RequireRoomAsync(read.Value, batch.Segments.Sum(segment => segment.Slots), cancellationToken);
                return Append(read, batch, key);
            },
            () => new ProblemException(ProblemCodes.Busy, "the batch could not be committed against others' changes; send it again with the same id"),
            cancellationToken);
        if (receipt.IsReplay)
            await RemoveStrayAsync(batch, cancellationToken);
        return receipt;
    }

    /// <summary>A committed batch as its retry is told.</summary>
    /// <exception cref="ProblemException">request_conflict: other rows under the same id.</exception>
    public static BatchReceipt Replay(BatchDocument known, string fingerprint) =>
        known.Fingerprint == fingerprint
            ? new BatchReceipt(known.FirstSlot, known.Slots, IsReplay: true)
            : throw new ProblemException(ProblemCodes.RequestConflict, "this batch id was used for other rows; nothing was added");

    /// <summary>Erases a row that stands in no release. Repeating it is harmless.</summary>
    /// <remarks>A slot that was null before is rewritten and logged all the same: whether a slot holds a row is private under add-remove.</remarks>
    /// <param name="batchKey">The batch.</param>
    /// <param name="row">Counted from 0 in the batch as it was sent.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="rewrite">Writes the segment anew.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task EraseAsync(string batchKey, int row, string actor, Rewrite rewrite, CancellationToken cancellationToken)
    {
        // What an attempt wrote that is known to be lost. It holds the segment's other rows, which may be erased next; of an attempt whose outcome is
        // unknown it may be the segment now, and if it is not, it is swept.
        string? lost = null;
        return catalog.CommitAsync(
            async () =>
            {
                await RemoveAsync(lost, cancellationToken);
                lost = null;
                var read = await directory.ReadActiveAsync(store, cancellationToken);
                var segment = await FindSegmentAsync(batchKey, row, cancellationToken);
                var growing = await RequireUnpublishedAsync(segment.Ordinal, row - segment.Row.Value.FirstRow, cancellationToken);
                var keepsSlot = read.Value.Definition.Adjacency == SchemaFactory.AddRemove;
                var rewritten = await rewrite(segment.Row.Value, SegmentName.Rewritten(segment.Row.Value.Blob), row - segment.Row.Value.FirstRow, keepsSlot);
                lost = rewritten.Blob;
                var audit = new AuditEvent("row.erase", actor, store, batchKey, row.ToString());
                return (Erasure(read, segment.Row, rewritten, growing.Select(release => Passed(release, segment.Ordinal, segment.Row.Value.Slots - rewritten.Slots)), audit), true);
            },
            Busy,
            cancellationToken);
    }

    private (CatalogCommit? Commit, BatchReceipt Receipt) Append(Versioned<StoreDocument> read, BatchCommit batch, string key)
    {
        var slots = batch.Segments.Sum(segment => segment.Slots);
        if (read.Value.Slots + slots > read.Value.Definition.Capacity)
            throw new ProblemException(ProblemCodes.InvalidRequest, $"{slots} more rows exceed the store's capacity of {read.Value.Definition.Capacity}; {read.Value.Slots} are taken");
        var document = new BatchDocument
        {
            Batch = batch.Batch,
            Fingerprint = batch.Fingerprint,
            FirstSlot = read.Value.Slots + read.Value.ErasedSlots,
            Slots = slots,
            FirstSegment = read.Value.NextSegment,
            Segments = batch.Segments.Length,
        };
        var writes = new List<CatalogWrite>
        {
            Documents.Store.Update(read, read.Value with
            {
                Slots = read.Value.Slots + slots,
                Batches = read.Value.Batches + 1,
                NextSegment = read.Value.NextSegment + batch.Segments.Length,
            }),
            Documents.Batch.Insert(key, document),
        };
        writes.AddRange(batch.Segments.Select((segment, i) =>
            Documents.Segment.Insert(Documents.Below(store, Documents.Ordinal(document.FirstSegment + i)), SegmentDocument.Of(segment))));
        var commit = new CatalogCommit
        {
            Writes = writes,
            RequiredBlobs = [.. batch.Segments.Select(segment => new BlobKey(store, BlobKind.Segment, segment.Blob))],
        };
        return (commit, new BatchReceipt(document.FirstSlot, slots, IsReplay: false));
    }

    /// <summary>
    /// A late twin of a batch may have stored its segments again after a row of them was erased and the blob was gone: what it stored goes again.
    /// </summary>
    private async Task RemoveStrayAsync(BatchCommit batch, CancellationToken cancellationToken)
    {
        var known = (await catalog.ReadAsync(Documents.Batch, Documents.Below(store, batch.BatchKey), cancellationToken))?.Value;
        for (var part = 0; part < Math.Min(batch.Segments.Length, known?.Segments ?? 0); part++)
        {
            var segment = await catalog.ReadAsync(Documents.Segment, Documents.Below(store, Documents.Ordinal(known!.FirstSegment + part)), cancellationToken);
            if (segment is not null && segment.Value.Blob != batch.Segments[part].Blob)
                await RemoveAsync(batch.Segments[part].Blob, cancellationToken);
        }
    }

    private CatalogCommit Erasure(
        Versioned<StoreDocument> read, Versioned<SegmentDocument> segment, SegmentReference rewritten, IEnumerable<CatalogWrite> releases, AuditEvent audit)
    {
        var erasedSlots = segment.Value.Slots - rewritten.Slots;
        return new CatalogCommit
        {
            Writes =
            [
                Documents.Store.Update(read, read.Value with { Slots = read.Value.Slots - erasedSlots, ErasedSlots = read.Value.ErasedSlots + erasedSlots, Erasures = read.Value.Erasures + 1 }),
                Documents.Segment.Replace(segment, segment.Value with { Blob = rewritten.Blob, Digest = rewritten.Digest, Bytes = rewritten.Bytes, Slots = rewritten.Slots }),
                .. releases,
            ],
            RequiredBlobs = [new BlobKey(store, BlobKind.Segment, rewritten.Blob)],
            DeletedBlobs = [new BlobKey(store, BlobKind.Segment, segment.Value.Blob)],
            Audit = [audit],
        };
    }

    /// <summary>Refuses a row that stands in a release.</summary>
    /// <returns>The releases that grow: whose next blocks the row might come into.</returns>
    private async Task<IReadOnlyList<Versioned<ReleaseDocument>>> RequireUnpublishedAsync(long ordinal, int row, CancellationToken cancellationToken)
    {
        var growing = new List<Versioned<ReleaseDocument>>();
        await foreach (var release in catalog.ListAsync(Documents.Release, Documents.Under(store), cancellationToken))
        {
            if (release.Value.State == ReleaseDocument.Failed)
                continue;
            if (ordinal < release.Value.SegmentsBelow || release.Value.Continual?.IsFrozen(ordinal, row) == true)
                throw new ProblemException(ProblemCodes.RowPublished, $"the row stands in release {release.Value.Id}: a published release keeps its noised trace, and it cannot be erased");
            if (ContinualBook.IsLive(release.Value))
                growing.Add(release);
        }
        return growing;
    }

    /// <summary>Moves a release that grows, so that a block which is being frozen with the row is frozen anew without it.</summary>
    private static CatalogWrite Passed(Versioned<ReleaseDocument> release, long ordinal, int erasedSlots)
    {
        var state = release.Value.Continual!;
        var closing = state.Closing is { } asked && ordinal < asked.Segments ? asked with { Slots = asked.Slots - erasedSlots } : state.Closing;
        return Documents.Release.Update(release, release.Value with { Continual = state with { Closing = closing } });
    }

    private async Task<(long Ordinal, Versioned<SegmentDocument> Row)> FindSegmentAsync(string batchKey, int row, CancellationToken cancellationToken)
    {
        var batch = await catalog.ReadAsync(Documents.Batch, Documents.Below(store, batchKey), cancellationToken)
            ?? throw new ProblemException(ProblemCodes.NotFound, "no batch of this id is stored");
        for (var i = 0; i < batch.Value.Segments; i++)
        {
            var ordinal = batch.Value.FirstSegment + i;
            var segment = await catalog.ReadAsync(Documents.Segment, Documents.Below(store, Documents.Ordinal(ordinal)), cancellationToken)
                ?? throw new StorageCorruptException($"segment row {ordinal} is missing");
            if (row >= segment.Value.FirstRow && row < segment.Value.FirstRow + segment.Value.Rows)
                return (ordinal, segment);
        }
        throw new ProblemException(ProblemCodes.NotFound, $"the batch has no row {row}");
    }

    private Task RemoveAsync(string? blob, CancellationToken cancellationToken) =>
        blob is null ? Task.CompletedTask : blobs.DeleteAsync(store, BlobKind.Segment, blob, cancellationToken);

    private static ProblemException Busy() => new(ProblemCodes.Busy, "the store is being changed by others; try again");
}
