using System.Security.Cryptography;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

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
    ReleaseBook releases,
    ScanScheduler scans,
    INoiseSources noise,
    FanOut fanOut,
    TimeProvider clock)
{
    // Of the whole, in per cent: sums, gathering, noise and nodes.
    private const double SumsDone = 0.9;
    private const double GatheringDone = 0.92;
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);
    private double _progress;

    /// <summary>The store's mechanism; null until the store was read.</summary>
    public string? Mechanism { get; private set; }

    /// <summary>From 0 to 1.</summary>
    public double Progress => Volatile.Read(ref _progress);

    public async Task<PublishOutcome> RunAsync(IShardSums shards, CancellationToken cancellationToken)
    {
        var read = await catalog.ReadAsync(Documents.Release, Documents.Below(store, releaseId), cancellationToken);
        var document = (await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken))?.Value;
        if (read is not { Value.State: ReleaseDocument.Publishing } || document is not { State: StoreDocument.Active })
            return PublishOutcome.Settled;
        Mechanism = document.Definition.Mechanism.Name;
        ReleaseDocument settled;
        try
        {
            var manifest = await releases.ReadManifestAsync(read.Value, document, cancellationToken);
            var key = releases.ReadKey(read.Value);
            var sums = await SumAsync(shards, document.Definition.Shards, manifest, cancellationToken);
            settled = directory.ModelOf(document).AsReleased() switch
            {
                StoredModel model => read.Value with { State = ReleaseDocument.Published, Nodes = await StoreNodesAsync(shards, read.Value, document, model, key, cancellationToken), Secret = null },
                TreeModel model => read.Value with { State = ReleaseDocument.Published, Nodes = await StoreTreeAsync(shards, read.Value, manifest, model, key, cancellationToken), Secret = null },
                _ => read.Value with { State = ReleaseDocument.Published, Sums = [.. sums.Select((progress, shard) => Kept(read.Value, document, shard, progress))] },
            };
        }
        catch (StorageCorruptException e)
        {
            // No retry can help: what was frozen is not there any more.
            settled = read.Value with { State = ReleaseDocument.Failed, Failure = e.Message, Secret = null };
        }
        catch (ProblemException)
        {
            // Sums of blocks go as soon as a release is settled: whoever was slower finds them gone.
            if ((await catalog.ReadAsync(Documents.Release, read.Key, cancellationToken))?.Value.State == ReleaseDocument.Publishing)
                throw;
            await ForgetAsync(shards, document.Definition.Shards, cancellationToken);
            return PublishOutcome.Settled;
        }
        var isOurs = await releases.SettleAsync(read, settled, document.Definition.Shards, cancellationToken);
        Volatile.Write(ref _progress, 1);
        await ForgetAsync(shards, document.Definition.Shards, cancellationToken);
        return !isOurs ? PublishOutcome.Settled : settled.State == ReleaseDocument.Failed ? PublishOutcome.Failed : PublishOutcome.Published;
    }

    /// <summary>A release that answers from exact sums names those that its shards persisted. Its noise meets them, and no others, part by part.</summary>
    private NodeDocument Kept(ReleaseDocument release, StoreDocument document, int shard, ShardProgress progress) => progress.Digest is { } digest
        ? new NodeDocument(ShardSum.BlobId(release.Id, release.Manifest, shard), NodeCodec.LengthOf(directory.ModelOf(document).AsReleased().Dimension), Convert.ToHexStringLower(digest))
        : throw new ProblemException(ProblemCodes.ShardUnavailable, $"shard {shard} is of a version that keeps no sums");

    /// <summary>Exact sums of all shards: all of them, or a failure.</summary>
    private async Task<ExactSums> GatherAsync(IShardSums shards, int count, StoredModel model, long slots, CancellationToken cancellationToken)
    {
        // Block by block, so that a shard's sums are never in memory twice; added in the order of arrival: integers do not mind.
        var total = ExactSums.Empty(model);
        var length = total.Values.Length;
        for (var start = 0; start < length; start += LongBlock.MostValues)
        {
            int from = start, size = Math.Min(LongBlock.MostValues, length - start);
            await fanOut.RunAsync(
                count,
                (shard, token) => shards.ReadAsync(shard, from, size, token),
                (shard, block) => LongBlock.Add(total.Values.AsSpan(from, size), shard, block.Values),
                cancellationToken);
        }
        total.Slots = slots;
        Volatile.Write(ref _progress, GatheringDone);
        return total;
    }

    /// <summary>Has every shard sum its segments, and waits until all are done.</summary>
    /// <returns>What each says of its sums, which are of exactly the frozen slots.</returns>
    private async Task<ShardProgress[]> SumAsync(IShardSums shards, int count, ReleaseManifest manifest, CancellationToken cancellationToken)
    {
        var done = new ShardProgress[count];
        for (var pause = ShortestPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            await fanOut.RunAsync(count, shards.SumAsync, (shard, progress) => done[shard] = progress, cancellationToken);
            if (Array.Find(done, progress => progress.Failure is not null) is { Failure: { } failure })
                throw new StorageCorruptException(failure);
            var segments = done.Sum(progress => (long)progress.Segments);
            Volatile.Write(ref _progress, SumsDone * done.Sum(progress => (long)progress.SegmentsDone) / Math.Max(1, segments));
            if (done.All(progress => progress.IsDone))
            {
                var slots = done.Sum(progress => progress.Slots);
                return slots == manifest.Slots ? done : throw new StorageCorruptException($"the shards summed {slots} slots where {manifest.Slots} were frozen");
            }
            await Task.Delay(pause, clock, cancellationToken);
        }
    }

    private async Task<IReadOnlyList<NodeDocument>> StoreNodesAsync(
        IShardSums shards, ReleaseDocument release, StoreDocument document, StoredModel model, ReleaseKey key, CancellationToken cancellationToken)
    {
        var exact = await GatherAsync(shards, document.Definition.Shards, model, release.Slots, cancellationToken);
        var ladder = model.LadderOf(release.Ladder);
        var noised = await scans.RunWhenFreeAsync(() => model.AddNoise(exact, ladder, noise.Of(key)), cancellationToken);
        var nodes = new List<NodeDocument>();
        for (var tier = 0; tier < noised.Count; tier++)
        {
            var bytes = NodeCodec.Encode(noised[tier], exact.Slots);
            var blob = ReleaseBook.NodeId(release, tier);
            // What is named is what is stored, whoever wrote it.
            var stored = await blobs.StoreNodeAsync(store, blob, bytes, $"tier {tier}", cancellationToken);
            nodes.Add(new NodeDocument(blob, stored.Length, Convert.ToHexStringLower(SHA256.HashData(stored))));
            Volatile.Write(ref _progress, GatheringDone + (1 - GatheringDone) * nodes.Count / noised.Count);
        }
        return nodes;
    }

    private Task<IReadOnlyList<NodeDocument>> StoreTreeAsync(
        IShardSums shards, ReleaseDocument release, ReleaseManifest manifest, TreeModel model, ReleaseKey key, CancellationToken cancellationToken) =>
        new TreePublish(store, release, manifest, model, blobs, scans, fanOut)
            .RunAsync(shards, noise.Of(key), share => Volatile.Write(ref _progress, SumsDone + (1 - SumsDone) * share), cancellationToken);

    /// <summary>Tells the shards that their sums are not needed any more. One that does not hear it forgets them when it is idle.</summary>
    private async Task ForgetAsync(IShardSums shards, int count, CancellationToken cancellationToken)
    {
        try
        {
            await fanOut.TellAsync(count, shards.ForgetAsync, cancellationToken);
        }
        catch (ProblemException)
        {
            // The publish is settled all the same.
        }
    }
}
