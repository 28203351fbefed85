using Npgsql;

namespace DpAttn.Storage;

/// <summary>Versioned rows in the table dpattn_catalog, the log in dpattn_audit. A change locks the names of all it looks at, so that what it saw is still so when it commits.</summary>
internal sealed class PostgresCatalog(PostgresDatabase database, TimeProvider clock) : ICatalog
{
    private const string Columns = "key, version, digest, content";

    public async Task<CatalogRow?> ReadAsync(string kind, string key, CancellationToken cancellationToken = default)
    {
        CatalogRules.RequireKey(kind, key);
        return await database.ReadAsync("reading the catalog", session => ReadAsync(session, kind, key), cancellationToken).ConfigureAwait(false);
    }

    public async Task<IReadOnlyList<CatalogRow>> ListAsync(string kind, string keyPrefix, string? after, int limit, CancellationToken cancellationToken = default)
    {
        CatalogRules.RequireText(kind, CatalogRules.LongestKind, nameof(kind));
        ArgumentNullException.ThrowIfNull(keyPrefix);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        if (!KeyRange.IsText(keyPrefix) || after is not null && !KeyRange.IsText(after))
            throw new ArgumentException("a key has no control characters and no half of a surrogate pair");
        return await database.ReadAsync("listing the catalog", session => ListAsync(session, kind, keyPrefix, after, limit), cancellationToken).ConfigureAwait(false);
    }

    public Task<bool> CommitAsync(CatalogCommit commit, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var own = CatalogRules.Check(commit, out var bytes);
        return database.WriteAsync("changing the catalog", bytes, async session =>
        {
            var isMade = await CommitAsync(session, database.Schema, own, clock.GetUtcNow).ConfigureAwait(false);
            return (isMade, isMade);
        }, cancellationToken);
    }

    public async Task<IReadOnlyList<AuditRow>> ListAuditAsync(long after, int limit, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return await database.ReadAsync("reading the audit log", session => session.QueryAsync(PostgresAuditLog.List(after, limit), PostgresAuditLog.Row), cancellationToken).ConfigureAwait(false);
    }

    internal static async Task<CatalogRow?> ReadAsync(PostgresSession session, string kind, string key) => (await session.QueryAsync(
        new PostgresStatement($"SELECT {Columns} FROM dpattn_catalog WHERE kind = $1 AND key = $2").With(kind).With(key), row => Row(row, kind)).ConfigureAwait(false)).FirstOrDefault();

    internal static Task<List<CatalogRow>> ListAsync(PostgresSession session, string kind, string keyPrefix, string? after, int limit) => session.QueryAsync(
        new PostgresStatement($"""
            SELECT {Columns} FROM dpattn_catalog
            WHERE kind = $1 AND key >= $2 AND ($3::text IS NULL OR key < $3) AND ($4::text IS NULL OR key > $4) ORDER BY key LIMIT $5
            """).With(kind).With(keyPrefix).With(KeyRange.After(keyPrefix)).With(after).With(limit),
        row => Row(row, kind));

    /// <summary>Makes a change that was checked, in a transaction that is under way; false when something is not as expected, and then nothing was changed.</summary>
    internal static async Task<bool> CommitAsync(PostgresSession session, string schema, CatalogCommit commit, Func<DateTimeOffset> now)
    {
        var (isAsExpected, lastLine) = await LookAsync(session, schema, commit).ConfigureAwait(false);
        if (!isAsExpected)
            return false;
        var writes = commit.Writes.Where(write => write.Content is not null || write.ExpectedVersion > 0).ToArray();
        var changed = await session.ExecuteAsync([
            .. writes.Select(Write),
            .. commit.DeletedBlobs.Select(key => PostgresSegmentStore.Delete(key.Store, key.Kind, key.Id)),
            .. PostgresAuditLog.Append(now(), lastLine, commit.Audit)]).ConfigureAwait(false);
        if (changed.Take(writes.Length).Any(rows => rows != 1))
            throw new StorageCorruptException("changing the catalog: a version changed within the transaction that read it; nothing was changed");
        return true;
    }

