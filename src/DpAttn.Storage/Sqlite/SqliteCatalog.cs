using System.Text;

namespace DpAttn.Storage;

/// <summary>Versioned rows in the table catalog, the log in audit.</summary>
internal sealed class SqliteCatalog(SqliteWriter writer, SqliteReaders readers, TimeProvider clock) : ICatalog
{
    public Task<CatalogRow?> ReadAsync(string kind, string key, CancellationToken cancellationToken = default)
    {
        CatalogRules.RequireKey(kind, key);
        return readers.ReadAsync("reading the catalog", session => Read(session, kind, key), cancellationToken);
    }

    public Task<IReadOnlyList<CatalogRow>> ListAsync(string kind, string keyPrefix, string? after, int limit, CancellationToken cancellationToken = default)
    {
        CatalogRules.RequireText(kind, CatalogRules.LongestKind, nameof(kind));
        ArgumentNullException.ThrowIfNull(keyPrefix);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return readers.ReadAsync("listing the catalog", session => List(session, kind, keyPrefix, after, limit), cancellationToken);
    }

    public Task<bool> CommitAsync(CatalogCommit commit, CancellationToken cancellationToken = default)
    {
        var own = CatalogRules.Check(commit, out var bytes);
        return writer.RunAsync("changing the catalog", bytes, session => Commit(session, own, clock.GetUtcNow()), cancellationToken);
    }

    public Task<IReadOnlyList<AuditRow>> ListAuditAsync(long after, int limit, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return readers.ReadAsync("reading the audit log", session => AuditLog.List(session, after, limit), cancellationToken);
    }

    internal static CatalogRow? Read(SqliteSession session, string kind, string key)
    {
        using var select = session.Prepare("SELECT key, version, digest, content FROM catalog WHERE kind = ?1 AND key = ?2").With(kind).With(key);
        return select.Step() ? Row(select, kind) : null;
    }

    internal static IReadOnlyList<CatalogRow> List(SqliteSession session, string kind, string keyPrefix, string? after, int limit)
    {
        // One range on the key: from the prefix, or from the key to go on after when that lies further (in bytes of UTF-8, as the database compares).
        var goesOn = after is not null && Encoding.UTF8.GetBytes(after).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(keyPrefix)) >= 0;
        using var select = session.Prepare(goesOn
            ? "SELECT key, version, digest, content FROM catalog WHERE kind = ?1 AND key > ?2 ORDER BY key LIMIT ?3"
            : "SELECT key, version, digest, content FROM catalog WHERE kind = ?1 AND key >= ?2 ORDER BY key LIMIT ?3");
        select.With(kind).With(goesOn ? after : keyPrefix).With(limit);
        var found = new List<CatalogRow>();
        while (select.Step() && select.Text(0).StartsWith(keyPrefix, StringComparison.Ordinal))
            found.Add(Row(select, kind));
        return found;
    }

    internal static bool Commit(SqliteSession session, CatalogCommit commit, DateTimeOffset now)
    {
        var isAsExpected = commit.Assertions.All(row => Version(session, row.Kind, row.Key) == row.ExpectedVersion)
            && commit.Writes.All(row => Version(session, row.Kind, row.Key) == row.ExpectedVersion)
            && commit.RequiredBlobs.All(key => SqliteSegmentStore.Exists(session, key));
        if (!isAsExpected)
            return false;
        foreach (var write in commit.Writes)
            Write(session, write);
        foreach (var key in commit.DeletedBlobs)
            SqliteSegmentStore.Delete(session, key.Store, key.Kind, key.Id);
        AuditLog.Append(session, now, commit.Audit);
        return true;
    }

    private static long Version(SqliteSession session, string kind, string key)
    {
        using var select = session.Prepare("SELECT version FROM catalog WHERE kind = ?1 AND key = ?2").With(kind).With(key);
        return select.Step() ? select.Integer(0) : 0;
    }

    private static void Write(SqliteSession session, CatalogWrite write)
    {
        if (write.Content is not { } content)
        {
            using var delete = session.Prepare("DELETE FROM catalog WHERE kind = ?1 AND key = ?2 AND version = ?3").With(write.Kind).With(write.Key).With(write.ExpectedVersion);
            delete.Execute();
            session.HasErased = true;
            return;
        }
        var version = write.ExpectedVersion + 1;
        var digest = CatalogDigest.OfRow(write.Kind, write.Key, version, content.Span).ToArray();
        if (write.ExpectedVersion == 0)
        {
            using var insert = session.Prepare("INSERT INTO catalog (kind, key, version, digest, content) VALUES (?1, ?2, ?3, ?4, ?5)")
                .With(write.Kind).With(write.Key).With(version).With(digest).With(content.Span);
            insert.Execute();
            return;
        }
        using var update = session.Prepare("UPDATE catalog SET version = ?3, digest = ?4, content = ?5 WHERE kind = ?1 AND key = ?2 AND version = ?6")
            .With(write.Kind).With(write.Key).With(version).With(digest).With(content.Span).With(write.ExpectedVersion);
        if (update.Execute() != 1)
            throw new StorageCorruptException("changing the catalog: a version changed within the transaction that read it");
        // The old content may have been a secret that is no longer wanted.
        session.HasErased = true;
    }

    private static CatalogRow Row(SqliteStatement row, string kind)
    {
        var key = row.Text(0);
        var version = row.Integer(1);
        var content = row.Blob(3).ToArray();
        CatalogDigest.OfRow(kind, key, version, content).Require(row.Blob(2), $"catalog row {kind} {key}");
        return new CatalogRow(kind, key, version, content);
    }
}
