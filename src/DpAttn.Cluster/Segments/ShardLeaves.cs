using DpAttn.Attention;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// What one shard contributes to a release of all levels: for each block that holds slots of its segments, the exact sums of these, or a failure. They are persisted page by page (insert if absent)
/// and read from there when they are asked for, so one page is in memory, and a publish that is resumed goes on behind the last page.
/// </summary>
internal sealed class ShardLeaves
{
    private readonly StoreId _store;
    private readonly ReleaseManifest _manifest;
    private readonly string _id;
    private readonly int _shard;
    private readonly TreeModel _model;
    private readonly ISegmentStore _blobs;
    private readonly ScanScheduler _scans;

    // The shard's parts in slot order, and where those of each of its blocks begin.
    private readonly BlockPart[] _parts;
    private readonly int[] _begins;

    public ShardLeaves(StoreId store, int shard, ReleaseManifest manifest, string manifestId, TreeModel model, ISegmentStore blobs, ScanScheduler scans)
    {
        (_store, _shard, _manifest, _model, _blobs, _scans) = (store, shard, manifest, model, blobs, scans);
        _id = ShardSum.BlobId(manifest.Release, manifestId, shard);
        var map = new SlotMap(manifest, model.Tree.BlockRows);
        _parts = [.. map.Parts(0, model.Tree.Tree.Leaves).Where(part => manifest.Segments[part.Segment].Shard == shard)];
        _begins = [.. Enumerable.Range(0, _parts.Length).Where(i => i == 0 || _parts[i].Block != _parts[i - 1].Block)];
    }

    private int Pages => (_begins.Length + _model.NodesPerPage - 1) / _model.NodesPerPage;

    /// <summary>Sums and persists what is not persisted yet.</summary>
    /// <param name="progress">Told the segments done.</param>
    /// <param name="cancellationToken">Stops between pieces.</param>
    /// <returns>No integers, and the slots that were summed.</returns>
    /// <exception cref="StorageCorruptException">A segment is missing, is not the one that was frozen, or holds what this version does not sum.</exception>
    public async Task<ExactSums> ComputeAsync(IProgress<int>? progress, CancellationToken cancellationToken)
    {
        var segment = new OpenSegment(this);
        var done = -1;
        for (var page = 0; page < Pages; page++)
        {
            var (first, end) = BlocksOf(page);
            if (!await IsStoredAsync(page, cancellationToken))
                await StoreAsync(page, await SumAsync(first, end, segment, cancellationToken), cancellationToken);
            for (var i = _begins[first]; i < EndOf(end - 1); i++)
            {
                if (_parts[i].Segment == done || _parts[i].First + _parts[i].Count < _manifest.Segments[_parts[i].Segment].Slots)
                    continue;
                done = _parts[i].Segment;
                progress?.Report(1);
            }
        }
        return new ExactSums([], _parts.Sum(part => (long)part.Count));
    }

    /// <summary>The sums of this shard's blocks among [from, to), in their order, once they are persisted.</summary>
    /// <exception cref="StorageCorruptException">A page is missing or damaged.</exception>
    public async Task<PartSums> ReadAsync(long from, long to, CancellationToken cancellationToken)
    {
        int first = FirstFrom(from), end = FirstFrom(to), size = (int)_model.Dimension, perPage = _model.NodesPerPage;
        var values = new long[checked((end - first) * size)];
        for (var page = first / perPage; page * perPage < end; page++)
        {
            var held = await ReadPageAsync(page, cancellationToken);
            int low = Math.Max(first, page * perPage), high = Math.Min(end, (page + 1) * perPage);
            held.AsSpan((low - page * perPage) * size, (high - low) * size).CopyTo(values.AsSpan((low - first) * size));
        }
        return PartSums.Of(values);
    }

