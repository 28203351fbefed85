using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>An account's row in ledger_account.</summary>
internal sealed record LedgerAccountRow(string Store, string Account, double StatedEpsilon, double StatedDelta, PrivacyAmount Limit, PrivacyAmount Spent, long Sequence)
{
    private const string Columns = "store, account, stated_epsilon, stated_delta, limit_mu2, limit_slack, spent_mu2, spent_slack, sequence, digest";

    /// <summary>The row, its digest verified; null without a grant.</summary>
    public static LedgerAccountRow? Read(SqliteSession session, StoreId store, AccountId account)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_account WHERE store = ?1 AND account = ?2").With(store.Value).With(account.Value);
        return select.Step() ? From(select) : null;
    }

    /// <summary>Rows of a store in the order of the accounts' ids.</summary>
    public static List<LedgerAccountRow> List(SqliteSession session, StoreId store, string after, int limit)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_account WHERE store = ?1 AND account > ?2 ORDER BY account LIMIT ?3").With(store.Value).With(after).With(limit);
        var found = new List<LedgerAccountRow>();
        while (select.Step())
            found.Add(From(select));
        return found;
    }

    public void Insert(SqliteSession session)
    {
        using var insert = session.Prepare($"INSERT INTO ledger_account ({Columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
            .With(Store).With(Account).With(StatedEpsilon).With(StatedDelta).With(Limit.MuSquared).With(Limit.Slack).With(Spent.MuSquared).With(Spent.Slack).With(Sequence)
            .With(Digest().ToArray());
        insert.Execute();
    }

    /// <summary>Adds to what is spent, with the sequence of the entry that records it.</summary>
    public void Add(SqliteSession session, PrivacyAmount cost)
    {
        var digest = (this with { Spent = Spent + cost, Sequence = Sequence + 1 }).Digest().ToArray();
        using var update = session.Prepare("""
            UPDATE ledger_account SET spent_mu2 = spent_mu2 + ?3, spent_slack = spent_slack + ?4, sequence = sequence + 1, digest = ?5
            WHERE store = ?1 AND account = ?2 AND sequence = ?6 AND spent_mu2 = ?7 AND spent_slack = ?8
            """)
            .With(Store).With(Account).With(cost.MuSquared).With(cost.Slack).With(digest).With(Sequence).With(Spent.MuSquared).With(Spent.Slack);
        LedgerGuard.RequireOne(update.Execute());
    }

    /// <summary>Sets another limit, with the sequence of the entry that records it.</summary>
    public void SetLimit(SqliteSession session, PrivacyLimit limit)
    {
        var digest = (this with { StatedEpsilon = limit.Epsilon.Value, StatedDelta = limit.Delta.Value, Limit = limit.Amount, Sequence = Sequence + 1 }).Digest().ToArray();
        using var update = session.Prepare("""
            UPDATE ledger_account SET stated_epsilon = ?3, stated_delta = ?4, limit_mu2 = ?5, limit_slack = ?6, sequence = sequence + 1, digest = ?7
            WHERE store = ?1 AND account = ?2 AND sequence = ?8 AND spent_mu2 = ?9 AND spent_slack = ?10
            """)
            .With(Store).With(Account).With(limit.Epsilon.Value).With(limit.Delta.Value).With(limit.Amount.MuSquared).With(limit.Amount.Slack).With(digest)
            .With(Sequence).With(Spent.MuSquared).With(Spent.Slack);
        LedgerGuard.RequireOne(update.Execute());
    }

    public bool HasLimit(PrivacyLimit limit) =>
        StatedEpsilon == limit.Epsilon.Value && StatedDelta == limit.Delta.Value && Limit == limit.Amount;

    public AccountBudget ToBudget(IReadOnlyDictionary<ReleaseId, int> openTiers) =>
        new(new AccountId(Account), new Epsilon(StatedEpsilon), Limit, Spent, Sequence, openTiers);

    private static LedgerAccountRow From(SqliteStatement row)
    {
        var account = new LedgerAccountRow(
            row.Text(0), row.Text(1), row.Real(2), row.Real(3), new PrivacyAmount(row.Integer(4), row.Integer(5)), new PrivacyAmount(row.Integer(6), row.Integer(7)), row.Integer(8));
        account.Digest().Require(row.Blob(9), $"the ledger's total of an account of store {account.Store}");
        return account;
    }

    private RowDigest Digest()
    {
        var digest = new RowDigest("ledger_account");
        digest.Add(Store);
        digest.Add(Account);
        digest.Add(StatedEpsilon);
        digest.Add(StatedDelta);
        digest.Add(Limit);
        digest.Add(Spent);
        digest.Add(Sequence);
        return digest;
    }
}
