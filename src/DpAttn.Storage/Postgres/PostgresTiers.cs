using DpAttn.Privacy;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>The table dpattn_ledger_tier: the best tier opened of a release, in an account's book or, by anybody, in the store's.</summary>
internal static class PostgresTiers
{
    /// <summary>Tiers that books hold of releases: store, account, release, tier, MAC.</summary>
    public static PostgresStatement Select(IReadOnlyList<(string Store, string Account, string Release)> tiers) => new PostgresStatement("""
        SELECT asked.store, asked.account, asked.release, tier.tier, tier.mac FROM unnest($1, $2, $3) AS asked (store, account, release),
            LATERAL (SELECT book.id FROM dpattn_ledger_book book WHERE book.store = asked.store AND book.account = asked.account LIMIT 1) book,
            LATERAL (SELECT tier.tier, tier.mac FROM dpattn_ledger_tier tier WHERE tier.book = book.id AND tier.release = asked.release LIMIT 1) tier
        """)
        .WithAll([.. tiers.Select(asked => asked.Store)]).WithAll([.. tiers.Select(asked => asked.Account)]).WithAll([.. tiers.Select(asked => asked.Release)]);

    /// <summary>All tiers of some books: store, account, release, tier, MAC.</summary>
    public static PostgresStatement Of(params long[] books) => new PostgresStatement("""
        SELECT book.store, book.account, tier.release, tier.tier, tier.mac FROM dpattn_ledger_tier tier JOIN dpattn_ledger_book book ON book.id = tier.book WHERE tier.book = ANY ($1)
        """).WithAll(books);

    /// <summary>Records better tiers than those held. Fails unless all are.</summary>
    public static PostgresStatement Raise(IReadOnlyList<(long Book, string Release, long Tier, byte[] Mac)> tiers) => PostgresStatement.AllOrNone(tiers.Count, """
        INSERT INTO dpattn_ledger_tier (book, release, tier, mac) SELECT * FROM unnest($2, $3, $4, $5)
        ON CONFLICT (book, release) DO UPDATE SET tier = EXCLUDED.tier, mac = EXCLUDED.mac WHERE dpattn_ledger_tier.tier < EXCLUDED.tier
        """)
        .WithAll([.. tiers.Select(tier => tier.Book)]).WithAll([.. tiers.Select(tier => tier.Release)]).WithAll([.. tiers.Select(tier => tier.Tier)]).WithAll([.. tiers.Select(tier => tier.Mac)]);

    /// <summary>Removes all tiers of a book, before others are written in their place.</summary>
    public static PostgresStatement Clear(long book) => new PostgresStatement("DELETE FROM dpattn_ledger_tier WHERE book = $1").With(book);

    /// <summary>A row as it stands.</summary>
    public static (string Store, string Account, string Release, long Tier, byte[] Mac) From(NpgsqlDataReader row) =>
        (row.GetString(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetFieldValue<byte[]>(4));

    /// <exception cref="StorageCorruptException">The MAC is another one.</exception>
    public static int Require(LedgerChain chain, (string Store, string Account, string Release, long Tier, byte[] Mac) row)
    {
        LedgerChain.Require(row.Mac, chain.OfTier(row.Store, row.Account, row.Release, row.Tier), $"a tier opened at store {row.Store}");
        return (int)row.Tier;
    }

    /// <summary>The tiers of a book.</summary>
    /// <param name="chain">The MACs.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="skipsOthers">Leaves out what is not authentic instead of failing.</param>
    public static Dictionary<ReleaseId, int> ToTiers(LedgerChain chain, IEnumerable<(string Store, string Account, string Release, long Tier, byte[] Mac)> rows, bool skipsOthers)
    {
        var found = new Dictionary<ReleaseId, int>();
        foreach (var row in rows)
        {
            if (!skipsOthers || LedgerChain.Equal(row.Mac, chain.OfTier(row.Store, row.Account, row.Release, row.Tier)))
                found.Add(new ReleaseId(row.Release), Require(chain, row));
        }
        return found;
    }
}
