using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Removes what nobody will ever read: segments of batches that were never committed, and what deleted stores left.</summary>
internal sealed class Sweeper(ICatalog catalog, ISegmentStore blobs, StoreServices services, ClusterOptions options, TimeProvider clock)
{
    private const int Page = 500;

    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        await foreach (var store in catalog.ListAsync(Documents.Store, "", cancellationToken))
        {
            var id = new StoreId(store.Value.Incarnation);
            if (store.Value.State == StoreDocument.Active)
                await SweepSegmentsAsync(id, cancellationToken);
            else if (!store.Value.IsPurged)
                await services.Book(id).PurgeAsync(cancellationToken);
        }
    }

    private async Task SweepSegmentsAsync(StoreId store, CancellationToken cancellationToken)
    {
        var old = clock.GetUtcNow() - options.SweepAfter;
        BlobKey? after = null;
        while (true)
        {
            var page = await blobs.ListAsync(store, BlobKind.Segment, "", after, Page, cancellationToken);
            foreach (var batch in page.Where(blob => blob.Written <= old).GroupBy(blob => blob.Key.Id.Split('-')[0]))
                await SweepBatchAsync(store, batch.Key, [.. batch.Select(blob => blob.Key)], cancellationToken);
            if (page.Count < Page)
                return;
            after = page[^1].Key;
        }
    }

    private async Task SweepBatchAsync(StoreId store, string batchKey, IReadOnlyList<BlobKey> segments, CancellationToken cancellationToken)
    {
        var key = Documents.Below(store, batchKey);
        if (await catalog.ReadAsync(Documents.Batch, key, cancellationToken) is not null)
            return;
        // In one transaction with the look at the directory: a commit that comes now wins or finds its blobs gone, and its sender sends them again.
        await catalog.CommitAsync(
            new CatalogCommit { Assertions = [new CatalogAssertion(Documents.Batch.Name, key, 0)], DeletedBlobs = segments },
            cancellationToken);
    }
}
