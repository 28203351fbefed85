using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.Logging;

namespace DpAttn.Cluster;

/// <summary>
/// Removes what nobody will ever read: segments that no directory names, sums and nodes of publishes that ended, manifests of none, answers past their retention, and what reached a
/// store after it was deleted; and wraps kept secrets anew after a rotation. A blob that is still wanted is safe by the look in the same transaction: it is asserted that nothing names it, and whoever
/// would name it now requires that it is there.
/// </summary>
internal sealed partial class Sweeper(ICatalog catalog, ISegmentStore blobs, StoreServices services, ClusterOptions options, TimeProvider clock, ILogger<Sweeper> logger)
{
    private const int Page = 500;

    // There may be millions of them, and none is in a hurry.
    private static readonly TimeSpan AnswerInterval = TimeSpan.FromHours(1);
    private DateTimeOffset _answersSwept = DateTimeOffset.MinValue;

    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var withAnswers = now - _answersSwept >= AnswerInterval;
        await foreach (var store in catalog.ListAsync(Documents.Store, "", cancellationToken))
        {
            try
            {
                await SweepAsync(store.Value, withAnswers, cancellationToken);
            }
            catch (StorageException e)
            {
                // The other stores are swept all the same.
                LogFailure(store.Value.Incarnation, Failures.Describe(e));
            }
        }
        if (withAnswers)
            _answersSwept = now;
    }

    private async Task SweepAsync(StoreDocument store, bool withAnswers, CancellationToken cancellationToken)
    {
        var id = new StoreId(store.Incarnation);
        if (store.State != StoreDocument.Active)
        {
            await services.Removal(id).PurgeBlobsAsync(cancellationToken);
            return;
        }
        var named = new HashSet<string>();
        await foreach (var segment in catalog.ListAsync(Documents.Segment, Documents.Under(id), cancellationToken))
            named.Add(segment.Value.Blob);
        // Most are named by the directory as it was listed; the rest is looked at one by one.
        await SweepAsync(id, BlobKind.Segment, (_, blob, token) => named.Contains(blob.Id) ? Task.FromResult(Claim.Wanted) : FindSegmentAsync(id, blob, token), cancellationToken);
        await SweepAsync(id, BlobKind.ShardSums, FindReleaseAsync, cancellationToken);
        await SweepAsync(id, BlobKind.Node, FindReleaseAsync, cancellationToken);
        await SweepAsync(id, BlobKind.Manifest, FindManifestAsync, cancellationToken);
        await SweepBlocksAsync(id, cancellationToken);
        await RewrapAsync(id, cancellationToken);
        // By then every request of it has expired, and none is computed anew: that ends a grace after its charge, whatever the retention is or becomes.
        if (withAnswers)
            await SweepAsync(id, BlobKind.Answer, (_, _, _) => Task.FromResult(Claim.Unwanted()), cancellationToken, options.AnswerRetention + StoredAnswers.Grace);
    }

    /// <summary>Rows of blocks are wanted as long as their release is live; nothing is frozen for one that is not.</summary>
    private async Task SweepBlocksAsync(StoreId store, CancellationToken cancellationToken)
    {
        var continual = services.Continual(store);
        await foreach (var release in catalog.ListAsync(Documents.Release, Documents.Under(store), cancellationToken))
        {
            if (release.Value.Continual is not null && !ContinualBook.IsLive(release.Value))
                await continual.RemoveAsync(release.Value.Id, cancellationToken);
        }
    }

    /// <summary>Secrets that releases keep are wrapped with the current key, so that an older one can be taken out of the key file.</summary>
    private async Task RewrapAsync(StoreId store, CancellationToken cancellationToken)
    {
        var releases = services.Releases(store);
        await foreach (var release in catalog.ListAsync(Documents.Release, Documents.Under(store), cancellationToken))
            await releases.RewrapAsync(release, cancellationToken);
    }

    private async Task SweepAsync(StoreId store, BlobKind kind, Func<StoreId, BlobKey, CancellationToken, Task<Claim>> find, CancellationToken cancellationToken, TimeSpan? age = null)
    {
        var old = clock.GetUtcNow() - (age ?? options.SweepAfter);
        BlobKey? after = null;
        while (true)
        {
            var page = await blobs.ListAsync(store, kind, "", after, Page, cancellationToken);
            foreach (var blob in page.Where(blob => blob.Key.Part == 0 && blob.Written <= old))
            {
                if (await find(store, blob.Key, cancellationToken) is { IsWanted: false } claim)
                    await catalog.CommitAsync(new CatalogCommit { Assertions = claim.Unchanged, DeletedBlobs = [blob.Key] }, cancellationToken);
            }
            if (page.Count < Page)
                return;
            after = page[^1].Key;
        }
    }

    /// <summary>A segment is wanted when its batch's directory names it.</summary>
    private async Task<Claim> FindSegmentAsync(StoreId store, BlobKey blob, CancellationToken cancellationToken)
    {
        if (SegmentName.Parse(blob.Id) is not { } name)
            return Claim.Wanted;
        var batchKey = Documents.Below(store, name.BatchKey);
        var batch = await catalog.ReadAsync(Documents.Batch, batchKey, cancellationToken);
        if (batch is null)
            return Claim.Unwanted(new CatalogAssertion(Documents.Batch.Name, batchKey, 0));
        if (name.Part >= batch.Value.Segments)
            return Claim.Unwanted(new CatalogAssertion(Documents.Batch.Name, batchKey, batch.Version));
        var segmentKey = Documents.Below(store, Documents.Ordinal(batch.Value.FirstSegment + name.Part));
        var segment = await catalog.ReadAsync(Documents.Segment, segmentKey, cancellationToken);
        return segment is null || segment.Value.Blob == blob.Id
            ? Claim.Wanted
            : Claim.Unwanted(new CatalogAssertion(Documents.Segment.Name, segmentKey, segment.Version));
    }

    /// <summary>Sums are wanted while their release is being published; nodes, and sums that are kept, from then on until it is retired.</summary>
    private async Task<Claim> FindReleaseAsync(StoreId store, BlobKey blob, CancellationToken cancellationToken)
    {
        var key = Documents.Below(store, blob.Id.Split('-')[0]);
        var release = await catalog.ReadAsync(Documents.Release, key, cancellationToken);
        var isWanted = release?.Value.State == ReleaseDocument.Publishing
            || release is not null && ContinualBook.IsLive(release.Value)
            || release?.Value.State == ReleaseDocument.Published && (blob.Kind == BlobKind.Node ? release.Value.Nodes : release.Value.Sums ?? []).Any(named => named.Blob == blob.Id || NodePages.IsPageOf(blob.Id, named.Blob));
        return isWanted ? Claim.Wanted : Claim.Unwanted(new CatalogAssertion(Documents.Release.Name, key, release?.Version ?? 0));
    }

    /// <summary>A manifest is wanted by the release that it was frozen for; a freeze that lost its race left one that no release names.</summary>
    private async Task<Claim> FindManifestAsync(StoreId store, BlobKey blob, CancellationToken cancellationToken)
    {
        if (BlockContent.ParseBlobId(blob.Id) is { } block)
            return await FindBlockAsync(store, blob, block.Release, block.Block, cancellationToken);
        var row = await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken);
        var releases = await services.Directory.ReleasesAsync(store, cancellationToken);
        // A freeze that names it moves the store's row.
        return row is null || releases.Any(release => release.State != ReleaseDocument.Failed && release.Manifest == blob.Id)
            ? Claim.Wanted
            : Claim.Unwanted(new CatalogAssertion(Documents.Store.Name, store.Value, row.Version));
    }

    /// <summary>A block's content is wanted by its row, as long as its release grows; a freeze that lost its race left one that no row names.</summary>
    private async Task<Claim> FindBlockAsync(StoreId store, BlobKey blob, string releaseId, long block, CancellationToken cancellationToken)
    {
        var releaseKey = Documents.Below(store, releaseId);
        var release = await catalog.ReadAsync(Documents.Release, releaseKey, cancellationToken);
        if (release is null || !ContinualBook.IsLive(release.Value))
            return Claim.Unwanted(new CatalogAssertion(Documents.Release.Name, releaseKey, release?.Version ?? 0));
        var key = Documents.BlockOf(store, releaseId, block);
        var row = await catalog.ReadAsync(Documents.Block, key, cancellationToken);
        return row is not null && BlockContent.BlobId(releaseId, block, row.Value.Content) == blob.Id
            ? Claim.Wanted
            : Claim.Unwanted(new CatalogAssertion(Documents.Block.Name, key, row?.Version ?? 0));
    }

    [LoggerMessage(LogLevel.Warning, "sweeping store {Store} failed and will be tried again: {Fault}")]
    private partial void LogFailure(string store, string fault);

    /// <summary>Whether something names a blob, and what must not have changed for that to be still so.</summary>
    private sealed record Claim(bool IsWanted, IReadOnlyList<CatalogAssertion> Unchanged)
    {
        public static Claim Wanted { get; } = new(true, []);

        public static Claim Unwanted(params CatalogAssertion[] unchanged) => new(false, unchanged);
    }
}
