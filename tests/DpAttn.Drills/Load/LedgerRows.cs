using Microsoft.Data.Sqlite;

namespace DpAttn.Drills.Load;

/// <summary>A row of the ledger's totals, of an account, or (empty) of a store itself, with its entries.</summary>
internal sealed record BookRow(string Store, string Account, long Limit, long Spent, IReadOnlyList<EntryRow> Entries);

/// <summary>An entry as it stands in the database.</summary>
internal sealed record EntryRow(long Sequence, string Kind, string? Request, string? Release, int? Tier, long AccountUnits, long StoreUnits);

/// <summary>Reads the ledger's tables by their names, with none of the product's code: of a server that does not run.</summary>
internal static class LedgerRows
{
    public static IReadOnlyList<BookRow> ReadSqlite(string file)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        connection.Open();
        var entries = new Dictionary<long, List<EntryRow>>();
        using (var command = connection.CreateCommand())
        {
            command.CommandText = "SELECT book, sequence, kind, request, release, tier, account_mu2, store_mu2 FROM ledger_entry ORDER BY book, sequence";
            using var row = command.ExecuteReader();
            while (row.Read())
            {
                if (!entries.TryGetValue(row.GetInt64(0), out var list))
                    entries.Add(row.GetInt64(0), list = []);
                list.Add(new EntryRow(
                    row.GetInt64(1), row.GetString(2), row.IsDBNull(3) ? null : row.GetString(3), row.IsDBNull(4) ? null : row.GetString(4),
                    row.IsDBNull(5) ? null : row.GetInt32(5), row.GetInt64(6), row.GetInt64(7)));
            }
        }
        using (var command = connection.CreateCommand())
        {
            command.CommandText = "SELECT id, store, account, limit_mu2, spent_mu2 FROM ledger_book";
            using var row = command.ExecuteReader();
            var books = new List<BookRow>();
            while (row.Read())
                books.Add(new BookRow(row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetInt64(4), entries.GetValueOrDefault(row.GetInt64(0)) ?? []));
            return books;
        }
    }
}
