using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>The table ledger_tier: the best tier opened of a release, in an account's book or, by anybody, in the store's.</summary>
internal static class LedgerTiers
{
    /// <summary>The best tier held, or null.</summary>
    public static int? Read(SqliteSession session, LedgerChain chain, LedgerBook book, ReleaseId release)
    {
        using var select = session.Prepare("SELECT release, tier, mac FROM ledger_tier WHERE book = ?1 AND release = ?2").With(book.Id).With(release.Value);
        return select.Step() ? Tier(select, chain, book) : null;
    }

    /// <summary>All tiers held.</summary>
    /// <param name="session">A session.</param>
    /// <param name="chain">The MACs.</param>
    /// <param name="book">The book.</param>
    /// <param name="skipsOthers">Leaves out what is not authentic instead of failing.</param>
    public static Dictionary<ReleaseId, int> List(SqliteSession session, LedgerChain chain, LedgerBook book, bool skipsOthers = false)
    {
        using var select = session.Prepare("SELECT release, tier, mac FROM ledger_tier WHERE book = ?1").With(book.Id);
        var found = new Dictionary<ReleaseId, int>();
        while (select.Step())
        {
            if (!skipsOthers || LedgerChain.Equal(select.Blob(2), chain.OfTier(book.Store, book.Account, select.Text(0), select.Integer(1))))
                found.Add(new ReleaseId(select.Text(0)), Tier(select, chain, book));
        }
        return found;
    }

    /// <summary>All tiers of a book as they stand.</summary>
    public static void Scan(SqliteSession session, LedgerBook book, ILedgerScan scan)
    {
        using var select = session.Prepare("SELECT release, tier, mac FROM ledger_tier WHERE book = ?1").With(book.Id);
        while (select.Step())
            scan.Tier(select.Text(0), select.Integer(1), select.Blob(2));
    }

    /// <summary>Records a better tier than the one held.</summary>
    public static void Raise(SqliteSession session, LedgerChain chain, LedgerBook book, ReleaseId release, int? held, int tier)
    {
        if (held >= tier)
            return;
        using var statement = session.Prepare(held is null
            ? "INSERT INTO ledger_tier (book, release, tier, mac) VALUES (?1, ?2, ?3, ?4)"
            : "UPDATE ledger_tier SET tier = ?3, mac = ?4 WHERE book = ?1 AND release = ?2 AND tier < ?3")
            .With(book.Id).With(release.Value).With(tier).With(chain.OfTier(book.Store, book.Account, release.Value, tier));
        GuardedChange.RequireOne(statement.Execute());
    }

    /// <summary>Writes all tiers of a book, whatever stood there.</summary>
    public static void Replace(SqliteSession session, LedgerChain chain, LedgerBook book, IReadOnlyDictionary<string, long> tiers)
    {
        using (var delete = session.Prepare("DELETE FROM ledger_tier WHERE book = ?1").With(book.Id))
            delete.Execute();
        foreach (var (release, tier) in tiers)
        {
            using var insert = session.Prepare("INSERT INTO ledger_tier (book, release, tier, mac) VALUES (?1, ?2, ?3, ?4)")
                .With(book.Id).With(release).With(tier).With(chain.OfTier(book.Store, book.Account, release, tier));
            insert.Execute();
        }
    }

    private static int Tier(SqliteStatement row, LedgerChain chain, LedgerBook book)
    {
        var tier = row.Integer(1);
        LedgerChain.Require(row.Blob(2), chain.OfTier(book.Store, book.Account, row.Text(0), tier), $"a tier opened at store {book.Store}");
        return (int)tier;
    }
}
