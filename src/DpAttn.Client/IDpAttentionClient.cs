using DpAttn.Contracts;

namespace DpAttn.Client;

/// <summary>
/// A cluster as its users see it. Thread-safe. Every call that changes something carries an idempotency key and is retried with the same one
/// only; a refusal by the budget is never retried.
/// </summary>
public interface IDpAttentionClient
{
    /// <summary>Makes a store, or finds the same one.</summary>
    Task<StoreDescription> EnsureStoreAsync(string store, StoreDefinition definition, CancellationToken cancellationToken = default);

    /// <summary>A store.</summary>
    Task<StoreDescription> GetStoreAsync(string store, CancellationToken cancellationToken = default);

    /// <summary>The stores that the caller owns or was granted.</summary>
    Task<IReadOnlyList<StoreDescription>> ListStoresAsync(CancellationToken cancellationToken = default);

    /// <summary>Deletes a store.</summary>
    Task DeleteStoreAsync(string store, CancellationToken cancellationToken = default);

    /// <summary>Appends one batch.</summary>
    /// <param name="store">The store.</param>
    /// <param name="batch">The batch id: sending the same batch again adds nothing twice.</param>
    /// <param name="keys">n x d, row after row.</param>
    /// <param name="values">n x dv, row after row.</param>
    /// <param name="rows">n.</param>
    /// <param name="clip">Move rows out of bounds to the nearest point inside instead of refusing them.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<AppendResult> AppendAsync(string store, string batch, ReadOnlyMemory<float> keys, ReadOnlyMemory<float> values, int rows, bool clip = false, CancellationToken cancellationToken = default);

    /// <summary>Appends one batch of float64 rows, which stay float64.</summary>
    /// <inheritdoc cref="AppendAsync(string, string, ReadOnlyMemory{float}, ReadOnlyMemory{float}, int, bool, CancellationToken)"/>
    Task<AppendResult> AppendAsync(string store, string batch, ReadOnlyMemory<double> keys, ReadOnlyMemory<double> values, int rows, bool clip = false, CancellationToken cancellationToken = default);

    /// <summary>Streams a row set of any length in batches whose ids are <paramref name="batchPrefix"/> and a number, so that it can be resumed.</summary>
    /// <param name="store">The store.</param>
    /// <param name="batchPrefix">The beginning of every batch id.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="progress">Told the number of rows that are durable.</param>
    /// <param name="clip">Move rows out of bounds to the nearest point inside instead of refusing them.</param>
    /// <param name="cancellationToken">Stops between batches.</param>
    /// <returns>How many rows were sent.</returns>
    Task<long> AppendAsync(string store, string batchPrefix, IAsyncEnumerable<Row> rows, IProgress<long>? progress = null, bool clip = false, CancellationToken cancellationToken = default);

    /// <summary>Erases a row that stands in no release.</summary>
    Task EraseRowAsync(string store, string batch, int index, CancellationToken cancellationToken = default);

    /// <summary>Starts to publish all rows.</summary>
    Task<ReleaseDescription> StartPublishAsync(string store, PublishRequest? request = null, string? idempotencyKey = null, CancellationToken cancellationToken = default);

