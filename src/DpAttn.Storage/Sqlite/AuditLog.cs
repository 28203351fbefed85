using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>The table audit: numbered from 1 without gaps, since one transaction writes at a time.</summary>
internal static class AuditLog
{
    public static void Append(SqliteSession session, DateTimeOffset now, IReadOnlyList<AuditEvent> events)
    {
        if (events.Count == 0)
            return;
        var sequence = Last(session);
        var writtenAt = Timestamp.ToMicroseconds(now);
        foreach (var entry in events)
        {
            sequence++;
            var store = entry.Store?.Value;
            using var insert = session.Prepare("INSERT INTO audit (sequence, written_at, action, actor, store, target, detail, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
                .With(sequence).With(writtenAt).With(entry.Action).With(entry.Actor).With(store).With(entry.Target).With(entry.Detail)
                .With(CatalogDigest.OfLine(sequence, writtenAt, entry).ToArray());
            insert.Execute();
        }
    }

    public static IReadOnlyList<AuditRow> List(SqliteSession session, long after, int limit)
    {
        using var select = session.Prepare("SELECT sequence, written_at, action, actor, store, target, detail, digest FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2")
            .With(after).With(limit);
        var found = new List<AuditRow>();
        while (select.Step())
        {
            var sequence = select.Integer(0);
            var entry = new AuditEvent(select.Text(2), select.Text(3), select.TextOrNull(4) is { } store ? new StoreId(store) : null, select.TextOrNull(5), select.TextOrNull(6));
            CatalogDigest.OfLine(sequence, select.Integer(1), entry).Require(select.Blob(7), $"line {sequence} of the audit log");
            found.Add(new AuditRow(sequence, Timestamp.FromMicroseconds(select.Integer(1)), entry));
        }
        return found;
    }

    private static long Last(SqliteSession session)
    {
        using var select = session.Prepare("SELECT max(sequence) FROM audit");
        return select.Step() ? select.Integer(0) : 0;
    }
}
