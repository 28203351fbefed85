using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>The table ledger_book.</summary>
internal static class LedgerBooks
{
    private const string Columns =
        "id, store, account, stated_epsilon, stated_delta, limit_mu2, limit_slack, spent_mu2, spent_slack, sequence, version, closed, head, mac, exceeded";

    /// <summary>A book, authentic; null where there is none.</summary>
    /// <exception cref="StorageCorruptException">Its MAC is another one.</exception>
    public static LedgerBook? Read(SqliteSession session, LedgerChain chain, StoreId store, string account)
    {
        using var select = Select(session, store, account);
        return select.Step() ? From(session, select, chain) : null;
    }

    /// <summary>A book as it stands in the file, and its MAC.</summary>
    public static (LedgerBook Book, byte[] Mac)? ReadUnchecked(SqliteSession session, StoreId store, string account)
    {
        using var select = Select(session, store, account);
        return select.Step() ? (From(select), Mac(select)) : null;
    }

    /// <summary>The books of a store's accounts, in the order of their ids.</summary>
    /// <param name="session">A session.</param>
    /// <param name="chain">Checks them; null to take them as they stand.</param>
    /// <param name="store">The store.</param>
    /// <param name="after">The account to go on after.</param>
    /// <param name="limit">How many at most.</param>
    public static List<LedgerBook> List(SqliteSession session, LedgerChain? chain, StoreId store, string after, int limit)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_book WHERE store = ?1 AND account > ?2 ORDER BY account LIMIT ?3").With(store.Value).With(after).With(limit);
        var found = new List<LedgerBook>();
        while (select.Step())
            found.Add(chain is null ? From(select) : From(session, select, chain));
        return found;
    }

    /// <summary>Books of a store as they stand, in the order of their accounts, its own first.</summary>
    /// <param name="session">A session.</param>
    /// <param name="store">The store.</param>
    /// <param name="after">The account to go on after; null to begin with the store's own.</param>
    /// <param name="limit">How many at most.</param>
    public static List<(LedgerBook Book, byte[] Mac)> ListUnchecked(SqliteSession session, StoreId store, string? after, int limit)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_book WHERE store = ?1 AND account {(after is null ? ">=" : ">")} ?2 ORDER BY account LIMIT ?3")
            .With(store.Value).With(after ?? "").With(limit);
        var found = new List<(LedgerBook Book, byte[] Mac)>();
        while (select.Step())
            found.Add((From(select), Mac(select)));
        return found;
    }

    /// <summary>All books of a store as they stand, its own first.</summary>
    public static IEnumerable<(LedgerBook Book, byte[] Mac)> Scan(SqliteSession session, StoreId store)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_book WHERE store = ?1 ORDER BY account").With(store.Value);
        while (select.Step())
            yield return (From(select), Mac(select));
    }

    /// <summary>Stores that have books.</summary>
    public static List<StoreId> ListStores(SqliteSession session, StoreId? after, int limit)
    {
        using var select = session.Prepare("SELECT DISTINCT store FROM ledger_book WHERE store > ?1 ORDER BY store LIMIT ?2").With(after?.Value ?? "").With(limit);
        var found = new List<StoreId>();
        while (select.Step())
            found.Add(new StoreId(select.Text(0)));
        return found;
    }

    /// <summary>A row key for a new book: one that no entry names either, such as those of a book that somebody removed.</summary>
    public static long NextId(SqliteSession session)
    {
        using var select = session.Prepare("""
            SELECT max(coalesce((SELECT max(id) FROM ledger_book), 0), coalesce((SELECT max(book) FROM ledger_entry), 0), coalesce((SELECT max(book) FROM ledger_tier), 0))
            """);
        return select.Step() ? select.Integer(0) + 1 : 1;
    }

    /// <summary>Writes a new book.</summary>
    /// <returns>Its MAC.</returns>
    public static byte[] Insert(SqliteSession session, LedgerChain chain, LedgerBook book)
    {
        var mac = chain.OfBook(book);
        using var insert = session.Prepare($"INSERT INTO ledger_book ({Columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)")
            .With(book.Id).With(book.Store).With(book.Account).With(book.StatedEpsilon).With(book.StatedDelta).With(book.Limit.MuSquared).With(book.Limit.Slack)
            .With(book.Spent.MuSquared).With(book.Spent.Slack).With(book.Sequence).With(book.Version).With(book.IsClosed ? 1 : 0).With(book.Head).With(mac)
            .With(Exceeded(book));
        insert.Execute();
        session.KnownBooks.Keep(book, mac);
        return mac;
    }

    /// <summary>Writes what follows from a charge; the database once more keeps it within the limit.</summary>
    /// <returns>The new MAC.</returns>
    public static byte[] Add(SqliteSession session, LedgerChain chain, LedgerBook before, LedgerBook after)
    {
        var mac = chain.OfBook(after);
        using var update = session.Prepare("""
            UPDATE ledger_book SET spent_mu2 = spent_mu2 + ?2, spent_slack = spent_slack + ?3, sequence = ?4, version = ?5, head = ?6, mac = ?7
            WHERE id = ?1 AND version = ?8 AND spent_mu2 = ?9 AND spent_slack = ?10 AND closed = 0 AND spent_mu2 + ?2 <= limit_mu2 AND spent_slack + ?3 <= limit_slack
            """)
            .With(before.Id).With(after.Spent.MuSquared - before.Spent.MuSquared).With(after.Spent.Slack - before.Spent.Slack).With(after.Sequence).With(after.Version)
            .With(after.Head).With(mac).With(before.Version).With(before.Spent.MuSquared).With(before.Spent.Slack);
        GuardedChange.RequireOne(update.Execute());
        session.KnownBooks.Keep(after, mac);
        return mac;
    }

    /// <summary>Writes what follows from a new limit or a closing.</summary>
    /// <returns>The new MAC.</returns>
    public static byte[] Change(SqliteSession session, LedgerChain chain, LedgerBook before, LedgerBook after)
    {
        var mac = chain.OfBook(after);
        using var update = session.Prepare("""
            UPDATE ledger_book SET stated_epsilon = ?2, stated_delta = ?3, limit_mu2 = ?4, limit_slack = ?5, sequence = ?6, version = ?7, closed = ?8, head = ?9, mac = ?10, exceeded = ?11
            WHERE id = ?1 AND version = ?12 AND spent_mu2 = ?13 AND spent_slack = ?14 AND closed = 0
            """)
            .With(before.Id).With(after.StatedEpsilon).With(after.StatedDelta).With(after.Limit.MuSquared).With(after.Limit.Slack).With(after.Sequence).With(after.Version)
            .With(after.IsClosed ? 1 : 0).With(after.Head).With(mac).With(Exceeded(after)).With(before.Version).With(before.Spent.MuSquared).With(before.Spent.Slack);
        GuardedChange.RequireOne(update.Execute());
        return mac;
    }

    /// <summary>Writes all of a book, whatever stood there.</summary>
    /// <returns>Its MAC.</returns>
    public static byte[] Replace(SqliteSession session, LedgerChain chain, LedgerBook book)
    {
        var mac = chain.OfBook(book);
        using var update = session.Prepare("""
            UPDATE ledger_book SET stated_epsilon = ?2, stated_delta = ?3, limit_mu2 = ?4, limit_slack = ?5, spent_mu2 = ?6, spent_slack = ?7, sequence = ?8, version = ?9, closed = ?10, head = ?11, mac = ?12, exceeded = ?13
            WHERE id = ?1
            """)
            .With(book.Id).With(book.StatedEpsilon).With(book.StatedDelta).With(book.Limit.MuSquared).With(book.Limit.Slack).With(book.Spent.MuSquared).With(book.Spent.Slack)
            .With(book.Sequence).With(book.Version).With(book.IsClosed ? 1 : 0).With(book.Head).With(mac).With(Exceeded(book));
        GuardedChange.RequireOne(update.Execute());
        return mac;
    }

    private static SqliteStatement Select(SqliteSession session, StoreId store, string account) =>
        session.Prepare($"SELECT {Columns} FROM ledger_book WHERE store = ?1 AND account = ?2").With(store.Value).With(account);

    private static LedgerBook From(SqliteStatement row) => new(
        row.Integer(0), row.Text(1), row.Text(2), row.Real(3), row.Real(4), new PrivacyAmount(row.Integer(5), row.Integer(6)), new PrivacyAmount(row.Integer(7), row.Integer(8)),
        row.Integer(9), row.Integer(10), row.Integer(11) != 0, row.Blob(12).ToArray());

    private static LedgerBook From(SqliteSession session, SqliteStatement row, LedgerChain chain)
    {
        var book = From(row);
        if (session.KnownBooks.Knows(book, row.Blob(13)))
            return book;
        var mac = chain.OfBook(book);
        if (!LedgerChain.Equal(row.Blob(13), mac))
            throw LedgerChain.Corrupt($"a total in the ledger of store {book.Store}");
        session.KnownBooks.Keep(book, mac);
        return book;
    }

    /// <summary>A closing or a new limit may leave exceeded what an acknowledgement did; a limit is never set below what is spent.</summary>
    private static long Exceeded(LedgerBook book) => book.Spent.FitsIn(book.Limit) ? 0 : 1;

    private static byte[] Mac(SqliteStatement row) => row.Blob(13).ToArray();
}
