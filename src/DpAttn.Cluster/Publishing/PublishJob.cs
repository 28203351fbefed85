using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>How a publish reaches the shards.</summary>
internal interface IShardSums
{
    /// <summary>Starts a shard's sums, or says how far they are.</summary>
    Task<ShardProgress> SumAsync(int shard, CancellationToken cancellationToken);

    /// <summary>A piece of a shard's finished sums.</summary>
    Task<LongBlock> ReadAsync(int shard, int start, int count, CancellationToken cancellationToken);

    /// <summary>Tells a shard that its sums are not needed any more.</summary>
    Task ForgetAsync(int shard, CancellationToken cancellationToken);
}

/// <summary>What a publish ended with.</summary>
internal enum PublishOutcome
{
    /// <summary>This run published.</summary>
    Published,

    /// <summary>It was published, retired or failed before; this run's result, if any, was discarded.</summary>
    Settled,

    /// <summary>It can never be published; the release says why.</summary>
    Failed,
}

/// <summary>
/// One publish, without Orleans: sums of exactly the manifest from all shards or none, noise once, nodes persisted before first use. Every step may be
/// repeated: noise is a pure function of the frozen manifest and the release's secret, and blobs are inserted if absent.
/// </summary>
internal sealed class PublishJob(
    StoreId store,
    string releaseId,
    ICatalog catalog,
    ISegmentStore blobs,
    StoreDirectory directory,
    StoreBook book,
    Generation generation,
    SecretProtector protector,
    ScanScheduler scans,
    FanOut fanOut,
    TimeProvider clock)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);
    private double _progress;

    /// <summary>From 0 to 1.</summary>
    public double Progress => Volatile.Read(ref _progress);

    public async Task<PublishOutcome> RunAsync(IShardSums shards, CancellationToken cancellationToken)
    {
        var read = await catalog.ReadAsync(Documents.Release, Documents.Below(store, releaseId), cancellationToken);
        if (read is null || read.Value.State != ReleaseDocument.Publishing)
            return PublishOutcome.Settled;
        var document = (await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken))?.Value;
        if (document is not { State: StoreDocument.Active })
            return PublishOutcome.Settled;
        try
        {
            var manifest = await ReadManifestAsync(read.Value, document, cancellationToken);
            var exact = await GatherAsync(shards, document.Definition.Shards, manifest, directory.ParametersOf(document), cancellationToken);
            var nodes = await AddNoiseAsync(read.Value, document, exact, cancellationToken);
            var published = read.Value with { State = ReleaseDocument.Published, Nodes = nodes, Secret = null };
            if (!await SettleAsync(read, published, document.Definition.Shards, cancellationToken))
                return PublishOutcome.Settled;
            for (var shard = 0; shard < document.Definition.Shards; shard++)
                await shards.ForgetAsync(shard, cancellationToken);
            return PublishOutcome.Published;
        }
        catch (StorageCorruptException e)
        {
            // No retry can help: what was frozen is not there any more.
            await SettleAsync(read, read.Value with { State = ReleaseDocument.Failed, Secret = null, Failure = e.Message }, document.Definition.Shards, cancellationToken);
            return PublishOutcome.Failed;
        }
    }

    private async Task<ReleaseManifest> ReadManifestAsync(ReleaseDocument release, StoreDocument document, CancellationToken cancellationToken)
    {
        var bytes = await blobs.ReadPartsAsync(store, BlobKind.Manifest, release.Manifest, release.ManifestBytes, cancellationToken)
            ?? throw new StorageCorruptException("the manifest is missing");
        if (ReleaseManifest.IdOf(bytes) != release.Manifest)
            throw new StorageCorruptException("the manifest is not the one that was frozen");
        var manifest = ReleaseManifest.Parse(bytes);
        if (manifest.Incarnation != store.Value || manifest.Release != releaseId)
            throw new StorageCorruptException("the manifest belongs to another release");
        // Another binary may round other coefficients: its sums must not meet noise that was meant for these.
        if (manifest.SamplerVersion != KeyedNoise.SamplerVersion || book.NoiseBinding(document, manifest, release.Manifest) != release.NoiseBinding)
            throw new StorageCorruptException("the release was frozen by a version whose lattice or sampler this one does not have; publish anew");
        return manifest;
    }

    /// <summary>Exact sums of all shards: all of them, of exactly the frozen slots, or a failure.</summary>
    private async Task<MomentMatrix> GatherAsync(IShardSums shards, int count, ReleaseManifest manifest, MomentParameters parameters, CancellationToken cancellationToken)
    {
        var done = new ShardProgress[count];
        while (true)
        {
            await fanOut.RunAsync(count, shards.SumAsync, (shard, progress) => done[shard] = progress, cancellationToken);
            if (Array.Find(done, progress => progress.Failure is not null) is { Failure: { } failure })
                throw new StorageCorruptException(failure);
            var segments = done.Sum(progress => progress.Segments);
            Volatile.Write(ref _progress, 0.9 * done.Sum(progress => progress.SegmentsDone) / Math.Max(1, segments));
            if (done.All(progress => progress.IsDone))
                break;
            await Task.Delay(PollInterval, clock, cancellationToken);
        }
        var slots = done.Sum(progress => progress.Slots);
        if (slots != manifest.Slots)
            throw new StorageCorruptException($"the shards summed {slots} slots where {manifest.Slots} were frozen");

        // Block by block, so that a shard's sums are never in memory twice; added in the order of arrival: integers do not mind.
        var total = MomentMatrix.Empty(parameters);
        var length = checked((int)parameters.Dimension);
        for (var start = 0; start < length; start += LongBlock.MostValues)
        {
            int from = start, size = Math.Min(LongBlock.MostValues, length - start);
            await fanOut.RunAsync(
                count,
                (shard, token) => shards.ReadAsync(shard, from, size, token),
                (shard, block) =>
                {
                    if (block.Values.Length != size)
                        throw new StorageCorruptException($"shard {shard} sent {block.Values.Length} sums where {size} belong");
                    for (var i = 0; i < size; i++)
                        total.Sums[from + i] = checked(total.Sums[from + i] + block.Values[i]);
                },
                cancellationToken);
        }
        total.AddSlots(slots);
        Volatile.Write(ref _progress, 0.92);
        return total;
    }

    private async Task<IReadOnlyList<NodeDocument>> AddNoiseAsync(ReleaseDocument release, StoreDocument document, MomentMatrix exact, CancellationToken cancellationToken)
    {
        var ladder = SchemaFactory.Ladder(exact.Parameters, release.Ladder, new Delta(document.Definition.Delta));
        var secret = protector.Unprotect(Convert.FromBase64String(release.Secret!), book.SecretPurpose(release.Id));
        MomentRelease noised;
        try
        {
            var key = ReleaseKey.Derive(secret, Convert.FromHexString(release.NoiseBinding));
            noised = await scans.RunAsync(() => MomentRelease.Publish(exact, ladder, key), cancellationToken);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
        var nodes = new List<NodeDocument>();
        foreach (var tier in noised.Tiers)
        {
            var bytes = NodeCodec.Encode(tier.Values, tier.Slots);
            var blob = $"{release.Id}-{release.Manifest}-{tier.Tier}";
            await blobs.PutPartsAsync(store, BlobKind.Node, blob, bytes, cancellationToken);
            // What is named is what is stored, whoever wrote it.
            var stored = await blobs.ReadPartsAsync(store, BlobKind.Node, blob, bytes.Length, cancellationToken)
                ?? throw new StorageCorruptException($"tier {tier.Tier} was stored and cannot be read");
            nodes.Add(new NodeDocument(blob, stored.Length, Convert.ToHexStringLower(SHA256.HashData(stored))));
            Volatile.Write(ref _progress, 0.92 + 0.08 * nodes.Count / noised.Tiers.Count);
        }
        return nodes;
    }

    /// <summary>The compare-and-set that ends a publish: the release's row, its job and the exact sums at once.</summary>
    private async Task<bool> SettleAsync(Versioned<ReleaseDocument> read, ReleaseDocument settled, int shards, CancellationToken cancellationToken)
    {
        const int MostAttempts = 8;
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var writes = new List<CatalogWrite> { Documents.Release.Update(read, settled), await generation.RaiseAsync(cancellationToken) };
            if (await catalog.ReadAsync(Documents.Job, read.Key, cancellationToken) is { } job)
                writes.Add(Documents.Job.Delete(job));
            var commit = new CatalogCommit
            {
                Writes = writes,
                DeletedBlobs = [.. Enumerable.Range(0, shards).Select(shard => new BlobKey(store, BlobKind.ShardSums, ShardSum.BlobId(releaseId, read.Value.Manifest, shard)))],
                Audit = [new AuditEvent($"release.{settled.State}", "coordinator", store, releaseId, settled.Failure)],
            };
            if (await catalog.CommitAsync(commit, cancellationToken))
            {
                Volatile.Write(ref _progress, 1);
                generation.Drop();
                return true;
            }
            var now = await catalog.ReadAsync(Documents.Release, read.Key, cancellationToken);
            if (now is null || now.Version != read.Version)
                return false;
        }
        return false;
    }
}
