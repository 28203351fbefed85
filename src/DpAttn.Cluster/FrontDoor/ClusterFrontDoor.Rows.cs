using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

internal sealed partial class ClusterFrontDoor
{
    // One message and one blob: within what the engine moves well.
    private const int SegmentBytes = 2 << 20;
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
        return ToResult(batch, await StoreGrain(owned).CommitBatchAsync(commit, cancellationToken).WithinAsync(options.CallDeadline, isCharge: false, cancellationToken));
    }

    public async Task EraseRowAsync(Principal caller, string store, string batch, int index, CancellationToken cancellationToken = default)
    {
        var owned = await OwnedAsync(caller, store, cancellationToken);
        if (index < 0)
            throw new ProblemException(ProblemCodes.InvalidRequest, "a row's index is at least 0");
        await StoreGrain(owned).EraseAsync(KeyOfBatch(batch), index, caller.Account.Value, cancellationToken).WithinAsync(options.CallDeadline, cancellationToken);
    }

    /// <summary>Rows are checked whole before any of them is stored, on threads that do not answer queries.</summary>
    private async Task<List<Encoded>> CheckAndEncodeAsync(StoreView store, string batchKey, RowBatch batch, CancellationToken cancellationToken)
    {
        try
        {
            var rows = batch.ToRows();
            var size = SegmentCodec.RowsPerSegment(batch, SegmentBytes);
            await scans.RunAsync(() => { RowCheck.Require(store.Parameters.Schema, rows, batch.Clip, cancellationToken); return true; }, cancellationToken);
            var segments = new List<Encoded>();
            for (var start = 0; start < rows.Count; start += size)
            {
                int first = start, count = Math.Min(size, rows.Count - start), part = segments.Count;
                segments.Add(await scans.RunAsync(() => Encode(store, batchKey, batch, part, first, count), cancellationToken));
            }
            return segments;
        }
        catch (ArgumentException e)
        {
            throw SchemaFactory.Invalid(e);
        }
    }

    private static Encoded Encode(StoreView store, string batchKey, RowBatch batch, int part, int first, int count)
    {
        var bytes = SegmentCodec.Encode(batch, first, count);
        // The shard follows from the batch's id and the part: public, and the same at every retry.
        var shard = (int)((Convert.ToUInt32(batchKey[..8], 16) + (uint)part) % (uint)store.Document.Definition.Shards);
        return new Encoded(bytes, new SegmentReference($"{batchKey}-{part:D5}", shard, first, count, count, bytes.Length, ReleaseManifest.IdOf(bytes)));
    }

    private async Task StoreSegmentsAsync(StoreView store, List<Encoded> segments, CancellationToken cancellationToken) =>
        await Parallel.ForEachAsync(
            segments,
            new ParallelOptions { MaxDegreeOfParallelism = SegmentsInFlight, CancellationToken = cancellationToken },
            async (segment, token) =>
            {
                var digest = await grains.GetGrain<IShardGrain>(GrainKey.Shard(store.Id, segment.Reference.Shard))
                    .StoreAsync(segment.Reference.Blob, segment.Bytes, token)
                    .WithinAsync(options.CallDeadline, isCharge: false, token);
                if (digest != segment.Reference.Digest)
                    throw new ProblemException(ProblemCodes.RequestConflict, "this batch id was used for other rows; nothing was added");
            });

    private static string KeyOfBatch(string batch)
    {
        try
        {
            return Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(new RequestId(batch).Value)))[..32];
        }
        catch (ArgumentException)
        {
            throw new ProblemException(ProblemCodes.InvalidRequest, "a batch id (the Idempotency-Key) has 1 to 128 printable ASCII characters without spaces");
        }
    }

    private static long BytesOf(RowBatch rows) =>
        (long)rows.Keys.Rows * rows.Keys.Columns * (rows.Keys.Single is null ? 8 : 4) + (long)rows.Values.Rows * rows.Values.Columns * (rows.Values.Single is null ? 8 : 4);

    private static AppendResult ToResult(string batch, BatchReceipt receipt) => new(batch, receipt.FirstSlot, receipt.Slots, receipt.IsReplay);

    private sealed record Encoded(ReadOnlyMemory<byte> Bytes, SegmentReference Reference);
}
