using System.Security.Cryptography;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>The releases of one store's directory, without Orleans: frozen, settled and retired by compare-and-set.</summary>
internal sealed class ReleaseBook(StoreId store, ICatalog catalog, ISegmentStore blobs, StoreDirectory directory, Generation generation, SecretProtector protector, TimeProvider clock)
{
    /// <summary>Freezes all committed rows: the manifest, the release and its job, in one transaction, before any noise exists.</summary>
    /// <returns>The release's id.</returns>
    public async Task<string> FreezeAsync(PublishCommand command, CancellationToken cancellationToken)
    {
        var id = await catalog.CommitAsync(
            async () =>
            {
                var read = await directory.ReadActiveAsync(store, cancellationToken);
                var model = directory.ModelOf(read.Value).AsReleased();
                var ladder = command.Ladder ?? [.. read.Value.Definition.Ladder];
                if (command.Request is not null && await FindByRequestAsync(command.Request, ladder, cancellationToken) is { } same)
                    return (null, same);
                if (ContinualBook.IsContinual(model))
                    await RequireNoneOpenAsync(cancellationToken);
                return await FreezeAsync(read, command, ladder, cancellationToken);
            },
            Busy,
            cancellationToken);
        generation.Drop();
        return id;
    }

    /// <summary>The manifest of a release, and that this version may publish it.</summary>
    /// <exception cref="StorageCorruptException">It is missing, is another one, or binds other noise than this version draws.</exception>
    public async Task<ReleaseManifest> ReadManifestAsync(ReleaseDocument release, StoreDocument document, CancellationToken cancellationToken)
    {
        var bytes = await blobs.ReadPartsAsync(store, BlobKind.Manifest, release.Manifest, release.ManifestBytes, cancellationToken);
        var manifest = ReleaseManifest.Parse(bytes, release.Manifest);
        if (manifest.Incarnation != store.Value || manifest.Release != release.Id || manifest.Slots != release.Slots || !manifest.Ladder.SequenceEqual(release.Ladder))
            throw new StorageCorruptException("the manifest belongs to another release");
        // Another binary may round other coefficients: its sums must not meet noise that was meant for these.
        if (manifest.SamplerVersion != KeyedNoise.SamplerVersion || TryBind(document, manifest, release.Manifest) != release.NoiseBinding)
        {
            // A continual release lives longer than a version is rolled out: it waits for one that has it.
            throw release.Continual is null
                ? new StorageCorruptException("the release was frozen by a version whose lattice or sampler this one does not have; publish anew")
                : new StorageRefusedException("the release was made by a version whose lattice or sampler this one does not have; it grows when that version runs");
        }
        return manifest;
    }

