using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>The table ledger_tier: the best tier opened of a release, per account and, under <see cref="Anybody"/>, by anybody.</summary>
internal static class LedgerTiers
{
    /// <summary>In place of an account: all of them together.</summary>
    public const string Anybody = "";

    /// <summary>The best tier held, or null.</summary>
    public static int? Read(SqliteSession session, string store, string account, string release)
    {
        using var select = session.Prepare("SELECT account, release, tier, digest FROM ledger_tier WHERE store = ?1 AND account = ?2 AND release = ?3").With(store).With(account).With(release);
        return select.Step() ? Tier(select, store) : null;
    }

    /// <summary>The tiers of the accounts from one id to another.</summary>
    public static Dictionary<string, Dictionary<ReleaseId, int>> List(SqliteSession session, string store, string first, string last)
    {
        using var select = session.Prepare("SELECT account, release, tier, digest FROM ledger_tier WHERE store = ?1 AND account BETWEEN ?2 AND ?3").With(store).With(first).With(last);
        var found = new Dictionary<string, Dictionary<ReleaseId, int>>();
        while (select.Step())
        {
            var account = select.Text(0);
            if (!found.TryGetValue(account, out var tiers))
                found.Add(account, tiers = []);
            tiers.Add(new ReleaseId(select.Text(1)), Tier(select, store));
        }
        return found;
    }

    /// <summary>Records a better tier than the one held.</summary>
    public static void Raise(SqliteSession session, string store, string account, string release, int? held, int tier)
    {
        if (held >= tier)
            return;
        using var statement = session.Prepare(held is null
            ? "INSERT INTO ledger_tier (store, account, release, tier, digest) VALUES (?1, ?2, ?3, ?4, ?5)"
            : "UPDATE ledger_tier SET tier = ?4, digest = ?5 WHERE store = ?1 AND account = ?2 AND release = ?3 AND tier < ?4")
            .With(store).With(account).With(release).With(tier).With(Digest(store, account, release, tier).ToArray());
        LedgerGuard.RequireOne(statement.Execute());
    }

    private static int Tier(SqliteStatement row, string store)
    {
        var tier = (int)row.Integer(2);
        Digest(store, row.Text(0), row.Text(1), tier).Require(row.Blob(3), $"a tier opened at store {store}");
        return tier;
    }

    private static RowDigest Digest(string store, string account, string release, int tier)
    {
        var digest = new RowDigest("ledger_tier");
        digest.Add(store);
        digest.Add(account);
        digest.Add(release);
        digest.Add(tier);
        return digest;
    }
}
