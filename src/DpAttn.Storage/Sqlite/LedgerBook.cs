using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>A row of ledger_book: the totals of a store or of an account.</summary>
internal sealed record LedgerBook(
    long Id, string Store, string Account, double StatedEpsilon, double StatedDelta, PrivacyAmount Limit, PrivacyAmount Spent, long Sequence, bool IsClosed)
{
    /// <summary>In place of an account: the store itself.</summary>
    public const string StoreItself = "";

    private const string Columns = "id, store, account, stated_epsilon, stated_delta, limit_mu2, limit_slack, spent_mu2, spent_slack, sequence, closed, digest";

    /// <summary>A book, its digest verified; null where there is none.</summary>
    public static LedgerBook? Read(SqliteSession session, StoreId store, string account)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_book WHERE store = ?1 AND account = ?2").With(store.Value).With(account);
        return select.Step() ? From(select) : null;
    }

    /// <summary>The books of a store's accounts, in the order of their ids.</summary>
    public static List<LedgerBook> List(SqliteSession session, StoreId store, string after, int limit)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_book WHERE store = ?1 AND account > ?2 ORDER BY account LIMIT ?3").With(store.Value).With(after).With(limit);
        var found = new List<LedgerBook>();
        while (select.Step())
            found.Add(From(select));
        return found;
    }

    /// <summary>Opens a book with a limit and nothing spent.</summary>
    public static LedgerBook Open(SqliteSession session, StoreId store, string account, PrivacyLimit limit)
    {
        var book = new LedgerBook(NextId(session), store.Value, account, limit.Epsilon.Value, limit.Delta.Value, limit.Amount, PrivacyAmount.Zero, Sequence: 1, IsClosed: false);
        book.Insert(session);
        return book;
    }

    /// <summary>Makes a closed book of a store that had none.</summary>
    public static void OpenClosed(SqliteSession session, StoreId store) =>
        new LedgerBook(NextId(session), store.Value, StoreItself, 0, 0, PrivacyAmount.Zero, PrivacyAmount.Zero, Sequence: 0, IsClosed: true).Insert(session);

    /// <summary>Adds to what is spent.</summary>
    /// <param name="session">The writer's.</param>
    /// <param name="cost">Not negative.</param>
    /// <param name="entries">How many entries of this book record it: 1 for an account, 0 for a store.</param>
    public void Add(SqliteSession session, PrivacyAmount cost, int entries)
    {
        var after = this with { Spent = Spent + cost, Sequence = Sequence + entries };
        using var update = session.Prepare("""
            UPDATE ledger_book SET spent_mu2 = spent_mu2 + ?2, spent_slack = spent_slack + ?3, sequence = sequence + ?4, digest = ?5
            WHERE id = ?1 AND sequence = ?6 AND spent_mu2 = ?7 AND spent_slack = ?8 AND closed = 0
            """)
            .With(Id).With(cost.MuSquared).With(cost.Slack).With(entries).With(after.Digest().ToArray()).With(Sequence).With(Spent.MuSquared).With(Spent.Slack);
        LedgerGuard.RequireOne(update.Execute());
    }

    /// <summary>Sets another limit, which one entry of this book records.</summary>
    public LedgerBook SetLimit(SqliteSession session, PrivacyLimit limit)
    {
        var after = this with { StatedEpsilon = limit.Epsilon.Value, StatedDelta = limit.Delta.Value, Limit = limit.Amount, Sequence = Sequence + 1 };
        using var update = session.Prepare("""
            UPDATE ledger_book SET stated_epsilon = ?2, stated_delta = ?3, limit_mu2 = ?4, limit_slack = ?5, sequence = sequence + 1, digest = ?6
            WHERE id = ?1 AND sequence = ?7 AND spent_mu2 = ?8 AND spent_slack = ?9 AND closed = 0
            """)
            .With(Id).With(after.StatedEpsilon).With(after.StatedDelta).With(after.Limit.MuSquared).With(after.Limit.Slack).With(after.Digest().ToArray())
            .With(Sequence).With(Spent.MuSquared).With(Spent.Slack);
        LedgerGuard.RequireOne(update.Execute());
        return after;
    }

    public void Close(SqliteSession session)
    {
        using var update = session.Prepare("UPDATE ledger_book SET closed = 1, digest = ?2 WHERE id = ?1 AND closed = 0")
            .With(Id).With((this with { IsClosed = true }).Digest().ToArray());
        LedgerGuard.RequireOne(update.Execute());
    }

    public bool HasLimit(PrivacyLimit limit) =>
        StatedEpsilon == limit.Epsilon.Value && StatedDelta == limit.Delta.Value && Limit == limit.Amount;

    public AccountBudget ToAccountBudget(IReadOnlyDictionary<ReleaseId, int> openTiers) =>
        new(new AccountId(Account), new Epsilon(StatedEpsilon), Limit, Spent, Sequence, openTiers);

    private static long NextId(SqliteSession session)
    {
        using var select = session.Prepare("SELECT max(id) FROM ledger_book");
        return select.Step() ? select.Integer(0) + 1 : 1;
    }

    private static LedgerBook From(SqliteStatement row)
    {
        var book = new LedgerBook(
            row.Integer(0), row.Text(1), row.Text(2), row.Real(3), row.Real(4), new PrivacyAmount(row.Integer(5), row.Integer(6)), new PrivacyAmount(row.Integer(7), row.Integer(8)),
            row.Integer(9), row.Integer(10) != 0);
        book.Digest().Require(row.Blob(11), $"a total in the ledger of store {book.Store}");
        return book;
    }

    private void Insert(SqliteSession session)
    {
        using var insert = session.Prepare($"INSERT INTO ledger_book ({Columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")
            .With(Id).With(Store).With(Account).With(StatedEpsilon).With(StatedDelta).With(Limit.MuSquared).With(Limit.Slack).With(Spent.MuSquared).With(Spent.Slack).With(Sequence)
            .With(IsClosed ? 1 : 0).With(Digest().ToArray());
        insert.Execute();
    }

    private RowDigest Digest()
    {
        var digest = new RowDigest("ledger_book");
        digest.Add(Id);
        digest.Add(Store);
        digest.Add(Account);
        digest.Add(StatedEpsilon);
        digest.Add(StatedDelta);
        digest.Add(Limit);
        digest.Add(Spent);
        digest.Add(Sequence);
        digest.Add(IsClosed ? 1L : 0L);
        return digest;
    }
}
