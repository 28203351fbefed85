namespace DpAttn.Storage;

/// <summary>The catalog within a transaction that is under way, while a storage is being opened. Every task is finished when it is returned.</summary>
internal sealed class SessionCatalog(SqliteSession session, DateTimeOffset now) : ICatalog
{
    public Task<CatalogRow?> ReadAsync(string kind, string key, CancellationToken cancellationToken = default) =>
        Task.FromResult(SqliteCatalog.Read(session, kind, key));

    public Task<IReadOnlyList<CatalogRow>> ListAsync(string kind, string keyPrefix, string? after, int limit, CancellationToken cancellationToken = default) =>
        Task.FromResult(SqliteCatalog.List(session, kind, keyPrefix, after, limit));

    public Task<bool> CommitAsync(CatalogCommit commit, CancellationToken cancellationToken = default) =>
        Task.FromResult(SqliteCatalog.Commit(session, CatalogRules.Check(commit, out _), now));

    public Task<IReadOnlyList<AuditRow>> ListAuditAsync(long after, int limit, CancellationToken cancellationToken = default) =>
        Task.FromResult(AuditLog.List(session, after, limit));
}