    private async Task<long[]> SumAsync(int first, int end, OpenSegment segment, CancellationToken cancellationToken)
    {
        var size = (int)_model.Dimension;
        var values = new long[(end - first) * size];
        for (var block = first; block < end; block++)
        {
            var sums = MomentMatrix.Empty(_model.Moments);
            for (var i = _begins[block]; i < EndOf(block); i++)
                await segment.AddAsync(_parts[i], sums, cancellationToken);
            sums.Sums.CopyTo(values, (block - first) * size);
        }
        return values;
    }

    private async Task StoreAsync(int page, long[] values, CancellationToken cancellationToken)
    {
        var (first, end) = BlocksOf(page);
        var slots = _parts.AsSpan(_begins[first]..EndOf(end - 1)).ToArray().Sum(part => (long)part.Count);
        if (!await _blobs.PutPartsAsync(_store, BlobKind.ShardSums, PageId(page), NodeCodec.Encode(values, slots), cancellationToken))
            throw new StorageCorruptException($"the sums of shard {_shard} were stored by two writers that disagree");
    }

    /// <summary>Parts are stored in order, so a page that stopped half-way left no last part. One that is damaged is found here, where it fails the release, and not when it is asked for.</summary>
    private async Task<bool> IsStoredAsync(int page, CancellationToken cancellationToken)
    {
        var last = SegmentStoreExtensions.PartsOf(_store, BlobKind.ShardSums, PageId(page), LengthOf(page))[^1];
        if (await _blobs.ReadAsync(last, cancellationToken) is null)
            return false;
        _ = await ReadPageAsync(page, cancellationToken);
        return true;
    }

    private async Task<long[]> ReadPageAsync(int page, CancellationToken cancellationToken)
    {
        var (first, end) = BlocksOf(page);
        var bytes = await _blobs.ReadPartsAsync(_store, BlobKind.ShardSums, PageId(page), LengthOf(page), cancellationToken)
            ?? throw new StorageCorruptException($"sums of shard {_shard} are missing");
        return NodeCodec.Decode(bytes, (end - first) * _model.Dimension).Values;
    }

    private string PageId(int page) => $"{_id}-{page:D6}";

    private (int First, int End) BlocksOf(int page) => (page * _model.NodesPerPage, Math.Min(_begins.Length, (page + 1) * _model.NodesPerPage));

    private int LengthOf(int page)
    {
        var (first, end) = BlocksOf(page);
        return NodeCodec.LengthOf((end - first) * _model.Dimension);
    }

    private int EndOf(int block) => block + 1 < _begins.Length ? _begins[block + 1] : _parts.Length;

    /// <summary>The first of this shard's blocks that is not before a block.</summary>
    private int FirstFrom(long block)
    {
        int low = 0, high = _begins.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_parts[_begins[middle]].Block < block)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    /// <summary>The segment at hand: parts come in slot order, so each is read once for a page.</summary>
    private sealed class OpenSegment(ShardLeaves leaves)
    {
        private int _segment = -1;
        private RowSet? _rows;
        private MomentAccumulator? _clipping;
        private MomentAccumulator? _checking;
        private bool _clip;

        public async Task AddAsync(BlockPart part, MomentMatrix sums, CancellationToken cancellationToken)
        {
            var segment = leaves._manifest.Segments[part.Segment];
            if (part.Segment != _segment)
            {
                var bytes = await leaves._blobs.ReadAsync(new BlobKey(leaves._store, BlobKind.Segment, segment.Blob), cancellationToken)
                    ?? throw new StorageCorruptException($"segment {segment.Blob} is missing");
                (_rows, _clip) = await leaves._scans.RunWhenFreeAsync(() => StoredSegment.Open(segment, bytes, leaves._model.Schema), cancellationToken);
                _segment = part.Segment;
            }
            // One of each for all pieces: its room is far larger than a block of a few rows.
            var accumulator = _clip ? _clipping ??= new MomentAccumulator(leaves._model.Moments, clip: true) : _checking ??= new MomentAccumulator(leaves._model.Moments, clip: false);
            await ShardSum.AddAsync(
                leaves._model, segment, _rows!.Slice(part.First, part.Count), piece => sums.Add(accumulator.SumOf(piece, cancellationToken)), leaves._scans, cancellationToken);
        }
    }
}
