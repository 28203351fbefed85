using DpAttn.Contracts;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The front door as callers see it: failures of the storage, which it reads beside the grains, come out as problems like everything else.
/// </summary>
internal sealed class FaultsAtTheDoor(IFrontDoor door) : IFrontDoor
{
    public Task<Principal> AuthenticateAsync(string? credential, CancellationToken cancellationToken = default) =>
        Guard(door.AuthenticateAsync(credential, cancellationToken));

    public Task<KeyCreated> CreateKeyAsync(Principal caller, KeyRequest request, CancellationToken cancellationToken = default) =>
        Guard(door.CreateKeyAsync(caller, request, cancellationToken));

    public Task<KeyList> ListKeysAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Guard(door.ListKeysAsync(caller, cancellationToken));

    public Task RevokeKeyAsync(Principal caller, string id, CancellationToken cancellationToken = default) =>
        Guard(door.RevokeKeyAsync(caller, id, cancellationToken));

    public Task<(StoreDescription Store, bool IsNew)> EnsureStoreAsync(Principal caller, string name, StoreDefinition definition, CancellationToken cancellationToken = default) =>
        Guard(door.EnsureStoreAsync(caller, name, definition, cancellationToken));

    public Task DeleteStoreAsync(Principal caller, string name, CancellationToken cancellationToken = default) =>
        Guard(door.DeleteStoreAsync(caller, name, cancellationToken));

    public Task<StoreDescription> GetStoreAsync(Principal caller, string name, CancellationToken cancellationToken = default) =>
        Guard(door.GetStoreAsync(caller, name, cancellationToken));

    public Task<IReadOnlyList<StoreDescription>> ListStoresAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Guard(door.ListStoresAsync(caller, cancellationToken));

    public Task<AppendResult> AppendAsync(Principal caller, string store, string batch, RowBatch rows, CancellationToken cancellationToken = default) =>
        Guard(door.AppendAsync(caller, store, batch, rows, cancellationToken));

    public Task EraseRowAsync(Principal caller, string store, string batch, int index, CancellationToken cancellationToken = default) =>
        Guard(door.EraseRowAsync(caller, store, batch, index, cancellationToken));

    public Task<ReleaseDescription> PublishAsync(Principal caller, string store, PublishRequest request, string? requestId, CancellationToken cancellationToken = default) =>
        Guard(door.PublishAsync(caller, store, request, requestId, cancellationToken));

    public Task<ReleaseDescription> GetReleaseAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default) =>
        Guard(door.GetReleaseAsync(caller, store, release, cancellationToken));

    public Task<IReadOnlyList<ReleaseDescription>> ListReleasesAsync(Principal caller, string store, CancellationToken cancellationToken = default) =>
        Guard(door.ListReleasesAsync(caller, store, cancellationToken));

    public Task RetireReleaseAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default) =>
        Guard(door.RetireReleaseAsync(caller, store, release, cancellationToken));

    public Task<ReleaseDescription> CloseBlockAsync(Principal caller, string store, string release, CloseBlockRequest request, CancellationToken cancellationToken = default) =>
        Guard(door.CloseBlockAsync(caller, store, release, request, cancellationToken));

    public Task<PrivacyStatement> GetPrivacyStatementAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default) =>
        Guard(door.GetPrivacyStatementAsync(caller, store, release, cancellationToken));

    public Task<AttendResult> AttendAsync(Principal caller, string store, AttendCommand command, CancellationToken cancellationToken = default) =>
        Guard(door.AttendAsync(caller, store, command, cancellationToken));

    public Task<EstimateResponse> EstimateAsync(Principal caller, string store, EstimateRequest request, CancellationToken cancellationToken = default) =>
        Guard(door.EstimateAsync(caller, store, request, cancellationToken));

    public Task<BudgetDescription> GetMyBudgetAsync(Principal caller, string store, CancellationToken cancellationToken = default) =>
        Guard(door.GetMyBudgetAsync(caller, store, cancellationToken), isLedger: true);

    public Task<LedgerPage> ListMyLedgerAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default) =>
        Guard(door.ListMyLedgerAsync(caller, store, cursor, limit, cancellationToken), isLedger: true);

    public Task<LedgerPage> ListLedgerAsync(Principal caller, string store, string account, string? cursor, int limit, CancellationToken cancellationToken = default) =>
        Guard(door.ListLedgerAsync(caller, store, account, cursor, limit, cancellationToken), isLedger: true);

    public Task<StoreBudgets> ListBudgetsAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default) =>
        Guard(door.ListBudgetsAsync(caller, store, cursor, limit, cancellationToken), isLedger: true);

    public Task<BudgetDescription> GetBudgetAsync(Principal caller, string store, string account, CancellationToken cancellationToken = default) =>
        Guard(door.GetBudgetAsync(caller, store, account, cancellationToken), isLedger: true);

    public Task<BudgetDescription> SetBudgetAsync(Principal caller, string store, string account, LimitRequest request, CancellationToken cancellationToken = default) =>
        Guard(door.SetBudgetAsync(caller, store, account, request, cancellationToken), isLedger: true);

    public Task<StoreBudgets> SetStoreBudgetAsync(Principal caller, string store, LimitRequest request, CancellationToken cancellationToken = default) =>
        Guard(door.SetStoreBudgetAsync(caller, store, request, cancellationToken), isLedger: true);

    public Task<AccountReference> FindAccountAsync(Principal caller, AccountLookup request, CancellationToken cancellationToken = default) =>
        Guard(door.FindAccountAsync(caller, request, cancellationToken));

    public Task<AuditPage> ListAuditAsync(Principal caller, long after, int limit, CancellationToken cancellationToken = default) =>
        Guard(door.ListAuditAsync(caller, after, limit, cancellationToken));

    public Task<LedgerList> ListLedgersAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Guard(door.ListLedgersAsync(caller, cancellationToken), isLedger: true);

    public Task<LedgerCheck> VerifyLedgerAsync(Principal caller, LedgerVerificationRequest request, CancellationToken cancellationToken = default) =>
        Guard(door.VerifyLedgerAsync(caller, request, cancellationToken), isLedger: true);

    public Task<AcknowledgementResult> AcknowledgeLedgersAsync(Principal caller, AcknowledgementRequest request, CancellationToken cancellationToken = default) =>
        Guard(door.AcknowledgeLedgersAsync(caller, request, cancellationToken), isLedger: true);

    public Task<StorageBackup> BackupAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Guard(door.BackupAsync(caller, cancellationToken));

    public Task<bool> IsReadyAsync(CancellationToken cancellationToken = default) => door.IsReadyAsync(cancellationToken);

    private static async Task<T> Guard<T>(Task<T> call, bool isLedger = false)
    {
        try
        {
            return await call;
        }
        catch (StorageException e)
        {
            throw StorageProblems.Of(e, isLedger);
        }
    }

    private static async Task Guard(Task call)
    {
        try
        {
            await call;
        }
        catch (StorageException e)
        {
            throw StorageProblems.Of(e, isLedger: false);
        }
    }
}
