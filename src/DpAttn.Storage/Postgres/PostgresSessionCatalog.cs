namespace DpAttn.Storage;

/// <summary>The catalog within a transaction that is under way, while the schema is being applied.</summary>
internal sealed class PostgresSessionCatalog(PostgresSession session, string schema, DateTimeOffset now) : ICatalog
{
    public Task<CatalogRow?> ReadAsync(string kind, string key, CancellationToken cancellationToken = default) => PostgresCatalog.ReadAsync(session, kind, key);

    public async Task<IReadOnlyList<CatalogRow>> ListAsync(string kind, string keyPrefix, string? after, int limit, CancellationToken cancellationToken = default) =>
        await PostgresCatalog.ListAsync(session, kind, keyPrefix, after, limit).ConfigureAwait(false);

    public Task<bool> CommitAsync(CatalogCommit commit, CancellationToken cancellationToken = default) =>
        PostgresCatalog.CommitAsync(session, schema, CatalogRules.Check(commit, out _), () => now);

    public async Task<IReadOnlyList<AuditRow>> ListAuditAsync(long after, int limit, CancellationToken cancellationToken = default) =>
        await session.QueryAsync(PostgresAuditLog.List(after, limit), PostgresAuditLog.Row).ConfigureAwait(false);
}
