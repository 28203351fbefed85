using DpAttn.Contracts;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The one way into a cluster. It authenticates the credential itself and authorises every call; HTTP, and later a gateway, only translate.
/// Every method throws <see cref="ProblemException"/> for what is refused.
/// </summary>
public interface IFrontDoor
{
    /// <summary>Who a credential belongs to.</summary>
    /// <param name="credential">The API key as it was sent, or null.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ProblemException">unauthenticated.</exception>
    Task<Principal> AuthenticateAsync(string? credential, CancellationToken cancellationToken = default);

    /// <summary>Makes a key: operators any, owners those of users.</summary>
    Task<KeyCreated> CreateKeyAsync(Principal caller, KeyRequest request, CancellationToken cancellationToken = default);

    /// <summary>The keys that the caller may revoke.</summary>
    Task<KeyList> ListKeysAsync(Principal caller, CancellationToken cancellationToken = default);

    /// <summary>Revokes a key for ever; within 5 s everywhere. Repeating it changes nothing.</summary>
    Task RevokeKeyAsync(Principal caller, string id, CancellationToken cancellationToken = default);

    /// <summary>Makes a store. An identical definition is idempotent, another one a conflict.</summary>
    /// <returns>The store, and whether it was made now.</returns>
    Task<(StoreDescription Store, bool IsNew)> EnsureStoreAsync(Principal caller, string name, StoreDefinition definition, CancellationToken cancellationToken = default);

    /// <summary>Deletes a store's rows and releases; a tombstone keeps what was spent.</summary>
    Task DeleteStoreAsync(Principal caller, string name, CancellationToken cancellationToken = default);

    /// <summary>A store that the caller owns or was granted.</summary>
    Task<StoreDescription> GetStoreAsync(Principal caller, string name, CancellationToken cancellationToken = default);

    /// <summary>The stores that the caller owns or was granted; all of them for operators.</summary>
    Task<IReadOnlyList<StoreDescription>> ListStoresAsync(Principal caller, CancellationToken cancellationToken = default);

    /// <summary>Appends a batch of rows: durable when it returns, and added once however often it is sent.</summary>
    /// <param name="caller">The owner.</param>
    /// <param name="store">The store's name.</param>
    /// <param name="batch">The batch id: 1 to 128 printable ASCII characters.</param>
    /// <param name="rows">The rows; checked before anything is stored.</param>
    /// <param name="cancellationToken">Gives up waiting; retry with the same batch id.</param>
    Task<AppendResult> AppendAsync(Principal caller, string store, string batch, RowBatch rows, CancellationToken cancellationToken = default);

    /// <summary>Erases a row that stands in no release: its bytes are overwritten.</summary>
    Task EraseRowAsync(Principal caller, string store, string batch, int index, CancellationToken cancellationToken = default);

    /// <summary>Freezes all committed rows and starts to publish them.</summary>
    /// <param name="caller">The owner.</param>
    /// <param name="store">The store's name.</param>
    /// <param name="request">The ladder, or the store's.</param>
    /// <param name="requestId">The idempotency key; the same one gives the same release. Null: a new release.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    Task<ReleaseDescription> PublishAsync(Principal caller, string store, PublishRequest request, string? requestId, CancellationToken cancellationToken = default);

    /// <summary>A release and its progress.</summary>
    Task<ReleaseDescription> GetReleaseAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default);

    /// <summary>All releases, the newest last.</summary>
    Task<IReadOnlyList<ReleaseDescription>> ListReleasesAsync(Principal caller, string store, CancellationToken cancellationToken = default);

    /// <summary>Closes the open block of a continual release: the slots that it has left stay empty for ever. Repeating it changes nothing.</summary>
    /// <exception cref="ProblemException">conflict: the release is no continual one, or the block is not open or holds no slot; release_retired; busy: the block closed before is not released yet.</exception>
    Task<ReleaseDescription> CloseBlockAsync(Principal caller, string store, string release, CloseBlockRequest request, CancellationToken cancellationToken = default);

    /// <summary>Retires a release: it answers no more. What it cost stays spent.</summary>
    Task RetireReleaseAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default);

    /// <summary>The machine-readable claim of a release.</summary>
    Task<PrivacyStatement> GetPrivacyStatementAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default);

    /// <summary>Answers queries from a tier that is open, or opens one where the command says so.</summary>
    Task<AttendResult> AttendAsync(Principal caller, string store, AttendCommand command, CancellationToken cancellationToken = default);

    /// <summary>Error at an epsilon, epsilon for an error, or every tier; free.</summary>
    Task<EstimateResponse> EstimateAsync(Principal caller, string store, EstimateRequest request, CancellationToken cancellationToken = default);

    /// <summary>The caller's own budget.</summary>
    Task<BudgetDescription> GetMyBudgetAsync(Principal caller, string store, CancellationToken cancellationToken = default);

    /// <summary>The caller's own ledger.</summary>
    Task<LedgerPage> ListMyLedgerAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default);

    /// <summary>The ledger of one account, for the store's owner.</summary>
    Task<LedgerPage> ListLedgerAsync(Principal caller, string store, string account, string? cursor, int limit, CancellationToken cancellationToken = default);

    /// <summary>All budgets of a store, for its owner.</summary>
    Task<StoreBudgets> ListBudgetsAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default);

    /// <summary>One account's budget, for the owner.</summary>
    Task<BudgetDescription> GetBudgetAsync(Principal caller, string store, string account, CancellationToken cancellationToken = default);

    /// <summary>Grants an account access with a limit, or sets its limit anew; never below what is spent.</summary>
    Task<BudgetDescription> SetBudgetAsync(Principal caller, string store, string account, LimitRequest request, CancellationToken cancellationToken = default);

    /// <summary>Sets the limit of all users of a store together; never below what is spent.</summary>
    /// <returns>The store's budgets after it, with their first accounts.</returns>
    Task<StoreBudgets> SetStoreBudgetAsync(Principal caller, string store, LimitRequest request, CancellationToken cancellationToken = default);

    /// <summary>The account of a subject that has keys, for an owner who wants to grant it.</summary>
    Task<AccountReference> FindAccountAsync(Principal caller, AccountLookup request, CancellationToken cancellationToken = default);

    /// <summary>The audit log, for operators.</summary>
    Task<AuditPage> ListAuditAsync(Principal caller, long after, int limit, CancellationToken cancellationToken = default);

    /// <summary>The ledgers of the caller's stores; for operators of all, deleted ones included.</summary>
    Task<LedgerList> ListLedgersAsync(Principal caller, CancellationToken cancellationToken = default);

    /// <summary>Verifies a store's whole ledger, for its owner or an operator; a store with faults is suspended. Takes as long as it is large.</summary>
    Task<LedgerCheck> VerifyLedgerAsync(Principal caller, LedgerVerificationRequest request, CancellationToken cancellationToken = default);

    /// <summary>Opens suspended stores again without refunding anything, for operators.</summary>
    Task<AcknowledgementResult> AcknowledgeLedgersAsync(Principal caller, AcknowledgementRequest request, CancellationToken cancellationToken = default);

    /// <summary>A consistent copy of the database, where it is a file, for operators. The caller disposes of it.</summary>
    Task<StorageBackup> BackupAsync(Principal caller, CancellationToken cancellationToken = default);

    /// <summary>Whether the silo has joined and the catalog can be read.</summary>
    Task<bool> IsReadyAsync(CancellationToken cancellationToken = default);
}
