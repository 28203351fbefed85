using DpAttn.Privacy;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>The table dpattn_audit: numbered from 1 without gaps, since who appends holds its lock until the commit.</summary>
internal static class PostgresAuditLog
{
    public const string LockName = "audit";

    private const string Columns = "sequence, written_at, action, actor, store, target, detail, digest";

    public static PostgresStatement Last() => new("SELECT coalesce(max(sequence), 0) FROM dpattn_audit");

    /// <summary>Appends after the last line, which was read under the lock.</summary>
    public static IEnumerable<PostgresStatement> Append(DateTimeOffset now, long last, IReadOnlyList<AuditEvent> events)
    {
        var writtenAt = Timestamp.ToMicroseconds(now);
        foreach (var entry in events)
        {
            last++;
            yield return new PostgresStatement($"INSERT INTO dpattn_audit ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
                .With(last).With(writtenAt).With(entry.Action).With(entry.Actor).With(entry.Store?.Value).With(entry.Target).With(entry.Detail)
                .With(CatalogDigest.OfLine(last, writtenAt, entry).ToArray());
        }
    }

    public static PostgresStatement List(long after, int limit) =>
        new PostgresStatement($"SELECT {Columns} FROM dpattn_audit WHERE sequence > $1 ORDER BY sequence LIMIT $2").With(after).With(limit);

    public static AuditRow Row(NpgsqlDataReader row)
    {
        var (sequence, writtenAt) = (row.GetInt64(0), row.GetInt64(1));
        var entry = new AuditEvent(row.GetString(2), row.GetString(3), Text(4) is { } store ? new StoreId(store) : null, Text(5), Text(6));
        CatalogDigest.OfLine(sequence, writtenAt, entry).Require(row.GetFieldValue<byte[]>(7), $"line {sequence} of the audit log");
        return new AuditRow(sequence, Timestamp.FromMicroseconds(writtenAt), entry);

        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);
    }
}
