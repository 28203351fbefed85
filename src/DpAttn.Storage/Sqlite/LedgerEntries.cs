using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>The table ledger_entry, to which rows are only ever appended.</summary>
internal static class LedgerEntries
{
    private const string Columns =
        "book, sequence, kind, request, fingerprint, release, tier, stated_epsilon, stated_delta, account_mu2, account_slack, store_mu2, store_slack, written_at, mac, digest";

    /// <summary>The fingerprint recorded under a request's id, or null.</summary>
    /// <exception cref="StorageCorruptException">The entry is none that was written there.</exception>
    public static RequestFingerprint? Recorded(SqliteSession session, LedgerChain chain, LedgerBook book, RequestId request) => Find(session, chain, book, request)?.Entry.Fingerprint;

    /// <summary>Appends an entry.</summary>
    /// <param name="session">The writer's.</param>
    /// <param name="book">The key of the book it stands in.</param>
    /// <param name="row">The entry.</param>
    /// <param name="mac">Its MAC.</param>
    public static void Append(SqliteSession session, long book, in EntryRow row, byte[] mac)
    {
        using var insert = session.Prepare($"INSERT INTO ledger_entry ({Columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)")
            .With(book).With(row.Sequence).With(row.Kind).With(row.Request);
        if (row.Fingerprint is { } fingerprint)
            insert.With(fingerprint);
        else
            insert.WithNull();
        insert.With(row.Release);
        if (row.Tier is { } tier)
            insert.With(tier);
        else
            insert.WithNull();
        Bind(row.StatedEpsilon);
        Bind(row.StatedDelta);
        insert.With(row.AccountAmount.MuSquared).With(row.AccountAmount.Slack).With(row.StoreAmount.MuSquared).With(row.StoreAmount.Slack).With(row.WrittenAt)
            .With(mac).With(row.Digest(book, mac).ToArray());
        insert.Execute();

        void Bind(double? value)
        {
            if (value is { } number)
                insert.With(number);
            else
                insert.WithNull();
        }
    }

    /// <summary>The entry of a request in a book, its MAC verified, or null.</summary>
    /// <exception cref="StorageCorruptException">The entry is none that was written there.</exception>
    public static StoredLedgerEntry? Find(SqliteSession session, LedgerChain chain, LedgerBook book, RequestId request)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_entry WHERE book = ?1 AND request = ?2").With(book.Id).With(request.Value);
        if (!select.Step())
            return null;
        var row = Row(select);
        chain.RequireEntry(book.Store, book.Account, ReadMacBefore(session, book.Id, row.Sequence), row, select.Blob(14));
        return From(select, book);
    }

    /// <summary>Entries of a book in the order of their sequence.</summary>
    public static IReadOnlyList<StoredLedgerEntry> List(SqliteSession session, LedgerBook book, long after, int limit)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_entry WHERE book = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3").With(book.Id).With(after).With(limit);
        var found = new List<StoredLedgerEntry>();
        while (select.Step())
            found.Add(From(select, book));
        return found;
    }

    /// <summary>All entries of a book as they stand, in the order of their sequence.</summary>
    public static void Scan(SqliteSession session, LedgerBook book, ILedgerScan scan, CancellationToken cancellationToken)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_entry WHERE book = ?1 ORDER BY sequence").With(book.Id);
        while (select.Step())
        {
            cancellationToken.ThrowIfCancellationRequested();
            scan.Entry(Row(select), select.Blob(14));
        }
    }

    /// <summary>The MAC that stands in an entry, or null.</summary>
    public static byte[]? ReadMac(SqliteSession session, long book, long sequence)
    {
        using var select = session.Prepare("SELECT mac FROM ledger_entry WHERE book = ?1 AND sequence = ?2").With(book).With(sequence);
        return select.Step() ? select.Blob(0).ToArray() : null;
    }

    /// <summary>Looks through the entries of a book.</summary>
    public static void Search(SqliteSession session, LedgerBook book, AcknowledgementSearch search)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_entry WHERE book = ?1 ORDER BY sequence").With(book.Id);
        while (select.Step())
            search.Entry(Row(select), select.Blob(14));
    }

    /// <summary>The MAC of the entry before one: an acknowledgement may have skipped sequences.</summary>
    private static byte[] ReadMacBefore(SqliteSession session, long book, long sequence)
    {
        using var select = session.Prepare("SELECT mac FROM ledger_entry WHERE book = ?1 AND sequence < ?2 ORDER BY sequence DESC LIMIT 1").With(book).With(sequence);
        return select.Step() ? select.Blob(0).ToArray() : LedgerChain.Beginning;
    }

    private static StoredLedgerEntry From(SqliteStatement select, LedgerBook book)
    {
        var row = Row(select);
        row.Digest(book.Id, select.Blob(14)).Require(select.Blob(15), $"entry {row.Sequence} in a book of store {book.Store}");
        return row.ToEntry(book.Account);
    }

    private static EntryRow Row(SqliteStatement row) => new(
        row.Integer(1),
        row.Text(2),
        row.TextOrNull(3),
        row.IsNull(4) ? null : row.Blob(4).ToArray(),
        row.TextOrNull(5),
        row.IsNull(6) ? null : row.Integer(6),
        row.IsNull(7) ? null : row.Real(7),
        row.IsNull(8) ? null : row.Real(8),
        new PrivacyAmount(row.Integer(9), row.Integer(10)),
        new PrivacyAmount(row.Integer(11), row.Integer(12)),
        row.Integer(13));
}
