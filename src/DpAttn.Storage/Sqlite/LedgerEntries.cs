using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>The table ledger_entry, to which rows are only ever appended.</summary>
internal static class LedgerEntries
{
    /// <summary>In place of an account: the store's own entries.</summary>
    public const string StoreItself = "";

    private const string Columns =
        "store, account, sequence, kind, request, fingerprint, release, tier, stated_epsilon, stated_delta, account_mu2, account_slack, store_mu2, store_slack, written_at, digest";

    /// <summary>The fingerprint recorded under a request's id, or null.</summary>
    public static RequestFingerprint? Recorded(SqliteSession session, StoreId store, AccountId account, RequestId request)
    {
        using var select = session.Prepare("SELECT fingerprint FROM ledger_entry WHERE store = ?1 AND account = ?2 AND request = ?3")
            .With(store.Value).With(account.Value).With(request.Value);
        return select.Step() ? ToFingerprint(select, 0) : null;
    }

    /// <summary>Appends an entry.</summary>
    /// <param name="session">The writer's.</param>
    /// <param name="store">The store.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="limit">The limit as it was stated, for entries of limits.</param>
    /// <param name="now">The time.</param>
    public static void Append(SqliteSession session, StoreId store, LedgerEntry entry, PrivacyLimit? limit, DateTimeOffset now)
    {
        var account = entry.Account?.Value ?? StoreItself;
        var writtenAt = Timestamp.ToMicroseconds(now);
        using var insert = session.Prepare($"INSERT INTO ledger_entry ({Columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)")
            .With(store.Value).With(account).With(entry.Sequence).With(Name(entry.Kind)).With(entry.Request?.Value);
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
            .With(Digest(store.Value, entry, limit?.Epsilon.Value, limit?.Delta.Value, writtenAt).ToArray());
        insert.Execute();
    }

    /// <summary>The entry of a request, or null.</summary>
    public static StoredLedgerEntry? Find(SqliteSession session, StoreId store, AccountId account, RequestId request)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_entry WHERE store = ?1 AND account = ?2 AND request = ?3")
            .With(store.Value).With(account.Value).With(request.Value);
        return select.Step() ? From(select) : null;
    }

    /// <summary>Entries of an account, or of the store itself, in the order of their sequence.</summary>
    public static IReadOnlyList<StoredLedgerEntry> List(SqliteSession session, StoreId store, string account, long after, int limit)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_entry WHERE store = ?1 AND account = ?2 AND sequence > ?3 ORDER BY sequence LIMIT ?4")
            .With(store.Value).With(account).With(after).With(limit);
        var found = new List<StoredLedgerEntry>();
        while (select.Step())
            found.Add(From(select));
        return found;
    }

    private static StoredLedgerEntry From(SqliteStatement row)
    {
        var store = row.Text(0);
        var account = row.Text(1);
        var entry = new LedgerEntry(
            row.Integer(2),
            Kind(row.Text(3)),
            account == StoreItself ? null : new AccountId(account),
            row.TextOrNull(4) is { } request ? new RequestId(request) : null,
            row.IsNull(5) ? default : ToFingerprint(row, 5),
            row.TextOrNull(6) is { } release ? new ReleaseId(release) : null,
            row.IsNull(7) ? null : (int)row.Integer(7),
            new PrivacyAmount(row.Integer(10), row.Integer(11)),
            new PrivacyAmount(row.Integer(12), row.Integer(13)));
        var writtenAt = row.Integer(14);
        Digest(store, entry, row.IsNull(8) ? null : row.Real(8), row.IsNull(9) ? null : row.Real(9), writtenAt).Require(row.Blob(15), $"entry {entry.Sequence} of an account of store {store}");
        return new StoredLedgerEntry(Timestamp.FromMicroseconds(writtenAt), entry);
    }

    private static RequestFingerprint ToFingerprint(SqliteStatement row, int column) => RequestFingerprint.FromHex(Convert.ToHexStringLower(row.Blob(column)));

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

    private static RowDigest Digest(string store, LedgerEntry entry, double? statedEpsilon, double? statedDelta, long writtenAt)
    {
        var digest = new RowDigest("ledger_entry");
        digest.Add(store);
        digest.Add(entry.Account?.Value);
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
