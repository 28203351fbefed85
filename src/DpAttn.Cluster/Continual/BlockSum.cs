using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>What one shard contributes to the nodes over some frozen blocks: the exact sum of exactly the frozen rows that are its own, or a failure.</summary>
internal sealed class BlockSum(StoreId store, int shard, ICatalog catalog, ISegmentStore blobs, ScanScheduler scans)
{
    /// <summary>The sums of the blocks' rows of this shard.</summary>
    /// <exception cref="StorageCorruptException">A content, a segment or a row of one is not the one that was frozen.</exception>
    public async Task<ExactSums> ComputeAsync(BlockSumCommand command, TreeModel model, IProgress<int>? progress, CancellationToken cancellationToken)
    {
        var total = ExactSums.Empty(model);
        for (var i = 0; i < command.Contents.Length; i++)
        {
            var content = await ReadAsync(command, i, cancellationToken);
            foreach (var piece in content.Pieces.Where(piece => piece.Shard == shard))
                await AddAsync(model, total, piece, cancellationToken);
            progress?.Report(1);
        }
        return total;
    }

    /// <summary>What freezes some rows of a segment.</summary>
    public async Task<SegmentSlice> SliceAsync(SliceCommand command, TreeModel model, CancellationToken cancellationToken)
    {
        if (await blobs.ReadAsync(new BlobKey(store, BlobKind.Segment, command.Blob), cancellationToken) is not { } bytes)
            return new SegmentSlice(0, 0, "");
        return await scans.RunWhenFreeAsync(
            () =>
            {
                var rows = command.ToEnd
                    ? SegmentCodec.CountRows(bytes) - command.FirstRow
                    : SegmentCodec.CountRowsOf(bytes, command.FirstRow, command.Slots, model.Schema.Adjacency == Attention.Adjacency.AddRemove);
                var slice = SegmentCodec.Slice(bytes, command.FirstRow, rows);
                return new SegmentSlice(rows, SegmentCodec.Decode(slice, model.Schema).Rows?.Count ?? 0, ReleaseManifest.IdOf(slice));
            },
            cancellationToken);
    }

    private async Task<BlockContent> ReadAsync(BlockSumCommand command, int index, CancellationToken cancellationToken)
    {
        var (block, digest) = (command.FirstBlock + index, command.Contents[index]);
        var bytes = await blobs.ReadPartsAsync(store, BlobKind.Manifest, BlockContent.BlobId(command.Release, block, digest), command.ContentBytes[index], cancellationToken);
        var content = BlockContent.Parse(bytes, block, digest);
        return content.Incarnation == store.Value && content.Release == command.Release
            ? content
            : throw new StorageCorruptException($"the content of block {block} belongs to another release");
    }

    private async Task AddAsync(TreeModel model, ExactSums total, FrozenPiece piece, CancellationToken cancellationToken)
    {
        var (segment, bytes) = await ReadSegmentAsync(piece, cancellationToken);
        var frozen = new ManifestSegment(segment.Blob, shard, piece.Slots, piece.Digest);
        var (rows, clip) = await scans.RunWhenFreeAsync(() => StoredSegment.Open(frozen, SliceOf(segment, bytes, piece), model.Schema), cancellationToken);
        if (rows is not null)
            await ShardSum.AddAsync(model, frozen, rows, rowsOfPiece => model.AddTo(total, rowsOfPiece, clip, cancellationToken), scans, cancellationToken);
    }

    /// <summary>The segment as it is stored now: other rows of it may have been erased since its rows were frozen.</summary>
    private async Task<(SegmentDocument Segment, byte[] Bytes)> ReadSegmentAsync(FrozenPiece piece, CancellationToken cancellationToken)
    {
        string? missing = null;
        while (true)
        {
            var segment = (await catalog.ReadAsync(Documents.Segment, Documents.Below(store, Documents.Ordinal(piece.Segment)), cancellationToken))?.Value;
            if (segment is null || segment.Blob == missing)
                throw new StorageCorruptException($"segment {segment?.Blob ?? piece.Segment.ToString()} is missing");
            if (await blobs.ReadAsync(new BlobKey(store, BlobKind.Segment, segment.Blob), cancellationToken) is { } bytes)
                return (segment, bytes);
            missing = segment.Blob;
        }
    }

    private static byte[] SliceOf(SegmentDocument segment, byte[] bytes, FrozenPiece piece)
    {
        var rows = SegmentCodec.CountRows(bytes);
        if (piece.FirstRow == 0 && piece.Rows == rows)
            return bytes;
        return piece.FirstRow + piece.Rows <= rows
            ? SegmentCodec.Slice(bytes, piece.FirstRow, piece.Rows)
            : throw new StorageCorruptException($"segment {segment.Blob} has fewer rows than were frozen");
    }
}