    /// <summary>Takes the locks and looks whether everything is as expected, in one exchange with the server.</summary>
    private static async Task<(bool IsAsExpected, long LastLine)> LookAsync(PostgresSession session, string schema, CatalogCommit commit)
    {
        var expected = commit.Assertions.Select(row => (row.Kind, row.Key, row.ExpectedVersion))
            .Concat(commit.Writes.Select(row => (row.Kind, row.Key, row.ExpectedVersion))).ToArray();
        List<PostgresStatement> statements = [Locks(schema, commit).Take()];
        if (expected.Length > 0)
            statements.Add(Versions([.. expected.Select(row => row.Kind)], [.. expected.Select(row => row.Key)]));
        if (commit.RequiredBlobs.Count > 0)
            statements.Add(PostgresSegmentStore.CountMissing(commit.RequiredBlobs));
        if (commit.Audit.Count > 0)
            statements.Add(PostgresAuditLog.Last());
        return await session.QueryAllAsync(statements, async reader =>
        {
            await reader.NextResultAsync().ConfigureAwait(false);
            if (expected.Length > 0)
            {
                var versions = await PostgresSession.ReadAllAsync(reader, row => row.GetInt64(0)).ConfigureAwait(false);
                if (!versions.SequenceEqual(expected.Select(row => row.ExpectedVersion)))
                    return (false, 0);
                await reader.NextResultAsync().ConfigureAwait(false);
            }
            if (commit.RequiredBlobs.Count > 0)
            {
                if ((await PostgresSession.ReadAllAsync(reader, row => row.GetInt64(0)).ConfigureAwait(false))[0] > 0)
                    return (false, 0);
                await reader.NextResultAsync().ConfigureAwait(false);
            }
            return (true, commit.Audit.Count == 0 ? 0 : (await PostgresSession.ReadAllAsync(reader, row => row.GetInt64(0)).ConfigureAwait(false))[0]);
        }).ConfigureAwait(false);
    }

    private static PostgresLocks Locks(string schema, CatalogCommit commit)
    {
        var locks = new PostgresLocks(schema);
        foreach (var write in commit.Writes)
            locks.Add(isShared: false, "row", write.Kind, write.Key);
        foreach (var assertion in commit.Assertions)
            locks.Add(isShared: true, "row", assertion.Kind, assertion.Key);
        foreach (var key in commit.RequiredBlobs)
            PostgresSegmentStore.AddLocks(locks, isShared: true, key.Store, key.Kind, key.Id);
        foreach (var key in commit.DeletedBlobs)
            PostgresSegmentStore.AddLocks(locks, isShared: false, key.Store, key.Kind, key.Id);
        if (commit.Audit.Count > 0)
            locks.Add(isShared: false, PostgresAuditLog.LockName);
        return locks;
    }

    /// <summary>The versions of rows in the order asked for, 0 where there is none.</summary>
    private static PostgresStatement Versions(string[] kinds, string[] keys) => new PostgresStatement("""
        SELECT coalesce(found.version, 0) FROM unnest($1, $2) WITH ORDINALITY AS asked (kind, key, place)
        LEFT JOIN dpattn_catalog found ON found.kind = asked.kind AND found.key = asked.key ORDER BY asked.place
        """).WithAll(kinds).WithAll(keys);

    private static PostgresStatement Write(CatalogWrite write)
    {
        if (write.Content is not { } content)
            return new PostgresStatement("DELETE FROM dpattn_catalog WHERE kind = $1 AND key = $2 AND version = $3").With(write.Kind).With(write.Key).With(write.ExpectedVersion);
        var version = write.ExpectedVersion + 1;
        var digest = CatalogDigest.OfRow(write.Kind, write.Key, version, content.Span).ToArray();
        return write.ExpectedVersion == 0
            ? new PostgresStatement("INSERT INTO dpattn_catalog (kind, key, version, digest, content) VALUES ($1, $2, $3, $4, $5)").With(write.Kind).With(write.Key).With(version).With(digest).With(content)
            : new PostgresStatement("UPDATE dpattn_catalog SET version = $3, digest = $4, content = $5 WHERE kind = $1 AND key = $2 AND version = $6")
                .With(write.Kind).With(write.Key).With(version).With(digest).With(content).With(write.ExpectedVersion);
    }

    private static CatalogRow Row(NpgsqlDataReader row, string kind)
    {
        var key = row.GetString(0);
        var version = row.GetInt64(1);
        var content = row.GetFieldValue<byte[]>(3);
        CatalogDigest.OfRow(kind, key, version, content).Require(row.GetFieldValue<byte[]>(2), $"catalog row {kind} {key}");
        return new CatalogRow(kind, key, version, content);
    }
}
