using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// Cuts the next block of a continual release out of the directory: the first slots that stand in no frozen block, in the order in which their batches were committed.
/// Nothing is written. Whole segments are named by the digest that they were committed with; of a segment that lies in two blocks a shard digests the rows.
/// </summary>
internal sealed class BlockPlanner(StoreId store, ICatalog catalog, TreeModel model, FanOut fanOut)
{
    private const int Page = 200;

    /// <summary>The next block, if it is closed.</summary>
    /// <param name="read">The release, read before <paramref name="document"/>.</param>
    /// <param name="document">The store.</param>
    /// <param name="secret">The release's secret: it salts the content.</param>
    /// <param name="shards">Where rows are digested.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null while the next block is open, or where the directory was changed meanwhile.</returns>
    /// <exception cref="StorageCorruptException">The directory names what is not there.</exception>
    /// <exception cref="ProblemException">shard_unavailable: the message names the shard.</exception>
    public async Task<BlockPlan?> NextAsync(Versioned<ReleaseDocument> read, StoreDocument document, byte[] secret, IShardBlocks shards, CancellationToken cancellationToken)
    {
        var state = read.Value.Continual!;
        var slots = OpenSlots.NextBlock(model.Tree, state, document.Slots);
        if (slots == 0)
            return null;
        var (pieces, after) = await CutAsync(state, slots, shards, cancellationToken);
        if (after is null)
        {
            await RequireMovedAsync(read, cancellationToken);
            return null;
        }
        var content = new BlockContent
        {
            Salt = BlockContent.SaltOf(secret, state.FrozenBlocks),
            Incarnation = store.Value,
            Release = read.Value.Id,
            Block = state.FrozenBlocks,
            FirstSlot = state.FrozenSlots,
            Slots = slots,
            Pieces = pieces,
        };
        var bytes = content.ToBytes();
        var manifest = new BlockManifest(content.Block, content.FirstSlot, slots, SHA256.HashData(bytes));
        var closing = state.Closing is { } asked && asked.Slots > state.FrozenSlots + slots ? asked : null;
        return new BlockPlan(read, manifest, bytes, after with { FrozenBlocks = state.FrozenBlocks + 1, FrozenSlots = state.FrozenSlots + slots, Closing = closing });
    }

    /// <summary>The pieces that hold so many slots, and where the block after them begins.</summary>
    private async Task<(IReadOnlyList<FrozenPiece> Pieces, ContinualState? After)> CutAsync(ContinualState state, int slots, IShardBlocks shards, CancellationToken cancellationToken)
    {
        var pieces = new List<FrozenPiece>();
        var after = state;
        await foreach (var segment in SegmentsAsync(state.NextSegment, cancellationToken))
        {
            var rest = segment.Slots - after.SlotsTaken;
            var take = Math.Min(rest, slots);
            if (take > 0)
            {
                var slice = await SliceAsync(segment, after.NextRow, take, isLast: take == rest, shards, cancellationToken);
                if (slice.Rows == 0)
                    return (pieces, null);
                if (slice.Slots != take)
                    throw new StorageCorruptException($"segment {segment.Blob} has {slice.Slots} slots where its directory says {take}");
                pieces.Add(new FrozenPiece(after.NextSegment, segment.Shard, after.NextRow, slice.Rows, take, slice.Digest));
                after = after with { NextRow = after.NextRow + slice.Rows, SlotsTaken = after.SlotsTaken + take };
                slots -= take;
            }
            if (take == rest)
                after = after with { NextSegment = after.NextSegment + 1, NextRow = 0, SlotsTaken = 0 };
            if (slots == 0)
                return (pieces, after);
        }
        return (pieces, null);
    }

    private async Task<SegmentSlice> SliceAsync(SegmentDocument segment, int firstRow, int slots, bool isLast, IShardBlocks shards, CancellationToken cancellationToken)
    {
        var slice = new SegmentSlice(segment.Rows, segment.Slots, segment.Digest);
        if (firstRow == 0 && isLast)
            return slice;
        var command = new SliceCommand(segment.Blob, firstRow, slots, isLast);
        await fanOut.RunAsync([segment.Shard], (shard, token) => shards.SliceAsync(shard, command, token), (_, found) => slice = found, cancellationToken);
        return slice;
    }

    /// <summary>Slots or a blob that are gone were erased meanwhile, and then the release's row has moved, or they are lost.</summary>
    private async Task RequireMovedAsync(Versioned<ReleaseDocument> read, CancellationToken cancellationToken)
    {
        if ((await catalog.ReadAsync(Documents.Release, read.Key, cancellationToken))?.Version == read.Version)
            throw new StorageCorruptException($"segments of block {read.Value.Continual!.FrozenBlocks} are missing");
    }

    private async IAsyncEnumerable<SegmentDocument> SegmentsAsync(long from, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var after = from == 0 ? null : Documents.Below(store, Documents.Ordinal(from - 1));
        while (true)
        {
            var rows = await catalog.ListAsync(Documents.Segment.Name, Documents.Under(store), after, Page, cancellationToken);
            foreach (var row in rows)
                yield return Documents.Segment.Parse(row);
            if (rows.Count < Page)
                yield break;
            after = rows[^1].Key;
        }
    }
}
