using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// Deletes a store: first a tombstone in one transaction, then, as a job that is resumed until it is done, its rows, releases and secrets. The ledger keeps what
/// was spent for ever.
/// </summary>
internal sealed class StoreRemoval(StoreId store, ICatalog catalog, IBudgetLedger ledger, ISegmentStore blobs, Generation generation)
{
    // So few at once that charges in the same queue do not wait for them.
    private const int BlobsAtOnce = 8;
    private const int RowsAtOnce = 200;
    private static readonly BlobKind[] Kinds = Enum.GetValues<BlobKind>();

    /// <summary>Makes the tombstone: the name is free, nothing is charged or answered any more. Repeating it changes nothing.</summary>
    public async Task DeleteAsync(string actor, CancellationToken cancellationToken)
    {
        await catalog.CommitAsync(
            async () =>
            {
                var read = await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken)
                    ?? throw new ProblemException(ProblemCodes.NotFound, "no such store");
                if (read.Value.State == StoreDocument.Deleted)
                    return (null, true);
                var writes = new List<CatalogWrite>
                {
                    Documents.Store.Replace(read, read.Value with { State = StoreDocument.Deleted, Secret = null }),
                    Documents.Removal.Insert(store.Value, new NameDocument(store.Value)),
                    await generation.RaiseAsync(cancellationToken),
                };
                var name = await catalog.ReadAsync(Documents.Name, read.Value.Name, cancellationToken);
                if (name?.Value.Incarnation == store.Value)
                    writes.Add(Documents.Name.Delete(name));
                return (new CatalogCommit { Writes = writes, Audit = [new AuditEvent("store.delete", actor, store, read.Value.Name, null)] }, true);
            },
            () => new ProblemException(ProblemCodes.Busy, "the store is being changed by others; try again"),
            cancellationToken);
        generation.Drop();
    }

    /// <summary>Removes what a deleted store left. May be stopped and repeated at any point.</summary>
    public async Task PurgeAsync(CancellationToken cancellationToken)
    {
        await ledger.CloseStoreAsync(store, cancellationToken);
        await PurgeBlobsAsync(cancellationToken);
        await PurgeRowsAsync(Documents.Segment, Documents.Under(store), cancellationToken);
        await PurgeRowsAsync(Documents.Batch, Documents.Under(store), cancellationToken);
        await PurgeRowsAsync(Documents.Job, Documents.Under(store), cancellationToken);
        await PurgeRowsAsync(Documents.Release, Documents.Under(store), cancellationToken);
        // After their releases: none is frozen any more.
        await PurgeRowsAsync(Documents.Block, Documents.Under(store), cancellationToken);
        await UnlistAsync(cancellationToken);
        await PurgeRowsAsync(Documents.Removal, store.Value, cancellationToken);
    }

    /// <summary>
    /// Removes all blobs. Called again by every sweep: an upload or a publish that was under way when the store was deleted may have stored more since.
    /// </summary>
    public async Task PurgeBlobsAsync(CancellationToken cancellationToken)
    {
        foreach (var kind in Kinds)
        {
            while (await blobs.ListAsync(store, kind, "", null, BlobsAtOnce, cancellationToken) is { Count: > 0 } page)
                await catalog.CommitAsync(new CatalogCommit { DeletedBlobs = [.. page.Select(blob => blob.Key with { Part = 0 }).Distinct()] }, cancellationToken);
        }
    }

    private async Task UnlistAsync(CancellationToken cancellationToken)
    {
        var accounts = new List<AccountId>();
        if ((await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken))?.Value is { } document)
            accounts.Add(new AccountId(document.Owner));
        AccountId? after = null;
        while (await ledger.ListAccountsAsync(store, after, RowsAtOnce, cancellationToken) is { Count: > 0 } page)
        {
            accounts.AddRange(page.Select(budget => budget.Account));
            after = page[^1].Account;
        }
        foreach (var account in accounts)
            await PurgeRowsAsync(Documents.Visible, Documents.Listed(account, store), cancellationToken);
    }

    /// <summary>Removes rows until none is left: of a page that somebody changed meanwhile nothing is removed, and it is listed again.</summary>
    private async Task PurgeRowsAsync<T>(DocumentKind<T> kind, string prefix, CancellationToken cancellationToken)
        where T : class
    {
        while (await catalog.ListAsync(kind.Name, prefix, null, RowsAtOnce, cancellationToken) is { Count: > 0 } page)
            await catalog.CommitAsync(new CatalogCommit { Writes = [.. page.Select(row => new CatalogWrite(kind.Name, row.Key, row.Version, null))] }, cancellationToken);
    }
}
