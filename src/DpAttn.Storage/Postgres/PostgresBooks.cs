using DpAttn.Privacy;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>The table dpattn_ledger_book. Rows are locked in the order of their ids, accounts before stores; nobody waits for an account's row while holding a store's.</summary>
internal static class PostgresBooks
{
    private const string Columns =
        "id, store, account, stated_epsilon, stated_delta, limit_mu2, limit_slack, spent_mu2, spent_slack, sequence, version, closed, head, mac, reserved_mu2, reserved_slack";

    /// <summary>A book.</summary>
    public static PostgresStatement Select(string store, string account) =>
        new PostgresStatement($"SELECT {Columns} FROM dpattn_ledger_book WHERE store = $1 AND account = $2").With(store).With(account);

    /// <summary>Books of accounts, locked.</summary>
    public static PostgresStatement Lock(IReadOnlyList<(string Store, string Account)> books) => new PostgresStatement($"""
        SELECT {Columns} FROM dpattn_ledger_book
        WHERE id = ANY (ARRAY({ById("asked.store, asked.account", "unnest($1, $2) AS asked (store, account)")}))
        ORDER BY id FOR UPDATE
        """).WithAll([.. books.Select(book => book.Store)]).WithAll([.. books.Select(book => book.Account)]);

    /// <summary>Books of accounts, and some of those that hold a slab of the same stores, locked in one order.</summary>
    public static PostgresStatement LockWithSlabs(IReadOnlyList<(string Store, string Account)> books, IReadOnlyList<string> stores, int slabs) => new PostgresStatement($"""
        SELECT {Columns} FROM dpattn_ledger_book
        WHERE id = ANY (ARRAY(
            {ById("asked.store, asked.account", "unnest($1, $2) AS asked (store, account)")}
            UNION (SELECT id FROM dpattn_ledger_book WHERE store = ANY ($3) AND has_slab LIMIT $4)))
        ORDER BY id FOR UPDATE
        """).WithAll([.. books.Select(book => book.Store)]).WithAll([.. books.Select(book => book.Account)]).WithAll([.. stores]).With(slabs);

    /// <summary>Books of stores, as they are or locked.</summary>
    public static PostgresStatement OfStores(IReadOnlyList<string> stores, bool isLocked) =>
        new PostgresStatement($"""
            SELECT {Columns} FROM dpattn_ledger_book WHERE id = ANY (ARRAY({ById("asked.store, ''", "unnest($1) AS asked (store)")})) ORDER BY id {(isLocked ? "FOR UPDATE" : "")}
            """).WithAll([.. stores]);

    /// <summary>Books that hold a slab; asked while their store's row is locked, no further ones appear.</summary>
    public static PostgresStatement WithSlabs(IReadOnlyList<string> stores, int limit) =>
        new PostgresStatement("SELECT id, store FROM dpattn_ledger_book WHERE store = ANY ($1) AND has_slab LIMIT $2").WithAll([.. stores]).With(limit);

    /// <summary>What the accounts of a store hold reserved.</summary>
    public static PostgresStatement Reserved(string store) => new PostgresStatement("""
        SELECT coalesce(sum(reserved_mu2), 0)::bigint, coalesce(sum(reserved_slack), 0)::bigint FROM dpattn_ledger_book WHERE store = $1 AND has_slab
        """).With(store);

    /// <summary>The books of a store's accounts, in the order of their names.</summary>
    public static PostgresStatement List(StoreId store, string after, int limit) =>
        new PostgresStatement($"SELECT {Columns} FROM dpattn_ledger_book WHERE store = $1 AND account > $2 ORDER BY account LIMIT $3").With(store.Value).With(after).With(limit);

    /// <summary>Stores that have books.</summary>
    /// <remarks>From one store to the next, without reading the books between.</remarks>
    public static PostgresStatement ListStores(StoreId? after, int limit) => new PostgresStatement("""
        WITH RECURSIVE found (store) AS (
            (SELECT store FROM dpattn_ledger_book WHERE store > $1 ORDER BY store LIMIT 1)
            UNION ALL
            SELECT (SELECT book.store FROM dpattn_ledger_book book WHERE book.store > found.store ORDER BY book.store LIMIT 1) FROM found WHERE found.store IS NOT NULL
        )
        SELECT store FROM found WHERE store IS NOT NULL LIMIT $2
        """).With(after?.Value ?? "").With(limit);

    /// <summary>A new book; no row comes back when another was first.</summary>
    public static PostgresStatement Insert(LedgerBook book, byte[] mac) => new PostgresStatement("""
        INSERT INTO dpattn_ledger_book
            (store, account, stated_epsilon, stated_delta, limit_mu2, limit_slack, spent_mu2, spent_slack, reserved_mu2, reserved_slack, sequence, version, closed, exceeded, head, mac)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING RETURNING id
        """)
        .With(book.Store).With(book.Account).With(book.StatedEpsilon).With(book.StatedDelta).With(book.Limit.MuSquared).With(book.Limit.Slack).With(book.Spent.MuSquared).With(book.Spent.Slack)
        .With(book.Reserved.MuSquared).With(book.Reserved.Slack).With(book.Sequence).With(book.Version).With(book.IsClosed).With(Exceeded(book)).With(book.Head).With(mac);

