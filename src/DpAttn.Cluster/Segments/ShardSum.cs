using System.Security.Cryptography;
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
    // About a quarter of a second: uploads wait for the same threads.
    private const long ProductsPerPiece = 1L << 29;
    private const long FewestRowsPerPiece = 512;

    public static string BlobId(string release, string manifest, int shard) => $"{release}-{manifest}-{shard:D4}";

    /// <summary>The sums of a manifest's segments of this shard.</summary>
    /// <param name="manifest">The frozen manifest.</param>
    /// <param name="manifestId">Its digest.</param>
    /// <param name="model">The store's mechanism.</param>
    /// <param name="progress">Told the segments done.</param>
    /// <param name="cancellationToken">Stops between segments.</param>
    /// <exception cref="StorageCorruptException">A segment is missing, is not the one that was frozen, or holds what this version does not sum.</exception>
    public async Task<ExactSums> ComputeAsync(ReleaseManifest manifest, string manifestId, ReleasedModel model, IProgress<int>? progress, CancellationToken cancellationToken)
    {
        var id = BlobId(manifest.Release, manifestId, shard);
        if (await ReadPersistedAsync(id, model, cancellationToken) is { } persisted)
            return persisted;
        var total = ExactSums.Empty(model);
        foreach (var segment in manifest.Segments.Where(segment => segment.Shard == shard))
        {
            await AddAsync(model, total, segment, cancellationToken);
            progress?.Report(1);
        }
        var bytes = NodeCodec.Encode(total.Values, total.Slots);
        var isOwn = await blobs.PutPartsAsync(store, BlobKind.ShardSums, id, bytes, cancellationToken);
        if (!isOwn && model is DistanceModel)
            throw new StorageCorruptException($"the sums of shard {shard} were stored by two writers that disagree");
        total.Digest = DigestOf(model, bytes);
        return total;
    }

    private async Task AddAsync(ReleasedModel model, ExactSums total, ManifestSegment segment, CancellationToken cancellationToken)
    {
        var bytes = await blobs.ReadAsync(new BlobKey(store, BlobKind.Segment, segment.Blob), cancellationToken)
            ?? throw new StorageCorruptException($"segment {segment.Blob} is missing");
        var (rows, clip) = await scans.RunWhenFreeAsync(() => StoredSegment.Open(segment, bytes, model.Schema), cancellationToken);
        if (rows is not null)
            await AddAsync(model, segment, rows, piece => model.AddTo(total, piece, clip, cancellationToken), scans, cancellationToken);
    }

    /// <summary>Adds rows of a segment, piece by piece.</summary>
    /// <exception cref="StorageCorruptException">One of them is none that this version sums.</exception>
    public static async Task AddAsync(ReleasedModel model, ManifestSegment segment, RowSet rows, Action<RowSet> add, ScanScheduler scans, CancellationToken cancellationToken)
    {
        var size = (int)Math.Clamp(ProductsPerPiece / model.ProductsPerRow, FewestRowsPerPiece, int.MaxValue);
        for (var start = 0; start < rows.Count; start += size)
        {
            var piece = rows.Slice(start, Math.Min(size, rows.Count - start));
            await scans.RunWhenFreeAsync(() => Add(segment, piece, add), cancellationToken);
        }
    }

    private static int Add(ManifestSegment segment, RowSet rows, Action<RowSet> add)
    {
        try
        {
            add(rows);
            return rows.Count;
        }
        catch (ArgumentException e)
        {
            throw StoredSegment.Refused(segment, e);
        }
    }

    /// <summary>The sums, if all their parts were stored: they are stored in order, so one that stopped half-way left no last part.</summary>
    private async Task<ExactSums?> ReadPersistedAsync(string id, ReleasedModel model, CancellationToken cancellationToken)
    {
        var length = NodeCodec.LengthOf(model.Dimension);
        var last = SegmentStoreExtensions.PartsOf(store, BlobKind.ShardSums, id, length)[^1];
        if (await blobs.ReadAsync(last, cancellationToken) is null)
            return null;
        var bytes = await blobs.ReadPartsAsync(store, BlobKind.ShardSums, id, length, cancellationToken);
        if (bytes is null)
            return null;
        var (values, slots) = NodeCodec.Decode(bytes, model.Dimension);
        return new ExactSums(values, slots) { Digest = DigestOf(model, bytes) };
    }

    /// <summary>Of sums that are kept the release names the digest: what is read later is what was published.</summary>
    private static byte[]? DigestOf(ReleasedModel model, byte[] bytes) => model is DistanceModel ? SHA256.HashData(bytes) : null;
}
