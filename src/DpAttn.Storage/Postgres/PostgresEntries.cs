using DpAttn.Privacy;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>The table dpattn_ledger_entry, to which rows are only ever appended.</summary>
internal static class PostgresEntries
{
    private const string Columns =
        "book, sequence, kind, request, fingerprint, release, tier, stated_epsilon, stated_delta, account_mu2, account_slack, store_mu2, store_slack, written_at, mac, digest";

    // The MAC of the entry before one, whose sequence an acknowledgement may have skipped; behind the columns.
    private const string Previous =
        "(SELECT previous.mac FROM dpattn_ledger_entry previous WHERE previous.book = entry.book AND previous.sequence < entry.sequence ORDER BY previous.sequence DESC LIMIT 1)";

    private const int PreviousAt = 16;

    /// <summary>The entries recorded under requests, then the MAC before each, store, account and request.</summary>
    public static PostgresStatement Recorded(IReadOnlyList<(string Store, string Account, string Request)> requests) => new PostgresStatement($"""
        SELECT entry.*, asked.store, asked.account, asked.request FROM unnest($1, $2, $3) AS asked (store, account, request),
            LATERAL (SELECT book.id FROM dpattn_ledger_book book WHERE book.store = asked.store AND book.account = asked.account LIMIT 1) own,
            LATERAL (SELECT {Columns}, {Previous} FROM dpattn_ledger_entry entry WHERE entry.book = own.id AND entry.request = asked.request LIMIT 1) entry
        """)
        .WithAll([.. requests.Select(asked => asked.Store)]).WithAll([.. requests.Select(asked => asked.Account)]).WithAll([.. requests.Select(asked => asked.Request)]);

    /// <summary>Appends entries.</summary>
    public static PostgresStatement Append(IReadOnlyList<(long Book, EntryRow Row, byte[] Mac)> entries) => new PostgresStatement($"""
        INSERT INTO dpattn_ledger_entry ({Columns}) SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        """)
        .WithAll(All(entries, entry => entry.Book)).WithAll(All(entries, entry => entry.Row.Sequence)).WithAll(All(entries, entry => entry.Row.Kind)).WithAll(All(entries, entry => entry.Row.Request))
        .WithAll(All(entries, entry => entry.Row.Fingerprint)).WithAll(All(entries, entry => entry.Row.Release)).WithAll(All(entries, entry => entry.Row.Tier))
        .WithAll(All(entries, entry => entry.Row.StatedEpsilon)).WithAll(All(entries, entry => entry.Row.StatedDelta))
        .WithAll(All(entries, entry => entry.Row.AccountAmount.MuSquared)).WithAll(All(entries, entry => entry.Row.AccountAmount.Slack))
        .WithAll(All(entries, entry => entry.Row.StoreAmount.MuSquared)).WithAll(All(entries, entry => entry.Row.StoreAmount.Slack))
        .WithAll(All(entries, entry => entry.Row.WrittenAt)).WithAll(All(entries, entry => entry.Mac)).WithAll(All(entries, entry => entry.Row.Digest(entry.Book, entry.Mac).ToArray()));

    /// <summary>The entry of a request in a book, and the MAC before it.</summary>
    public static PostgresStatement Find(long book, RequestId request) =>
        new PostgresStatement($"SELECT {Columns}, {Previous} FROM dpattn_ledger_entry entry WHERE book = $1 AND request = $2").With(book).With(request.Value);

    /// <summary>Entries of a book in the order of their sequence.</summary>
    public static PostgresStatement List(long book, long after, int limit) =>
        new PostgresStatement($"SELECT {Columns} FROM dpattn_ledger_entry WHERE book = $1 AND sequence > $2 ORDER BY sequence LIMIT $3").With(book).With(after).With(limit);

    /// <summary>The MAC that stands in an entry.</summary>
    public static PostgresStatement Mac(string store, string account, long sequence) => new PostgresStatement("""
        SELECT mac FROM dpattn_ledger_entry WHERE book = (SELECT id FROM dpattn_ledger_book WHERE store = $1 AND account = $2) AND sequence = $3
        """).With(store).With(account).With(sequence);

    /// <summary>An entry, its digest verified.</summary>
    public static StoredLedgerEntry From(NpgsqlDataReader select, LedgerBook book)
    {
        var (row, mac) = Row(select);
        row.Digest(book.Id, mac).Require(select.GetFieldValue<byte[]>(15), $"entry {row.Sequence} in a book of store {book.Store}");
        return row.ToEntry(book.Account);
    }

    /// <summary>What was found under a request, before anything is believed of it.</summary>
    public static RecordedEntry FromRecorded(NpgsqlDataReader select)
    {
        var (row, mac) = Row(select);
        return new RecordedEntry(row, mac, select.IsDBNull(PreviousAt) ? LedgerChain.Beginning : select.GetFieldValue<byte[]>(PreviousAt));
    }

    /// <summary>The store, account and request that a row of <see cref="Recorded"/> was asked for.</summary>
    public static (string Store, string Account, string Request) Asked(NpgsqlDataReader select) => (select.GetString(PreviousAt + 1), select.GetString(PreviousAt + 2), select.GetString(PreviousAt + 3));

    /// <summary>An entry that <see cref="Find"/> found, its digest and its MAC verified.</summary>
    /// <exception cref="StorageCorruptException">It is none that was written there.</exception>
    public static StoredLedgerEntry FromFound(NpgsqlDataReader select, LedgerChain chain, LedgerBook book)
    {
        FromRecorded(select).Require(chain, book.Store, book.Account);
        return From(select, book);
    }

    /// <summary>A row as it stands, and its MAC.</summary>
    public static (EntryRow Row, byte[] Mac) Row(NpgsqlDataReader row) => (
        new EntryRow(
            row.GetInt64(1),
            row.GetString(2),
            row.IsDBNull(3) ? null : row.GetString(3),
            row.IsDBNull(4) ? null : row.GetFieldValue<byte[]>(4),
            row.IsDBNull(5) ? null : row.GetString(5),
            row.IsDBNull(6) ? null : row.GetInt64(6),
            row.IsDBNull(7) ? null : row.GetDouble(7),
            row.IsDBNull(8) ? null : row.GetDouble(8),
            new PrivacyAmount(row.GetInt64(9), row.GetInt64(10)),
            new PrivacyAmount(row.GetInt64(11), row.GetInt64(12)),
            row.GetInt64(13)),
        row.GetFieldValue<byte[]>(14));

    private static TValue[] All<TValue>(IReadOnlyList<(long Book, EntryRow Row, byte[] Mac)> entries, Func<(long Book, EntryRow Row, byte[] Mac), TValue> value) => [.. entries.Select(value)];
}
