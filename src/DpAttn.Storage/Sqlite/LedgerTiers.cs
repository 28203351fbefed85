using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>The table ledger_tier: the best tier opened of a release, in an account's book or, by anybody, in the store's.</summary>
internal static class LedgerTiers
{
    /// <summary>The best tier held, or null.</summary>
    public static int? Read(SqliteSession session, LedgerBook book, ReleaseId release)
    {
        using var select = session.Prepare("SELECT release, tier, digest FROM ledger_tier WHERE book = ?1 AND release = ?2").With(book.Id).With(release.Value);
        return select.Step() ? Tier(select, book) : null;
    }

    /// <summary>All tiers held.</summary>
    public static Dictionary<ReleaseId, int> List(SqliteSession session, LedgerBook book)
    {
        using var select = session.Prepare("SELECT release, tier, digest FROM ledger_tier WHERE book = ?1").With(book.Id);
        var found = new Dictionary<ReleaseId, int>();
        while (select.Step())
            found.Add(new ReleaseId(select.Text(0)), Tier(select, book));
        return found;
    }

    /// <summary>Records a better tier than the one held.</summary>
    public static void Raise(SqliteSession session, LedgerBook book, ReleaseId release, int? held, int tier)
    {
        if (held >= tier)
            return;
        using var statement = session.Prepare(held is null
            ? "INSERT INTO ledger_tier (book, release, tier, digest) VALUES (?1, ?2, ?3, ?4)"
            : "UPDATE ledger_tier SET tier = ?3, digest = ?4 WHERE book = ?1 AND release = ?2 AND tier < ?3")
            .With(book.Id).With(release.Value).With(tier).With(Digest(book.Id, release.Value, tier).ToArray());
        LedgerGuard.RequireOne(statement.Execute());
    }

    private static int Tier(SqliteStatement row, LedgerBook book)
    {
        var tier = (int)row.Integer(1);
        Digest(book.Id, row.Text(0), tier).Require(row.Blob(2), $"a tier opened at store {book.Store}");
        return tier;
    }

    private static RowDigest Digest(long book, string release, int tier)
    {
        var digest = new RowDigest("ledger_tier");
        digest.Add(book);
        digest.Add(release);
        digest.Add(tier);
        return digest;
    }
}