    /// <summary>Writes what follows from charges and slabs, guarded by what was read; the database once more keeps what is charged within the limit. Fails unless all are changed.</summary>
    public static PostgresStatement Add(IReadOnlyList<(LedgerBook Before, LedgerBook After, byte[] Mac)> changes) => PostgresStatement.AllOrNone(changes.Count, """
        UPDATE dpattn_ledger_book book SET
            spent_mu2 = book.spent_mu2 + change.mu2, spent_slack = book.spent_slack + change.slack, reserved_mu2 = book.reserved_mu2 + change.reserve_mu2,
            reserved_slack = book.reserved_slack + change.reserve_slack, sequence = change.sequence, version = change.version, head = change.head, mac = change.mac
        FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
            AS change (id, mu2, slack, reserve_mu2, reserve_slack, sequence, version, head, mac, from_version, from_mu2, from_slack, from_reserved_mu2, from_reserved_slack)
        WHERE book.id = change.id AND NOT book.closed AND book.version = change.from_version AND book.spent_mu2 = change.from_mu2 AND book.spent_slack = change.from_slack
            AND book.reserved_mu2 = change.from_reserved_mu2 AND book.reserved_slack = change.from_reserved_slack
            AND (change.mu2 <= 0 OR book.spent_mu2 + change.mu2 <= book.limit_mu2) AND (change.slack <= 0 OR book.spent_slack + change.slack <= book.limit_slack)
        """)
        .WithAll(All(changes, change => change.Before.Id))
        .WithAll(All(changes, change => change.After.Spent.MuSquared - change.Before.Spent.MuSquared)).WithAll(All(changes, change => change.After.Spent.Slack - change.Before.Spent.Slack))
        .WithAll(All(changes, change => change.After.Reserved.MuSquared - change.Before.Reserved.MuSquared)).WithAll(All(changes, change => change.After.Reserved.Slack - change.Before.Reserved.Slack))
        .WithAll(All(changes, change => change.After.Sequence)).WithAll(All(changes, change => change.After.Version))
        .WithAll(All(changes, change => change.After.Head)).WithAll(All(changes, change => change.Mac))
        .WithAll(All(changes, change => change.Before.Version))
        .WithAll(All(changes, change => change.Before.Spent.MuSquared)).WithAll(All(changes, change => change.Before.Spent.Slack))
        .WithAll(All(changes, change => change.Before.Reserved.MuSquared)).WithAll(All(changes, change => change.Before.Reserved.Slack));

    /// <summary>Writes all of a book, which is locked.</summary>
    public static PostgresStatement Replace(LedgerBook book, byte[] mac) => new PostgresStatement("""
        UPDATE dpattn_ledger_book SET stated_epsilon = $2, stated_delta = $3, limit_mu2 = $4, limit_slack = $5, spent_mu2 = $6, spent_slack = $7, reserved_mu2 = $8, reserved_slack = $9,
            sequence = $10, version = $11, closed = $12, exceeded = $13, head = $14, mac = $15
        WHERE id = $1
        """)
        .With(book.Id).With(book.StatedEpsilon).With(book.StatedDelta).With(book.Limit.MuSquared).With(book.Limit.Slack).With(book.Spent.MuSquared).With(book.Spent.Slack)
        .With(book.Reserved.MuSquared).With(book.Reserved.Slack).With(book.Sequence).With(book.Version).With(book.IsClosed).With(Exceeded(book)).With(book.Head).With(mac);

    /// <summary>A row as it stands, and its MAC.</summary>
    public static (LedgerBook Book, byte[] Mac) From(NpgsqlDataReader row) => (
        new LedgerBook(
            row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetDouble(3), row.GetDouble(4), new PrivacyAmount(row.GetInt64(5), row.GetInt64(6)),
            new PrivacyAmount(row.GetInt64(7), row.GetInt64(8)), row.GetInt64(9), row.GetInt64(10), row.GetBoolean(11), row.GetFieldValue<byte[]>(12))
        {
            Reserved = new PrivacyAmount(row.GetInt64(14), row.GetInt64(15)),
        },
        row.GetFieldValue<byte[]>(13));

    /// <exception cref="StorageCorruptException">The MAC is another one.</exception>
    public static LedgerBook Require(LedgerChain chain, LedgerBook book, byte[] mac)
    {
        LedgerChain.Require(mac, chain.OfBook(book), $"a total in the ledger of store {book.Store}");
        return book;
    }

    /// <summary>The keys of books, looked up one by one: a join could be planned as a walk through all of them.</summary>
    private static string ById(string name, string asked) =>
        $"SELECT found.id FROM {asked}, LATERAL (SELECT book.id FROM dpattn_ledger_book book WHERE (book.store, book.account) = ({name}) LIMIT 1) found";

    private static bool Exceeded(LedgerBook book) => !book.Spent.FitsIn(book.Limit);

    private static TValue[] All<TItem, TValue>(IReadOnlyList<TItem> items, Func<TItem, TValue> value) => [.. items.Select(value)];
}