    /// <summary>The key of a release's noise.</summary>
    /// <exception cref="StorageCorruptException">The row holds no secret, or one of another release.</exception>
    /// <exception cref="StorageRefusedException">The secret is wrapped with a key that this process does not have.</exception>
    public ReleaseKey ReadKey(ReleaseDocument release)
    {
        var secret = ReadSecret(release);
        try
        {
            return ReleaseKey.Derive(secret, Convert.FromHexString(release.NoiseBinding));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>A release's secret, unwrapped.</summary>
    /// <exception cref="StorageException">As for <see cref="ReadKey"/>.</exception>
    public byte[] ReadSecret(ReleaseDocument release)
    {
        var wrapped = new byte[release.Secret?.Length ?? 0];
        return Convert.TryFromBase64String(release.Secret ?? "", wrapped, out var length) && length > 0
            ? protector.Unprotect(wrapped.AsSpan(0, length), SecretPurpose(release.Id))
            : throw new StorageCorruptException("the release's secret is missing");
    }

    /// <summary>Ends a publish: the release's row, its job and what is not needed any more, at once.</summary>
    /// <param name="read">The release as the publish began with it.</param>
    /// <param name="settled">What it becomes.</param>
    /// <param name="shards">How many shards there are.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False when it was settled by another, whose result stands.</returns>
    public async Task<bool> SettleAsync(Versioned<ReleaseDocument> read, ReleaseDocument settled, int shards, CancellationToken cancellationToken)
    {
        var isOurs = await catalog.CommitAsync(
            async () =>
            {
                if ((await catalog.ReadAsync(Documents.Release, read.Key, cancellationToken))?.Version != read.Version)
                    return (null, false);
                var writes = new List<CatalogWrite> { Documents.Change(read, settled), await generation.RaiseAsync(cancellationToken) };
                if (await catalog.ReadAsync(Documents.Job, read.Key, cancellationToken) is { } job)
                    writes.Add(Documents.Job.Delete(job));
                var commit = new CatalogCommit
                {
                    Writes = writes,
                    DeletedBlobs = [.. Leftovers(read.Value, settled, shards)],
                    Audit = [new AuditEvent($"release.{settled.State}", "coordinator", store, read.Value.Id, settled.Failure)],
                };
                return (commit, true);
            },
            Busy,
            cancellationToken);
        generation.Drop();
        if (isOurs && read.Value.Blocks is not null)
        {
            await RemovePagesAsync(BlobKind.ShardSums, read.Value, cancellationToken);
            if (settled.State == ReleaseDocument.Failed)
                await RemovePagesAsync(BlobKind.Node, read.Value, cancellationToken);
        }
        return isOurs;
    }

    /// <summary>
    /// Removes the pages of a release of all levels that nothing names any more: too many for the transaction that ended it. What a process that stops here leaves is swept.
    /// </summary>
    private async Task RemovePagesAsync(BlobKind kind, ReleaseDocument release, CancellationToken cancellationToken)
    {
        // So few at once that charges in the same queue do not wait for them.
        const int PagesAtOnce = 8;
        while (await blobs.ListAsync(store, kind, $"{release.Id}-{release.Manifest}-", null, PagesAtOnce, cancellationToken) is { Count: > 0 } page)
            await catalog.CommitAsync(new CatalogCommit { DeletedBlobs = [.. page.Select(blob => blob.Key with { Part = 0 }).Distinct()] }, cancellationToken);
    }

    /// <summary>Retires a release: it answers no more. Repeating it changes nothing.</summary>
    /// <returns>False when it was retired before.</returns>
    public async Task<bool> RetireAsync(string id, string actor, CancellationToken cancellationToken)
    {
        var (retired, isNew) = await catalog.CommitAsync(
            async () =>
            {
                var release = await catalog.ReadAsync(Documents.Release, Documents.Below(store, id), cancellationToken)
                    ?? throw new ProblemException(ProblemCodes.NotFound, "the store has no such release");
                if (release.Value.State == ReleaseDocument.Retired)
                    return (null, (release.Value, false));
                if (release.Value is { State: ReleaseDocument.Publishing, Continual: null })
                    throw new ProblemException(ProblemCodes.Conflict, $"release {id} is being published; retire it when it is done");
                var writes = new List<CatalogWrite>
                {
                    Documents.Release.Replace(release, release.Value with { State = ReleaseDocument.Retired, Secret = null, Sums = null }),
                    await generation.RaiseAsync(cancellationToken),
                };
                if (await catalog.ReadAsync(Documents.Job, release.Key, cancellationToken) is { } job)
                    writes.Add(Documents.Job.Delete(job));
                var commit = new CatalogCommit
                {
                    Writes = writes,
                    DeletedBlobs =
                    [
                        .. release.Value.Nodes.Select(node => new BlobKey(store, BlobKind.Node, node.Blob)),
                        .. (release.Value.Sums ?? []).Select(sums => new BlobKey(store, BlobKind.ShardSums, sums.Blob)),
                    ],
                    Audit = [new AuditEvent("release.retire", actor, store, id, null)],
                };
                return (commit, (release.Value, true));
            },
            Busy,
            cancellationToken);
        generation.Drop();
        if (retired.Blocks is not null)
            await RemovePagesAsync(BlobKind.Node, retired, cancellationToken);
        return isNew;
    }

    /// <summary>Wraps a release's kept secret anew that was not wrapped with the current key; the secret stays the same. Losing a race is as good: it is tried the next time.</summary>
    /// <exception cref="StorageException">As for <see cref="ReadKey"/>.</exception>
    public async Task RewrapAsync(Versioned<ReleaseDocument> read, CancellationToken cancellationToken)
    {
        if (read.Value is not { Secret: { } secret } || read.Value is not ({ State: ReleaseDocument.Published } or { Continual: not null }))
            return;
        var wrapped = new byte[secret.Length];
        if (!Convert.TryFromBase64String(secret, wrapped, out var length))
            throw new StorageCorruptException("the release's secret cannot be read");
        Array.Resize(ref wrapped, length);
        if (protector.IsCurrent(wrapped))
            return;
        var anew = Convert.ToBase64String(protector.Rewrap(wrapped, SecretPurpose(read.Value.Id)));
        await catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Release.Update(read, read.Value with { Secret = anew })] }, cancellationToken);
    }

    /// <summary>The id of a tier's blob.</summary>
    public static string NodeId(ReleaseDocument release, int tier) => $"{release.Id}-{release.Manifest}-{tier}";

    /// <summary>What a release's wrapped secret is for: it opens nothing else.</summary>
    public string SecretPurpose(string release) => $"release secret {store}/{release}";

    private async Task<(CatalogCommit? Commit, string Id)> FreezeAsync(Versioned<StoreDocument> read, PublishCommand command, IReadOnlyList<double> ladder, CancellationToken cancellationToken)
    {
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
            Blocks = directory.ModelOf(read.Value) is TreeModel { Tree.IsContinual: false } model ? model.Tree.ExtentOf(manifest.Slots).Blocks : null,
            Ladder = ladder,
            SegmentsBelow = manifest.Segments.Count == 0 ? 0 : read.Value.NextSegment,
            Manifest = manifestId,
            ManifestBytes = bytes.Length,
            NoiseBinding = Bind(read.Value, manifest, manifestId),
            Secret = NewWrappedSecret(id),
            Continual = ContinualBook.IsContinual(directory.ModelOf(read.Value)) ? new ContinualState() : null,
        };
        var key = Documents.Below(store, id);
        var commit = new CatalogCommit
        {
            Writes =
            [
                // A batch or an erasure that came in between moved the store's row: then this fails and the manifest is built anew.
                Documents.Store.Update(read, read.Value with { NextRelease = read.Value.NextRelease + 1 }),
                Documents.Release.Insert(key, release),
                Documents.Job.Insert(key, new JobDocument(store.Value, id)),
                await generation.RaiseAsync(cancellationToken),
            ],
            RequiredBlobs = SegmentStoreExtensions.PartsOf(store, BlobKind.Manifest, manifestId, bytes.Length),
            Audit = [new AuditEvent("release.freeze", command.Actor, store, id, manifestId)],
        };
        return (commit, id);
    }

    private async Task<ReleaseManifest> BuildManifestAsync(StoreDocument document, string id, IReadOnlyList<double> ladder, CancellationToken cancellationToken)
    {
        // What a continual release holds is frozen block by block; its manifest only names it.
        var isContinual = ContinualBook.IsContinual(directory.ModelOf(document));
        IReadOnlyList<ManifestSegment> segments = isContinual ? [] : await ListSegmentsAsync(document, cancellationToken);
        var slots = segments.Sum(segment => (long)segment.Slots);
        if (slots == 0 && !isContinual)
            throw new ProblemException(ProblemCodes.InvalidRequest, "a store without rows cannot be published; append rows first");
        return new ReleaseManifest
        {
            Salt = ReleaseManifest.NewSalt(),
            Incarnation = store.Value,
            Release = id,
            Definition = document.Definition,
            Ladder = ladder,
            SamplerVersion = KeyedNoise.SamplerVersion,
            Slots = slots,
            Segments = segments,
        };
    }

    private async Task<IReadOnlyList<ManifestSegment>> ListSegmentsAsync(StoreDocument document, CancellationToken cancellationToken)
    {
        var end = Documents.Below(store, Documents.Ordinal(document.NextSegment));
        var segments = new List<ManifestSegment>();
        await foreach (var segment in catalog.ListAsync(Documents.Segment, Documents.Under(store), cancellationToken))
        {
            if (string.CompareOrdinal(segment.Key, end) < 0)
                segments.Add(new ManifestSegment(segment.Value.Blob, segment.Value.Shard, segment.Value.Slots, segment.Value.Digest));
        }
        return segments;
    }

    /// <summary>A continual store has one release at a time: another one, under a price of its own, only once the former is retired or failed.</summary>
    private async Task RequireNoneOpenAsync(CancellationToken cancellationToken)
    {
        if ((await directory.ReleasesAsync(store, cancellationToken)).FirstOrDefault(ContinualBook.IsLive) is { } live)
            throw new ProblemException(ProblemCodes.Conflict, $"a continual store has one release, which grows with it, and this one has {live.Id}; retire it before another is made, which is charged by itself");
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

    /// <summary>Exact sums serve the publish only, unless the release answers from them. Of one that failed nothing is kept that its rows could be guessed from: they may be erased now.</summary>
    private IEnumerable<BlobKey> Leftovers(ReleaseDocument release, ReleaseDocument settled, int shards)
    {
        for (var shard = 0; shard < shards && settled.Sums is null; shard++)
            yield return new BlobKey(store, BlobKind.ShardSums, ShardSum.BlobId(release.Id, release.Manifest, shard));
        if (settled.State != ReleaseDocument.Failed)
            yield break;
        yield return new BlobKey(store, BlobKind.Manifest, release.Manifest);
        for (var tier = 0; tier < release.Ladder.Count; tier++)
            yield return new BlobKey(store, BlobKind.Node, NodeId(release, tier));
    }

    /// <summary>What the noise of a release is bound to: its schema, lattice, ladder, sampler and frozen rows.</summary>
    private string Bind(StoreDocument document, ReleaseManifest manifest, string manifestId)
    {
        var model = directory.ModelOf(document).AsReleased();
        return Convert.ToHexStringLower(model.Bind(model.LadderOf(manifest.Ladder), manifest.Slots, Convert.FromHexString(manifestId)));
    }

    private string? TryBind(StoreDocument document, ReleaseManifest manifest, string manifestId)
    {
        try
        {
            return Bind(document, manifest, manifestId);
        }
        catch (ArgumentException)
        {
            // A definition or a ladder that this version refuses.
            return null;
        }
    }

    private string NewWrappedSecret(string release)
    {
        var secret = ReleaseKey.NewSecret();
        try
        {
            return Convert.ToBase64String(protector.Protect(secret, SecretPurpose(release)));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private static ProblemException Busy() => new(ProblemCodes.Busy, "the store is being changed by others; try again");
}
