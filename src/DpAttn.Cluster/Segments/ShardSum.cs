using DpAttn.Attention;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// What one shard contributes to a release: the exact sum of exactly the manifest's segments that are its own, or a failure. The sum is persisted
/// (insert if absent), so a publish that is resumed does not start anew.
/// </summary>
internal sealed class ShardSum(StoreId store, int shard, ISegmentStore blobs, ScanScheduler scans)
{
    public static string BlobId(string release, string manifest, int shard) => $"{release}-{manifest}-{shard:D4}";

    /// <summary>The sums of a manifest's segments of this shard.</summary>
    /// <param name="manifest">The frozen manifest.</param>
    /// <param name="manifestId">Its digest.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="progress">Told the segments done.</param>
    /// <param name="cancellationToken">Stops between segments.</param>
    /// <exception cref="StorageCorruptException">A segment is missing, or is not the one that was frozen.</exception>
    public async Task<MomentMatrix> ComputeAsync(ReleaseManifest manifest, string manifestId, MomentParameters parameters, IProgress<int>? progress, CancellationToken cancellationToken)
    {
        var id = BlobId(manifest.Release, manifestId, shard);
        if (await ReadPersistedAsync(id, parameters, cancellationToken) is { } persisted)
            return persisted;
        var total = MomentMatrix.Empty(parameters);
        foreach (var segment in manifest.Segments.Where(segment => segment.Shard == shard))
        {
            await AddAsync(total, segment, cancellationToken);
            progress?.Report(1);
        }
        await blobs.PutPartsAsync(store, BlobKind.ShardSums, id, NodeCodec.Encode(total.Sums, total.Slots), cancellationToken);
        // What is used is what is stored, whoever wrote it.
        return await ReadPersistedAsync(id, parameters, cancellationToken) ?? throw new StorageCorruptException($"the sums of shard {shard} were stored and cannot be read");
    }

    private async Task AddAsync(MomentMatrix total, ManifestSegment segment, CancellationToken cancellationToken)
    {
        var bytes = await blobs.ReadAsync(new BlobKey(store, BlobKind.Segment, segment.Blob), cancellationToken)
            ?? throw new StorageCorruptException($"segment {segment.Blob} is missing");
        await scans.RunAsync(
            () =>
            {
                if (ReleaseManifest.IdOf(bytes) != segment.Digest)
                    throw new StorageCorruptException($"segment {segment.Blob} is not the one that was frozen");
                var (rows, clip) = SegmentCodec.Decode(bytes, total.Parameters.Schema);
                if ((rows?.Count ?? 0) != segment.Slots)
                    throw new StorageCorruptException($"segment {segment.Blob} has other slots than were frozen");
                if (rows is not null)
                    MomentAccumulator.AddTo(total, rows, clip, cancellationToken);
                return true;
            },
            cancellationToken);
    }

    private async Task<MomentMatrix?> ReadPersistedAsync(string id, MomentParameters parameters, CancellationToken cancellationToken)
    {
        var length = NodeCodec.Encode([], 0).Length + parameters.Dimension * sizeof(long);
        var bytes = await blobs.ReadPartsAsync(store, BlobKind.ShardSums, id, checked((int)length), cancellationToken);
        if (bytes is null)
            return null;
        var (values, slots) = NodeCodec.Decode(bytes, parameters.Dimension);
        return new MomentMatrix(parameters, values, slots);
    }
}