    /// <summary>Publishes all rows and waits.</summary>
    Task<ReleaseDescription> PublishAsync(string store, PublishRequest? request = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>A release and its progress.</summary>
    Task<ReleaseDescription> GetReleaseAsync(string store, string release, CancellationToken cancellationToken = default);

    /// <summary>Closes the open block of a continual release before all its slots are filled: a public decision. A block that is closed stays so, so repeating it is harmless.</summary>
    /// <param name="store">The store.</param>
    /// <param name="release">The release.</param>
    /// <param name="block">The open block: <see cref="ContinualDescription.BlocksClosed"/> of the release.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<ReleaseDescription> CloseBlockAsync(string store, string release, long block, CancellationToken cancellationToken = default);

    /// <summary>Retires a release.</summary>
    Task RetireReleaseAsync(string store, string release, CancellationToken cancellationToken = default);

    /// <summary>The machine-readable claim of a release.</summary>
    Task<PrivacyStatement> GetPrivacyStatementAsync(string store, string release, CancellationToken cancellationToken = default);

    /// <summary>Asks one query.</summary>
    /// <exception cref="PrivacyBudgetExceededException">The budget does not admit what the options would open.</exception>
    Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<float> query, AttendOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Asks a batch of m queries, row after row.</summary>
    /// <exception cref="PrivacyBudgetExceededException">The budget does not admit what the options would open.</exception>
    Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<float> queries, int count, AttendOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Asks a batch of m float64 queries, row after row.</summary>
    /// <exception cref="PrivacyBudgetExceededException">The budget does not admit what the options would open.</exception>
    Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<double> queries, int count, AttendOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Error at an epsilon, epsilon for an error, or every tier; free.</summary>
    Task<EstimateResponse> EstimateAsync(string store, EstimateRequest? request = null, CancellationToken cancellationToken = default);

    /// <summary>The caller's own budget.</summary>
    Task<BudgetDescription> GetBudgetAsync(string store, CancellationToken cancellationToken = default);

    /// <summary>The caller's own ledger, entry by entry.</summary>
    IAsyncEnumerable<LedgerLine> ListLedgerAsync(string store, CancellationToken cancellationToken = default);

    /// <summary>The ledger of one account, entry by entry, for the store's owner.</summary>
    /// <param name="store">The store.</param>
    /// <param name="account">The account's id, as budgets list it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    IAsyncEnumerable<LedgerLine> ListAccountLedgerAsync(string store, string account, CancellationToken cancellationToken = default);

    /// <summary>Writes a ledger as JSON lines, an entry each, as the server would.</summary>
    /// <param name="store">The store.</param>
    /// <param name="target">Where to; it stays open.</param>
    /// <param name="account">An account's, for the store's owner; null for the caller's own.</param>
    /// <param name="cancellationToken">Stops between entries.</param>
    /// <returns>How many entries were written.</returns>
    Task<long> ExportLedgerAsync(string store, Stream target, string? account = null, CancellationToken cancellationToken = default);

    /// <summary>All budgets of a store, for its owner: one page.</summary>
    Task<StoreBudgets> ListBudgetsAsync(string store, string? cursor = null, CancellationToken cancellationToken = default);

    /// <summary>Grants a subject access with a limit, or sets its limit anew.</summary>
    Task<BudgetDescription> GrantAsync(string store, string subject, double epsilon, CancellationToken cancellationToken = default);

    /// <summary>The same for a subject of an issuer's tokens, which may have its limit before its first token comes.</summary>
    /// <param name="store">The store.</param>
    /// <param name="who">The subject as the issuer names it, and the issuer as the server's settings name it; without an issuer, a subject that keys were made for.</param>
    /// <param name="epsilon">The limit, in epsilon at the store's delta.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    Task<BudgetDescription> GrantAsync(string store, AccountLookup who, double epsilon, CancellationToken cancellationToken = default);

    /// <summary>Sets the limit of all users of a store together, for its owner: raised or lowered, never below what is spent.</summary>
    Task<StoreBudgets> SetStoreLimitAsync(string store, double epsilon, CancellationToken cancellationToken = default);

    /// <summary>Makes an API key.</summary>
    Task<KeyCreated> CreateKeyAsync(KeyRequest request, CancellationToken cancellationToken = default);

    /// <summary>The keys that the caller may revoke.</summary>
    Task<KeyList> ListKeysAsync(CancellationToken cancellationToken = default);

    /// <summary>Revokes a key.</summary>
    Task RevokeKeyAsync(string id, CancellationToken cancellationToken = default);

    /// <summary>The audit log, line by line.</summary>
    IAsyncEnumerable<AuditLine> ListAuditAsync(long after = 0, CancellationToken cancellationToken = default);

    /// <summary>The ledgers of the caller's stores, and for operators of all; whether each takes charges.</summary>
    Task<LedgerList> ListLedgersAsync(CancellationToken cancellationToken = default);

    /// <summary>Verifies a store's whole ledger: takes as long as it is large, at most what the server allows (an hour by default). It is not asked for again after a time-out.</summary>
    /// <param name="incarnation">The store's incarnation, as <see cref="ListLedgersAsync"/> tells it.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    Task<LedgerCheck> VerifyLedgerAsync(string incarnation, CancellationToken cancellationToken = default);

    /// <summary>Opens stores again whose ledgers are closed, for operators. Nothing is refunded.</summary>
    /// <param name="store">A store's name or incarnation; null for all.</param>
    /// <param name="cancellationToken">Gives up waiting; repeating it is safe.</param>
    Task<AcknowledgementResult> AcknowledgeLedgersAsync(string? store = null, CancellationToken cancellationToken = default);

    /// <summary>Copies the embedded database, for operators: consistent, and checked against its digest. Neither the key file nor the witness is in it.</summary>
    /// <param name="destination">Where it is written. After a failure, what stands there is not to be used.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task BackupAsync(Stream destination, CancellationToken cancellationToken = default);
}
