using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>The table ledger_entry, to which rows are only ever appended.</summary>
internal static class LedgerEntries
{
    private const string Columns =
        "book, sequence, kind, request, fingerprint, release, tier, stated_epsilon, stated_delta, account_mu2, account_slack, store_mu2, store_slack, written_at, digest";

    /// <summary>The fingerprint recorded under a request's id, or null.</summary>
    public static RequestFingerprint? Recorded(SqliteSession session, LedgerBook book, RequestId request)
    {
        using var select = session.Prepare("SELECT fingerprint FROM ledger_entry WHERE book = ?1 AND request = ?2").With(book.Id).With(request.Value);
        return select.Step() ? ToFingerprint(select, 0) : null;
    }

    /// <summary>Appends an entry.</summary>
    /// <param name="session">The writer's.</param>
    /// <param name="book">The book it stands in.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="limit">The limit as it was stated, for entries of limits.</param>
    /// <param name="now">The time.</param>
    public static void Append(SqliteSession session, LedgerBook book, LedgerEntry entry, PrivacyLimit? limit, DateTimeOffset now)
    {
        var writtenAt = Timestamp.ToMicroseconds(now);
        using var insert = session.Prepare($"INSERT INTO ledger_entry ({Columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)")
            .With(book.Id).With(entry.Sequence).With(Name(entry.Kind)).With(entry.Request?.Value);
        if (entry.Request is null)
            insert.WithNull();
        else
            insert.With(Convert.FromHexString(entry.Fingerprint.Hex));
        insert.With(entry.Release?.Value);
        if (entry.Tier is { } tier)
            insert.With(tier);
        else
            insert.WithNull();
        if (limit is not null)
            insert.With(limit.Epsilon.Value).With(limit.Delta.Value);
        else
            insert.WithNull().WithNull();
        insert.With(entry.AccountAmount.MuSquared).With(entry.AccountAmount.Slack).With(entry.StoreAmount.MuSquared).With(entry.StoreAmount.Slack).With(writtenAt)
            .With(Digest(book.Id, entry, limit?.Epsilon.Value, limit?.Delta.Value, writtenAt).ToArray());
        insert.Execute();
    }

    /// <summary>The entry of a request in a book, or null.</summary>
    public static StoredLedgerEntry? Find(SqliteSession session, LedgerBook book, RequestId request)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_entry WHERE book = ?1 AND request = ?2").With(book.Id).With(request.Value);
        return select.Step() ? From(select, book) : null;
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

    private static StoredLedgerEntry From(SqliteStatement row, LedgerBook book)
    {
        var entry = new LedgerEntry(
            row.Integer(1),
            Kind(row.Text(2)),
            book.Account == LedgerBook.StoreItself ? null : new AccountId(book.Account),
            row.TextOrNull(3) is { } request ? new RequestId(request) : null,
            row.IsNull(4) ? default : ToFingerprint(row, 4),
            row.TextOrNull(5) is { } release ? new ReleaseId(release) : null,
            row.IsNull(6) ? null : (int)row.Integer(6),
            new PrivacyAmount(row.Integer(9), row.Integer(10)),
            new PrivacyAmount(row.Integer(11), row.Integer(12)));
        var writtenAt = row.Integer(13);
        Digest(book.Id, entry, row.IsNull(7) ? null : row.Real(7), row.IsNull(8) ? null : row.Real(8), writtenAt).Require(row.Blob(14), $"entry {entry.Sequence} in a book of store {book.Store}");
        return new StoredLedgerEntry(Timestamp.FromMicroseconds(writtenAt), entry);
    }

    private static RequestFingerprint ToFingerprint(SqliteStatement row, int column)
    {
        var fingerprint = row.Blob(column);
        if (fingerprint.Length != 32)
            throw new StorageCorruptException("a fingerprint in the ledger is not what was written");
        return RequestFingerprint.FromHex(Convert.ToHexStringLower(fingerprint));
    }

    private static string Name(LedgerEntryKind kind) => kind switch
    {
        LedgerEntryKind.StoreLimit => "store-limit",
        LedgerEntryKind.AccountLimit => "account-limit",
        LedgerEntryKind.Open => "open",
        LedgerEntryKind.Charge => "charge",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static LedgerEntryKind Kind(string name) => name switch
    {
        "store-limit" => LedgerEntryKind.StoreLimit,
        "account-limit" => LedgerEntryKind.AccountLimit,
        "open" => LedgerEntryKind.Open,
        "charge" => LedgerEntryKind.Charge,
        _ => throw new StorageCorruptException("a ledger entry is of no kind that this program knows"),
    };

    private static RowDigest Digest(long book, LedgerEntry entry, double? statedEpsilon, double? statedDelta, long writtenAt)
    {
        var digest = new RowDigest("ledger_entry");
        digest.Add(book);
        digest.Add(entry.Sequence);
        digest.Add(Name(entry.Kind));
        digest.Add(entry.Request?.Value);
        digest.Add(entry.Fingerprint.Hex);
        digest.Add(entry.Release?.Value);
        digest.Add(entry.Tier ?? -1L);
        digest.Add(statedEpsilon ?? -1);
        digest.Add(statedDelta ?? -1);
        digest.Add(entry.AccountAmount);
        digest.Add(entry.StoreAmount);
        digest.Add(writtenAt);
        return digest;
    }
}
