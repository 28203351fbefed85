using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The rules of one store's directory, without Orleans: every change is one compare-and-set on the store's row together with the rows that belong to it, so of
/// two writers that believe to be alone one loses and looks again.
/// </summary>
internal sealed class StoreBook(StoreId store, ICatalog catalog, IBudgetLedger ledger, ISegmentStore blobs, StoreDirectory directory, Generation generation, SecretProtector protector, TimeProvider clock)
{
    private const int MostAttempts = 8;

    /// <summary>Commits a batch: its rows of the directory and the store's counts, if all its blobs are there.</summary>
    public async Task<BatchReceipt> CommitBatchAsync(BatchCommit batch, CancellationToken cancellationToken)
    {
        var key = Documents.Below(store, batch.BatchKey);
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            if (await catalog.ReadAsync(Documents.Batch, key, cancellationToken) is { } known)
                return Replay(known.Value, batch.Fingerprint);
            var read = await ReadActiveAsync(cancellationToken);
            var slots = batch.Segments.Sum(segment => segment.Slots);
            if (read.Value.Slots + slots > read.Value.Definition.Capacity)
                throw new ProblemException(ProblemCodes.InvalidRequest, $"{slots} more rows exceed the store's capacity of {read.Value.Definition.Capacity}; {read.Value.Slots} are taken");
            var document = new BatchDocument
            {
                Batch = batch.Batch,
                Fingerprint = batch.Fingerprint,
                FirstSlot = read.Value.Slots,
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
                Documents.Segment.Insert(Documents.Below(store, Documents.Ordinal(document.FirstSegment + i)), ToDocument(segment))));
            var commit = new CatalogCommit
            {
                Writes = writes,
                RequiredBlobs = [.. batch.Segments.Select(segment => new BlobKey(store, BlobKind.Segment, segment.Blob))],
            };
            if (await catalog.CommitAsync(commit, cancellationToken))
                return new BatchReceipt(document.FirstSlot, slots, IsReplay: false);
        }
        throw new ProblemException(ProblemCodes.Busy, "the batch could not be committed against others' changes; send it again with the same id");
    }

    /// <summary>A committed batch as its retry is told.</summary>
    /// <exception cref="ProblemException">request_conflict: other rows under the same id.</exception>
    public static BatchReceipt Replay(BatchDocument known, string fingerprint) =>
        known.Fingerprint == fingerprint
            ? new BatchReceipt(known.FirstSlot, known.Slots, IsReplay: true)
            : throw new ProblemException(ProblemCodes.RequestConflict, "this batch id was used for other rows; nothing was added");

    /// <summary>Freezes all committed rows: the manifest, the release and its job, in one transaction, before any noise exists.</summary>
    public async Task<string> FreezeAsync(PublishCommand command, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var read = await ReadActiveAsync(cancellationToken);
            var ladder = command.Ladder ?? [.. read.Value.Definition.Ladder];
            if (command.Request is not null && await FindByRequestAsync(command.Request, ladder, cancellationToken) is { } same)
                return same;
            var id = $"r{read.Value.NextRelease:D6}";
            var manifest = await BuildManifestAsync(read.Value, id, ladder, cancellationToken);
            var bytes = manifest.ToBytes();
            var manifestId = ReleaseManifest.IdOf(bytes);
            await blobs.PutPartsAsync(store, BlobKind.Manifest, manifestId, bytes, cancellationToken);
            var release = new ReleaseDocument
            {
                Id = id,
                State = ReleaseDocument.Publishing,
                Request = command.Request,
                Created = clock.GetUtcNow(),
                Slots = manifest.Slots,
                Ladder = ladder,
                SegmentsBelow = read.Value.NextSegment,
                Manifest = manifestId,
                ManifestBytes = bytes.Length,
                NoiseBinding = NoiseBinding(read.Value, manifest, manifestId),
                Secret = Convert.ToBase64String(protector.Protect(ReleaseKey.NewSecret(), SecretPurpose(id))),
            };
            var key = Documents.Below(store, id);
            var commit = new CatalogCommit
            {
                Writes =
                [
                    Documents.Store.Update(read, read.Value with { NextRelease = read.Value.NextRelease + 1 }),
                    Documents.Release.Insert(key, release),
                    Documents.Job.Insert(key, new JobDocument(store.Value, id)),
                    await generation.RaiseAsync(cancellationToken),
                ],
                RequiredBlobs = SegmentStoreExtensions.PartsOf(store, BlobKind.Manifest, manifestId, bytes.Length),
                Audit = [new AuditEvent("release.freeze", command.Actor, store, id, manifestId)],
            };
            if (await catalog.CommitAsync(commit, cancellationToken))
            {
                generation.Drop();
                return id;
            }
        }
        throw Busy();
    }

    /// <summary>Retires a release: it answers no more.</summary>
    public async Task RetireAsync(string id, string actor, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var release = await catalog.ReadAsync(Documents.Release, Documents.Below(store, id), cancellationToken) ?? throw UnknownRelease(id);
            if (release.Value.State == ReleaseDocument.Retired)
                return;
            if (release.Value.State == ReleaseDocument.Publishing)
                throw new ProblemException(ProblemCodes.Conflict, $"release {id} is being published; retire it when it is done");
            var commit = new CatalogCommit
            {
                Writes = [Documents.Release.Update(release, release.Value with { State = ReleaseDocument.Retired }), await generation.RaiseAsync(cancellationToken)],
                DeletedBlobs = [.. release.Value.Nodes.Select(node => new BlobKey(store, BlobKind.Node, node.Blob))],
                Audit = [new AuditEvent("release.retire", actor, store, id, null)],
            };
            if (await catalog.CommitAsync(commit, cancellationToken))
            {
                generation.Drop();
                return;
            }
        }
        throw Busy();
    }

    /// <summary>Erases a row that stands in no release.</summary>
    /// <param name="batchKey">The batch.</param>
    /// <param name="row">Counted from 0 in the batch as it was sent.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="rewrite">Has the shard write its segment anew without the row.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task EraseAsync(string batchKey, int row, string actor, Func<SegmentDocument, string, int, bool, Task<SegmentReference>> rewrite, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var read = await ReadActiveAsync(cancellationToken);
            var batch = await catalog.ReadAsync(Documents.Batch, Documents.Below(store, batchKey), cancellationToken)
                ?? throw new ProblemException(ProblemCodes.NotFound, "no batch of this id is stored");
            var (ordinal, segment) = await FindSegmentAsync(batch.Value, row, cancellationToken);
            foreach (var release in await directory.ReleasesAsync(store, cancellationToken))
            {
                if (release.State != ReleaseDocument.Failed && ordinal < release.SegmentsBelow)
                    throw new ProblemException(ProblemCodes.RowPublished, $"the row stands in release {release.Id}: a published release keeps its noised trace, and it cannot be erased");
            }
            var keepsSlot = read.Value.Definition.Adjacency == SchemaFactory.AddRemove;
            var newBlob = $"{segment.Value.Blob.Split("-e")[0]}-e{Guid.NewGuid():N}";
            var rewritten = await rewrite(segment.Value, newBlob, row - segment.Value.FirstRow, keepsSlot);
            var erasedSlots = segment.Value.Slots - rewritten.Slots;
            var commit = new CatalogCommit
            {
                Writes =
                [
                    Documents.Store.Update(read, read.Value with { Slots = read.Value.Slots - erasedSlots }),
                    Documents.Segment.Update(segment, segment.Value with { Blob = rewritten.Blob, Digest = rewritten.Digest, Bytes = rewritten.Bytes, Slots = rewritten.Slots }),
                ],
                RequiredBlobs = [new BlobKey(store, BlobKind.Segment, rewritten.Blob)],
                DeletedBlobs = [new BlobKey(store, BlobKind.Segment, segment.Value.Blob)],
                Audit = [new AuditEvent("row.erase", actor, store, batchKey, row.ToString())],
            };
            if (await catalog.CommitAsync(commit, cancellationToken))
                return;
            await blobs.DeleteAsync(store, BlobKind.Segment, newBlob, cancellationToken);
        }
        throw Busy();
    }

    /// <summary>Deletes the store: its books are closed, its name is free, a tombstone stays, and its rows and releases go.</summary>
    public async Task DeleteAsync(string actor, CancellationToken cancellationToken)
    {
        await ledger.CloseStoreAsync(store, cancellationToken);
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var read = await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken) ?? throw UnknownStore();
            if (read.Value.State == StoreDocument.Deleted)
            {
                await PurgeAsync(cancellationToken);
                return;
            }
            var name = await catalog.ReadAsync(Documents.Name, read.Value.Name, cancellationToken);
            var writes = new List<CatalogWrite> { Documents.Store.Update(read, read.Value with { State = StoreDocument.Deleted }), await generation.RaiseAsync(cancellationToken) };
            if (name?.Value.Incarnation == store.Value)
                writes.Add(Documents.Name.Delete(name));
            var commit = new CatalogCommit { Writes = writes, Audit = [new AuditEvent("store.delete", actor, store, read.Value.Name, null)] };
            if (await catalog.CommitAsync(commit, cancellationToken))
            {
                generation.Drop();
                await PurgeAsync(cancellationToken);
                return;
            }
        }
        throw Busy();
    }

    /// <summary>Removes what a deleted store left: blobs, directory rows, releases with their secrets. Repeated until it is done.</summary>
    public async Task PurgeAsync(CancellationToken cancellationToken)
    {
        await blobs.DeleteStoreAsync(store, cancellationToken);
        await DeleteAllAsync(Documents.Segment, cancellationToken);
        await DeleteAllAsync(Documents.Batch, cancellationToken);
        await DeleteAllAsync(Documents.Job, cancellationToken);
        await DeleteAllAsync(Documents.Release, cancellationToken);
        var read = await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken);
        if (read is { Value: { State: StoreDocument.Deleted, IsPurged: false } })
            await catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Store.Update(read, read.Value with { IsPurged = true })] }, cancellationToken);
    }

    /// <summary>What the noise of a release is bound to.</summary>
    public string NoiseBinding(StoreDocument document, ReleaseManifest manifest, string manifestId)
    {
        var parameters = directory.ParametersOf(document);
        var ladder = SchemaFactory.Ladder(parameters, manifest.Ladder, new Delta(document.Definition.Delta));
        return Convert.ToHexStringLower(Attention.MomentManifest.Digest(parameters, ladder, manifest.Slots, Convert.FromHexString(manifestId)));
    }

    /// <summary>What a release's wrapped secret is for: it opens nothing else.</summary>
    public string SecretPurpose(string release) => $"release secret {store}/{release}";

    private async Task<ReleaseManifest> BuildManifestAsync(StoreDocument document, string id, IReadOnlyList<double> ladder, CancellationToken cancellationToken)
    {
        var segments = new List<ManifestSegment>();
        await foreach (var segment in catalog.ListAsync(Documents.Segment, Documents.Under(store), cancellationToken))
        {
            if (string.CompareOrdinal(segment.Key, Documents.Below(store, Documents.Ordinal(document.NextSegment))) < 0)
                segments.Add(new ManifestSegment(segment.Value.Blob, segment.Value.Shard, segment.Value.Slots, segment.Value.Digest));
        }
        var slots = segments.Sum(segment => (long)segment.Slots);
        // A batch that came in between moves the store's row: then the commit fails and this is built anew.
        if (slots == 0)
            throw new ProblemException(ProblemCodes.InvalidRequest, "a store without rows cannot be published; append rows first");
        return new ReleaseManifest
        {
            Incarnation = store.Value,
            Release = id,
            Definition = document.Definition,
            Ladder = ladder,
            SamplerVersion = KeyedNoise.SamplerVersion,
            Slots = slots,
            Segments = segments,
        };
    }

    private async Task<string?> FindByRequestAsync(string request, IReadOnlyList<double> ladder, CancellationToken cancellationToken)
    {
        var known = (await directory.ReleasesAsync(store, cancellationToken)).FirstOrDefault(release => release.Request == request);
        if (known is null)
            return null;
        return known.Ladder.SequenceEqual(ladder)
            ? known.Id
            : throw new ProblemException(ProblemCodes.RequestConflict, $"this idempotency key was used for release {known.Id} with another ladder; nothing was published");
    }

    private async Task<(long Ordinal, Versioned<SegmentDocument> Segment)> FindSegmentAsync(BatchDocument batch, int row, CancellationToken cancellationToken)
    {
        for (var i = 0; i < batch.Segments; i++)
        {
            var ordinal = batch.FirstSegment + i;
            var segment = await catalog.ReadAsync(Documents.Segment, Documents.Below(store, Documents.Ordinal(ordinal)), cancellationToken)
                ?? throw new StorageCorruptException($"segment row {ordinal} is missing");
            if (row >= segment.Value.FirstRow && row < segment.Value.FirstRow + segment.Value.Rows)
                return (ordinal, segment);
        }
        throw new ProblemException(ProblemCodes.NotFound, $"the batch has no row {row}");
    }

    private async Task<Versioned<StoreDocument>> ReadActiveAsync(CancellationToken cancellationToken)
    {
        var read = await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken);
        return read is { Value.State: StoreDocument.Active } ? read : throw UnknownStore();
    }

    private async Task DeleteAllAsync<T>(DocumentKind<T> kind, CancellationToken cancellationToken)
        where T : class
    {
        const int Page = 200;
        var page = new List<CatalogWrite>();
        await foreach (var row in catalog.ListAsync(kind, Documents.Under(store), cancellationToken))
        {
            page.Add(kind.Delete(row));
            if (page.Count == Page)
            {
                await catalog.CommitAsync(new CatalogCommit { Writes = [.. page] }, cancellationToken);
                page.Clear();
            }
        }
        if (page.Count > 0)
            await catalog.CommitAsync(new CatalogCommit { Writes = page }, cancellationToken);
    }

    private static SegmentDocument ToDocument(SegmentReference segment) => new()
    {
        Blob = segment.Blob,
        Shard = segment.Shard,
        FirstRow = segment.FirstRow,
        Rows = segment.Rows,
        Slots = segment.Slots,
        Bytes = segment.Bytes,
        Digest = segment.Digest,
    };

    private static ProblemException Busy() => new(ProblemCodes.Busy, "the store is being changed by others; try again");

    private static ProblemException UnknownStore() => new(ProblemCodes.NotFound, "no such store");

    private static ProblemException UnknownRelease(string id) => new(ProblemCodes.NotFound, $"the store has no release {id}");
}
