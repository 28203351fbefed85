using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The rows of one shard of a per-query store, ready for queries: loaded when they are first needed, a segment at a time, so that what was loaded stays when a call
/// gives up; only what is new is loaded later, and what was erased is let go, at the latest by the next query of a newer row set.
/// </summary>
internal sealed class ShardRows(StoreId store, int shard, PerQueryModel model, RowSets rowSets, ISegmentStore blobs, ScanScheduler scans, RowMemory memory) : IDisposable
{
    // About 50 ms: uploads and other queries wait for the same threads.
    private const long ProductsPerPiece = 1L << 26;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, PerQueryRows?> _held = [];
    private RowVersion _newest;
    private bool _isDisposed;

    /// <summary>Bytes held.</summary>
    public long Bytes { get; private set; }

    /// <summary>The exact sums of exactly a row set's segments of this shard, for different queries within their bounds.</summary>
    /// <param name="command">The row set and the queries.</param>
    /// <param name="patience">How long to load before the caller is told to come again.</param>
    /// <param name="cancellationToken">Gives up; what is loaded stays.</param>
    /// <exception cref="StorageCorruptException">A segment is missing, is not the one that was committed, or holds what this version does not sum.</exception>
    /// <exception cref="ProblemException">rows_changed: rows of the set were erased; busy: still loading; shard_unavailable: no room, or another row set than is asked for.</exception>
    public async Task<LongBlock> SumAsync(QuerySumsCommand command, TimeSpan patience, CancellationToken cancellationToken)
    {
        var snapshot = await rowSets.FindAsync(store, command.Version, cancellationToken) ?? throw RowsChanged();
        if (!snapshot.Digest.AsSpan().SequenceEqual(command.Digest))
            throw new ProblemException(ProblemCodes.ShardUnavailable, "the shard reads another row set than it is asked for");
        try
        {
            return new LongBlock(await SumAsync(snapshot, command.ToMatrix(), patience, cancellationToken));
        }
        catch (StorageCorruptException)
        {
            // A segment that was erased from while it was to be loaded is as missing as one that is lost.
            if (await rowSets.IsGoneAsync(snapshot, cancellationToken))
                throw RowsChanged();
            throw;
        }
    }

    /// <summary>Lets a segment go that is being written anew without one of its rows.</summary>
    public void Drop(string blob)
    {
        if (!_held.Remove(blob, out var rows) || rows is null)
            return;
        Bytes -= rows.Bytes;
        memory.Give(rows.Bytes);
    }

    /// <summary>Lets everything go.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        foreach (var blob in _held.Keys.ToArray())
            Drop(blob);
    }

    private async Task<long[]> SumAsync(RowSnapshot snapshot, Matrix<double> queries, TimeSpan patience, CancellationToken cancellationToken)
    {
        var rows = await LoadWithinAsync(snapshot, patience, cancellationToken);
        var sums = new long[queries.Rows * model.Parameters.Columns];
        for (var start = 0; start < rows.Count;)
        {
            var end = start;
            for (long products = 0; end < rows.Count && (end == start || products < ProductsPerPiece); end++)
                products += queries.Rows * model.ProductsPerQuery(rows[end].Slots);
            var (from, to) = (start, end);
            await scans.RunWhenFreeAsync(() => Add(sums, queries, rows, from, to, cancellationToken), cancellationToken);
            start = end;
        }
        return sums;
    }

    private async Task<IReadOnlyList<PerQueryRows>> LoadWithinAsync(RowSnapshot snapshot, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stop.CancelAfter(patience);
        try
        {
            return await LoadAsync(snapshot, stop.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ProblemException(ProblemCodes.Busy, "the shard is still loading its rows");
        }
    }

    private async Task<IReadOnlyList<PerQueryRows>> LoadAsync(RowSnapshot snapshot, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (snapshot.Version != _newest && snapshot.Version.IsAtLeast(_newest))
            {
                _newest = snapshot.Version;
                var named = snapshot.OfShard(shard).Select(segment => segment.Blob).ToHashSet();
                foreach (var gone in _held.Keys.Where(blob => !named.Contains(blob)).ToArray())
                    Drop(gone);
            }
            var rows = new List<PerQueryRows>();
            foreach (var segment in snapshot.OfShard(shard))
            {
                if (!_held.TryGetValue(segment.Blob, out var held))
                    held = await LoadAsync(segment, cancellationToken);
                if (held is not null)
                    rows.Add(held);
            }
            return rows;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<PerQueryRows?> LoadAsync(ManifestSegment segment, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var taken = model.BytesOf(segment.Slots);
        memory.Take(taken);
        try
        {
            var bytes = await blobs.ReadAsync(new BlobKey(store, BlobKind.Segment, segment.Blob), cancellationToken)
                ?? throw new StorageCorruptException($"segment {segment.Blob} is missing");
            var rows = await scans.RunWhenFreeAsync(() => Prepare(segment, bytes, cancellationToken), cancellationToken);
            var actual = rows?.Bytes ?? 0;
            memory.Give(taken - actual);
            taken = actual;
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _held.Add(segment.Blob, rows);
            Bytes += actual;
            return rows;
        }
        catch
        {
            memory.Give(taken);
            throw;
        }
    }

    private PerQueryRows? Prepare(ManifestSegment segment, byte[] bytes, CancellationToken cancellationToken)
    {
        var (rows, clip) = StoredSegment.Open(segment, bytes, model.Schema);
        try
        {
            return rows is null ? null : PerQueryRows.Prepare(model.Parameters, rows, clip, cancellationToken);
        }
        catch (ArgumentException e)
        {
            throw StoredSegment.Refused(segment, e);
        }
    }

    private static ProblemException RowsChanged() => new(IShardQueries.RowsChanged, "rows were erased from this row set");

    private static bool Add(long[] sums, Matrix<double> queries, IReadOnlyList<PerQueryRows> rows, int from, int to, CancellationToken cancellationToken)
    {
        for (var i = from; i < to; i++)
            PerQuerySums.AddTo(sums, queries, rows[i], cancellationToken);
        return true;
    }
}
