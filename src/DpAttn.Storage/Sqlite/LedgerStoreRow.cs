using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>A store's row in ledger_store.</summary>
internal sealed record LedgerStoreRow(string Store, double StatedEpsilon, double StatedDelta, PrivacyAmount Limit, PrivacyAmount Spent, long Sequence, bool IsClosed)
{
    private const string Columns = "store, stated_epsilon, stated_delta, limit_mu2, limit_slack, spent_mu2, spent_slack, sequence, closed, digest";

    /// <summary>The row, its digest verified; null for a store without books.</summary>
    public static LedgerStoreRow? Read(SqliteSession session, StoreId store)
    {
        using var select = session.Prepare($"SELECT {Columns} FROM ledger_store WHERE store = ?1").With(store.Value);
        if (!select.Step())
            return null;
        var row = new LedgerStoreRow(
            select.Text(0), select.Real(1), select.Real(2), new PrivacyAmount(select.Integer(3), select.Integer(4)), new PrivacyAmount(select.Integer(5), select.Integer(6)), select.Integer(7), select.Integer(8) != 0);
        row.Digest().Require(select.Blob(9), $"the ledger's total of store {store}");
        return row;
    }

    public void Insert(SqliteSession session)
    {
        using var insert = session.Prepare($"INSERT INTO ledger_store ({Columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
            .With(Store).With(StatedEpsilon).With(StatedDelta).With(Limit.MuSquared).With(Limit.Slack).With(Spent.MuSquared).With(Spent.Slack).With(Sequence).With(IsClosed ? 1 : 0)
            .With(Digest().ToArray());
        insert.Execute();
    }

    /// <summary>Adds to what is spent.</summary>
    public void Add(SqliteSession session, PrivacyAmount cost)
    {
        var digest = (this with { Spent = Spent + cost }).Digest().ToArray();
        using var update = session.Prepare("""
            UPDATE ledger_store SET spent_mu2 = spent_mu2 + ?2, spent_slack = spent_slack + ?3, digest = ?4
            WHERE store = ?1 AND sequence = ?5 AND spent_mu2 = ?6 AND spent_slack = ?7 AND closed = 0
            """)
            .With(Store).With(cost.MuSquared).With(cost.Slack).With(digest).With(Sequence).With(Spent.MuSquared).With(Spent.Slack);
        LedgerGuard.RequireOne(update.Execute());
    }

    /// <summary>Sets another limit, with the sequence of the entry that records it.</summary>
    public void SetLimit(SqliteSession session, PrivacyLimit limit)
    {
        var digest = (this with { StatedEpsilon = limit.Epsilon.Value, StatedDelta = limit.Delta.Value, Limit = limit.Amount, Sequence = Sequence + 1 }).Digest().ToArray();
        using var update = session.Prepare("""
            UPDATE ledger_store SET stated_epsilon = ?2, stated_delta = ?3, limit_mu2 = ?4, limit_slack = ?5, sequence = sequence + 1, digest = ?6
            WHERE store = ?1 AND sequence = ?7 AND spent_mu2 = ?8 AND spent_slack = ?9 AND closed = 0
            """)
            .With(Store).With(limit.Epsilon.Value).With(limit.Delta.Value).With(limit.Amount.MuSquared).With(limit.Amount.Slack).With(digest)
            .With(Sequence).With(Spent.MuSquared).With(Spent.Slack);
        LedgerGuard.RequireOne(update.Execute());
    }

    public void Close(SqliteSession session)
    {
        using var update = session.Prepare("UPDATE ledger_store SET closed = 1, digest = ?2 WHERE store = ?1 AND closed = 0")
            .With(Store).With((this with { IsClosed = true }).Digest().ToArray());
        LedgerGuard.RequireOne(update.Execute());
    }

    public bool HasLimit(PrivacyLimit limit) =>
        StatedEpsilon == limit.Epsilon.Value && StatedDelta == limit.Delta.Value && Limit == limit.Amount;

    private RowDigest Digest()
    {
        var digest = new RowDigest("ledger_store");
        digest.Add(Store);
        digest.Add(StatedEpsilon);
        digest.Add(StatedDelta);
        digest.Add(Limit);
        digest.Add(Spent);
        digest.Add(Sequence);
        digest.Add(IsClosed ? 1L : 0L);
        return digest;
    }
}
