using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>The table ledger_suspension.</summary>
internal static class LedgerSuspensions
{
    /// <summary>Why a store is suspended, or null.</summary>
    public static string? Read(SqliteSession session, StoreId store)
    {
        using var select = session.Prepare("SELECT reason, found_at, digest FROM ledger_suspension WHERE store = ?1").With(store.Value);
        if (!select.Step())
            return null;
        var reason = select.Text(0);
        SuspensionDigest.Of(store.Value, reason, select.Integer(1)).Require(select.Blob(2), $"the suspension of store {store}");
        return reason;
    }

    /// <summary>How many stores are suspended.</summary>
    public static long Count(SqliteSession session)
    {
        using var select = session.Prepare("SELECT count(*) FROM ledger_suspension");
        return select.Step() ? select.Integer(0) : 0;
    }

    public static void Insert(SqliteSession session, StoreId store, string reason, DateTimeOffset now)
    {
        var foundAt = Timestamp.ToMicroseconds(now);
        using var insert = session.Prepare("INSERT INTO ledger_suspension (store, reason, found_at, digest) VALUES (?1, ?2, ?3, ?4)")
            .With(store.Value).With(reason).With(foundAt).With(SuspensionDigest.Of(store.Value, reason, foundAt).ToArray());
        insert.Execute();
    }

    public static void Delete(SqliteSession session, StoreId store)
    {
        using var delete = session.Prepare("DELETE FROM ledger_suspension WHERE store = ?1").With(store.Value);
        delete.Execute();
    }
}
