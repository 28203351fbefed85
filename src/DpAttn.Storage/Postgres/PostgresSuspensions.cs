using DpAttn.Privacy;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>The table dpattn_ledger_suspension.</summary>
internal static class PostgresSuspensions
{
    public static PostgresStatement Select(params string[] stores) =>
        new PostgresStatement("SELECT store, reason, found_at, digest FROM dpattn_ledger_suspension WHERE store = ANY ($1)").WithAll(stores);

    public static PostgresStatement Count() => new("SELECT count(*) FROM dpattn_ledger_suspension");

    public static PostgresStatement Insert(StoreId store, string reason, DateTimeOffset now)
    {
        var foundAt = Timestamp.ToMicroseconds(now);
        return new PostgresStatement("INSERT INTO dpattn_ledger_suspension (store, reason, found_at, digest) VALUES ($1, $2, $3, $4)")
            .With(store.Value).With(reason).With(foundAt).With(SuspensionDigest.Of(store.Value, reason, foundAt).ToArray());
    }

    public static PostgresStatement Delete(StoreId store) => new PostgresStatement("DELETE FROM dpattn_ledger_suspension WHERE store = $1").With(store.Value);

    public static (string Store, string Reason) From(NpgsqlDataReader row)
    {
        var (store, reason) = (row.GetString(0), row.GetString(1));
        SuspensionDigest.Of(store, reason, row.GetInt64(2)).Require(row.GetFieldValue<byte[]>(3), $"the suspension of store {store}");
        return (store, reason);
    }
}
