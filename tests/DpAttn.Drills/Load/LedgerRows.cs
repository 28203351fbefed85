using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace DpAttn.Drills.Load;

/// <summary>A row of the ledger's totals, of an account, or (empty) of a store itself, with its entries.</summary>
internal sealed record BookRow(string Store, string Account, long Limit, long Spent, IReadOnlyList<EntryRow> Entries);

/// <summary>An entry as it stands in the database.</summary>
internal sealed record EntryRow(long Sequence, string Kind, string? Request, string? Release, int? Tier, long AccountUnits, long StoreUnits);

/// <summary>Reads the ledger's tables by their names, with none of the product's code: of a server that does not run.</summary>
internal static class LedgerRows
{
    private const string EntryColumns = "book, sequence, kind, request, release, tier, account_mu2, store_mu2";

    public static IReadOnlyList<BookRow> ReadSqlite(string file)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        return Read(connection, $"SELECT {EntryColumns} FROM ledger_entry ORDER BY book, sequence", "SELECT id, store, account, limit_mu2, spent_mu2 FROM ledger_book");
    }

    /// <summary>A store's total holds there what its accounts have reserved and not spent.</summary>
    public static IReadOnlyList<BookRow> ReadPostgres(string connectionString)
    {
        using var connection = new NpgsqlConnection($"{connectionString};Pooling=false");
        return Read(connection, $"SELECT {EntryColumns} FROM dpattn_ledger_entry ORDER BY book, sequence", """
            SELECT id, store, account, limit_mu2, spent_mu2 - CASE WHEN account = '' THEN
                (SELECT coalesce(sum(own.reserved_mu2), 0)::bigint FROM dpattn_ledger_book own WHERE own.store = book.store AND own.account <> '') ELSE 0 END
            FROM dpattn_ledger_book book
            """);
    }

    private static List<BookRow> Read(DbConnection connection, string selectEntries, string selectBooks)
    {
        connection.Open();
        var entries = new Dictionary<long, List<EntryRow>>();
        using (var command = connection.CreateCommand())
        {
            command.CommandText = selectEntries;
            using var row = command.ExecuteReader();
            while (row.Read())
            {
                if (!entries.TryGetValue(row.GetInt64(0), out var list))
                    entries.Add(row.GetInt64(0), list = []);
                list.Add(new EntryRow(
                    row.GetInt64(1), row.GetString(2), row.IsDBNull(3) ? null : row.GetString(3), row.IsDBNull(4) ? null : row.GetString(4),
                    row.IsDBNull(5) ? null : (int)row.GetInt64(5), row.GetInt64(6), row.GetInt64(7)));
            }
        }
        using (var command = connection.CreateCommand())
        {
            command.CommandText = selectBooks;
            using var row = command.ExecuteReader();
            var books = new List<BookRow>();
            while (row.Read())
                books.Add(new BookRow(row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetInt64(4), entries.GetValueOrDefault(row.GetInt64(0)) ?? []));
            return books;
        }
    }
}
