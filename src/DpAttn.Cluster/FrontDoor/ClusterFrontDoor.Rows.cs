using DpAttn.Attention;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

internal sealed partial class ClusterFrontDoor
{
    private const int SegmentsInFlight = 4;

    public async Task<AppendResult> AppendAsync(Principal caller, string store, string batch, RowBatch rows, CancellationToken cancellationToken = default)
    {
        var owned = await OwnedAsync(caller, store, cancellationToken);
        var batchKey = KeyOfBatch(batch);
        using var pass = ingest.Enter(BytesOf(rows));
        var segments = await CheckAndEncodeAsync(owned, batchKey, rows, cancellationToken);
        var fingerprint = await indexKey.OfBatchAsync(owned.Id.Value, batch, segments.Select(segment => segment.Reference.Digest), cancellationToken);

        // Known already: nothing is stored again.
        if (await catalog.ReadAsync(Documents.Batch, Documents.Below(owned.Id, batchKey), cancellationToken) is { } known)
            return ToResult(batch, StoreBook.Replay(known.Value, fingerprint));

        await StoreSegmentsAsync(owned, segments, cancellationToken);
        var commit = new BatchCommit(batch, batchKey, fingerprint, [.. segments.Select(segment => segment.Reference)]);
        return ToResult(batch, await StoreGrain(owned).CommitBatchAsync(commit, cancellationToken).WithinAsync(options.CallDeadline, ProblemCodes.ShardUnavailable, cancellationToken));
    }

    public async Task EraseRowAsync(Principal caller, string store, string batch, int index, CancellationToken cancellationToken = default)
    {
        var owned = await OwnedAsync(caller, store, cancellationToken);
        if (index < 0)
            throw new ProblemException(ProblemCodes.InvalidRequest, "a row's index is at least 0");
        await StoreGrain(owned).EraseAsync(KeyOfBatch(batch), index, caller.Account.Value, cancellationToken).WithinAsync(options.CallDeadline, ProblemCodes.ShardUnavailable, cancellationToken);
    }

    /// <summary>Rows are checked whole before any of them is stored, on threads that do not answer queries.</summary>
    private async Task<List<EncodedSegment>> CheckAndEncodeAsync(StoreView store, string batchKey, RowBatch batch, CancellationToken cancellationToken)
    {
        try
        {
            var rows = batch.ToRows();
            var pieces = BatchCut.PiecesOf(batch);
            await scans.RunAsync(() => { RowCheck.Require(store.Schema, rows, batch.Clip, cancellationToken); return true; }, cancellationToken);
            var segments = new List<EncodedSegment>();
            foreach (var piece in pieces)
            {
                var part = segments.Count;
                segments.Add(await scans.RunAsync(() => BatchCut.Encode(batch, batchKey, part, piece, store.Document.Definition.Shards), cancellationToken));
            }
            return segments;
        }
        catch (ArgumentException e)
        {
            throw SchemaFactory.Invalid(e);
        }
    }

    private async Task StoreSegmentsAsync(StoreView store, List<EncodedSegment> segments, CancellationToken cancellationToken) =>
        await Parallel.ForEachAsync(
            segments,
            new ParallelOptions { MaxDegreeOfParallelism = SegmentsInFlight, CancellationToken = cancellationToken },
            async (segment, token) =>
            {
                var digest = await grains.GetGrain<IShardGrain>(GrainKey.Shard(store.Id, segment.Reference.Shard))
                    .StoreAsync(segment.Reference.Blob, segment.Bytes, token)
                    .WithinAsync(options.CallDeadline, ProblemCodes.ShardUnavailable, token);
                if (digest != segment.Reference.Digest)
                    throw new ProblemException(ProblemCodes.RequestConflict, "this batch id was used for other rows; nothing was added");
            });

    private static string KeyOfBatch(string batch)
    {
        try
        {
            return BatchCut.KeyOf(batch);
        }
        catch (ArgumentException)
        {
            throw new ProblemException(ProblemCodes.InvalidRequest, "a batch id (the Idempotency-Key) has 1 to 128 printable ASCII characters without spaces");
        }
    }

    private static long BytesOf(RowBatch rows) =>
        (long)rows.Keys.Rows * rows.Keys.Columns * (rows.Keys.Single is null ? 8 : 4) + (long)rows.Values.Rows * rows.Values.Columns * (rows.Values.Single is null ? 8 : 4);

    private static AppendResult ToResult(string batch, BatchReceipt receipt) => new(batch, receipt.FirstSlot, receipt.Slots, receipt.IsReplay);
}
