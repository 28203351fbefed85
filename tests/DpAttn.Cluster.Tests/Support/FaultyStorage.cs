using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>A catalog whose calls may fail as planned.</summary>
internal sealed class FaultyCatalog(ICatalog catalog, FaultPlan plan) : ICatalog
{
    public Task<CatalogRow?> ReadAsync(string kind, string key, CancellationToken cancellationToken = default) =>
        plan.RunAsync($"catalog read {kind}", () => catalog.ReadAsync(kind, key, cancellationToken));

    public Task<IReadOnlyList<CatalogRow>> ListAsync(string kind, string keyPrefix, string? after, int limit, CancellationToken cancellationToken = default) =>
        plan.RunAsync($"catalog list {kind}", () => catalog.ListAsync(kind, keyPrefix, after, limit, cancellationToken));

    public Task<bool> CommitAsync(CatalogCommit commit, CancellationToken cancellationToken = default) =>
        plan.RunAsync("catalog commit", () => catalog.CommitAsync(commit, cancellationToken));

    public Task<IReadOnlyList<AuditRow>> ListAuditAsync(long after, int limit, CancellationToken cancellationToken = default) =>
        plan.RunAsync("catalog audit", () => catalog.ListAuditAsync(after, limit, cancellationToken));
}

/// <summary>Blobs whose calls may fail as planned.</summary>
internal sealed class FaultySegments(ISegmentStore blobs, FaultPlan plan) : ISegmentStore
{
    public Task<BlobInfo> PutAsync(BlobKey key, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        plan.RunAsync($"put {key.Kind}", () =>
        {
            plan.Offered?.Invoke(key, content);
            return blobs.PutAsync(key, content, cancellationToken);
        });

    public Task<byte[]?> ReadAsync(BlobKey key, CancellationToken cancellationToken = default) =>
        plan.RunAsync($"read {key.Kind}", () => blobs.ReadAsync(key, cancellationToken));

    public Task<IReadOnlyList<BlobInfo>> ListAsync(StoreId store, BlobKind kind, string idPrefix, BlobKey? after, int limit, CancellationToken cancellationToken = default) =>
        plan.RunAsync($"list {kind}", () => blobs.ListAsync(store, kind, idPrefix, after, limit, cancellationToken));

    public Task DeleteAsync(StoreId store, BlobKind kind, string id, CancellationToken cancellationToken = default) =>
        plan.RunAsync($"delete {kind}", () => Done(blobs.DeleteAsync(store, kind, id, cancellationToken)));

    public Task DeleteStoreAsync(StoreId store, CancellationToken cancellationToken = default) =>
        plan.RunAsync("delete store", () => Done(blobs.DeleteStoreAsync(store, cancellationToken)));

    private static async Task<bool> Done(Task call)
    {
        await call;
        return true;
    }
}

/// <summary>A ledger whose calls may fail as planned.</summary>
internal sealed class FaultyLedger(IBudgetLedger ledger, FaultPlan plan) : IBudgetLedger
{
    public Task CreateStoreAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger create", () => Done(ledger.CreateStoreAsync(store, limit, cancellationToken)), cancellationToken);

    public Task CloseStoreAsync(StoreId store, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger close", () => Done(ledger.CloseStoreAsync(store, cancellationToken)), cancellationToken);

    public Task<StoreBudget?> ReadStoreAsync(StoreId store, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger read store", () => ledger.ReadStoreAsync(store, cancellationToken), cancellationToken, $"store {store}");

    public Task<LedgerDecision> SetStoreLimitAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger store limit", () => ledger.SetStoreLimitAsync(store, limit, cancellationToken), cancellationToken);

    public Task<LedgerDecision> SetLimitAsync(StoreId store, AccountId account, PrivacyLimit limit, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger limit", () => ledger.SetLimitAsync(store, account, limit, cancellationToken), cancellationToken);

    public Task<AccountBudget?> ReadAccountAsync(StoreId store, AccountId account, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger read account", () => ledger.ReadAccountAsync(store, account, cancellationToken), cancellationToken, $"account {store} {account}");

    public Task<IReadOnlyList<AccountBudget>> ListAccountsAsync(StoreId store, AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger list accounts", () => ledger.ListAccountsAsync(store, after, limit, cancellationToken), cancellationToken);

    public Task<LedgerDecision> OpenAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier, ITierCosts costs, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger open", () => ledger.OpenAsync(store, account, request, fingerprint, release, tier, costs, cancellationToken), cancellationToken);

    public Task<LedgerDecision> ChargeAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger charge", () => ledger.ChargeAsync(store, account, request, fingerprint, cost, cancellationToken), cancellationToken);

    public Task<StoredLedgerEntry?> FindRequestAsync(StoreId store, AccountId account, RequestId request, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger find", () => ledger.FindRequestAsync(store, account, request, cancellationToken), cancellationToken, $"request {store} {account} {request}");

    public Task<IReadOnlyList<StoredLedgerEntry>> ListEntriesAsync(StoreId store, AccountId? account, long after, int limit, CancellationToken cancellationToken = default) =>
        plan.RunAsync("ledger entries", () => ledger.ListEntriesAsync(store, account, after, limit, cancellationToken), cancellationToken);

    private static async Task<bool> Done(Task call)
    {
        await call;
        return true;
    }
}
