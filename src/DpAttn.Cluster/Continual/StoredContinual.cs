using DpAttn.Attention;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Another change came between looking and freezing: look again.</summary>
internal sealed class StalePlanException : Exception;

/// <summary>
/// What a continual release keeps, in the catalog and in blobs. A block is frozen by one transaction: its row, inserted if absent, and the release's row by compare-and-set, so no
/// erasure, closing or other freeze can come between. Contents and nodes are blobs, inserted if absent and taken as they are read back.
/// </summary>
internal sealed class StoredContinual(StoreId store, ReleaseDocument release, TreeModel model, ICatalog catalog, ISegmentStore blobs, BlockSums sums) : IContinualStore
{
    // A message names so many.
    private const int BlocksPerSum = 1024;
    private const int Page = 500;
    private readonly ContinualNodes _nodes = new(store, release, model, blobs);

    /// <summary>The block that is about to be frozen: the one that <see cref="FreezeAsync"/> is given the manifest of.</summary>
    public BlockPlan? Plan { get; set; }

    public async IAsyncEnumerable<BlockManifest> BlocksAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var block in catalog.ListAsync(Documents.Block, Documents.BlocksOf(store, release.Id), cancellationToken))
            yield return ToManifest(block.Value);
    }

    public async Task<BlockManifest> FreezeAsync(BlockManifest block, CancellationToken cancellationToken)
    {
        if (Plan is not { } plan || !plan.Manifest.IsSame(block))
            throw new InvalidOperationException($"block {block.Block} was not planned");
        var id = BlockContent.BlobId(release.Id, block.Block, plan.Content);
        await blobs.PutPartsAsync(store, BlobKind.Manifest, id, plan.Bytes, cancellationToken);
        var document = new BlockDocument { Block = block.Block, FirstSlot = block.FirstSlot, Slots = block.Slots, Content = plan.Content, ContentBytes = plan.Bytes.Length };
        var key = Documents.BlockOf(store, release.Id, block.Block);
        var commit = new CatalogCommit
        {
            Writes = [Documents.Block.Insert(key, document), Documents.Release.Update(plan.Read, plan.Read.Value with { Continual = plan.After })],
            RequiredBlobs = SegmentStoreExtensions.PartsOf(store, BlobKind.Manifest, id, plan.Bytes.Length),
        };
        if (await catalog.CommitAsync(commit, cancellationToken))
            return block;
        // Another process was first, and its manifest is the one; or rows were erased or the block closed, and it has to be planned anew.
        return await catalog.ReadAsync(Documents.Block, key, cancellationToken) is { } frozen ? ToManifest(frozen.Value) : throw new StalePlanException();
    }

    public async Task<MomentMatrix> SumAsync(IReadOnlyList<BlockManifest> blocks, CancellationToken cancellationToken)
    {
        var total = ExactSums.Empty(model);
        for (var start = 0; start < blocks.Count; start += BlocksPerSum)
        {
            var frozen = await ReadAsync(blocks, start, Math.Min(BlocksPerSum, blocks.Count - start), cancellationToken);
            var command = new BlockSumCommand(release.Id, frozen[0].Block, [.. frozen.Select(block => block.Content)], [.. frozen.Select(block => block.ContentBytes)]);
            await sums.AddToAsync(command, frozen.Sum(block => (long)block.Slots), total, cancellationToken);
        }
        return new MomentMatrix(model.Moments, total.Values, total.Slots);
    }

    public Task<ReleasedNode?> ReadNodeAsync(long node, int tier, CancellationToken cancellationToken) => _nodes.ReadAsync(node, tier, cancellationToken);

    public Task<ReleasedNode> PutNodeAsync(ReleasedNode node, CancellationToken cancellationToken) => _nodes.PutAsync(node, cancellationToken);

    /// <summary>The rows of blocks, which name exactly what was frozen.</summary>
    private async Task<List<BlockDocument>> ReadAsync(IReadOnlyList<BlockManifest> blocks, int start, int count, CancellationToken cancellationToken)
    {
        var read = new List<BlockDocument>();
        var first = blocks[start].Block;
        var after = first == 0 ? null : Documents.BlockOf(store, release.Id, first - 1);
        while (read.Count < count)
        {
            var rows = await catalog.ListAsync(Documents.Block.Name, Documents.BlocksOf(store, release.Id), after, Math.Min(Page, count - read.Count), cancellationToken);
            foreach (var row in rows)
            {
                var block = Documents.Block.Parse(row);
                if (!ToManifest(block).IsSame(blocks[start + read.Count]))
                    throw new StorageCorruptException($"block {block.Block} is not the one that was frozen");
                read.Add(block);
            }
            if (rows.Count == 0)
                throw new StorageCorruptException($"block {first + read.Count} is missing");
            after = rows[^1].Key;
        }
        return read;
    }

    private static BlockManifest ToManifest(BlockDocument block) => new(block.Block, block.FirstSlot, block.Slots, Convert.FromHexString(block.Content));
}
