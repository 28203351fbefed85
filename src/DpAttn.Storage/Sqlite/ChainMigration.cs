using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>From version 1 to 2: the entries that are there are chained as they stand, after the digest of each was checked.</summary>
internal static class ChainMigration
{
    private static readonly string[] Tables = ["ledger_entry", "ledger_tier", "ledger_book"];

    /// <summary>Puts the tables of version 1 aside, before the script makes those of version 2.</summary>
    public static void PutAside(SqliteSession session)
    {
        session.ExecuteScript("DROP TRIGGER ledger_entry_is_never_changed; DROP TRIGGER ledger_entry_is_never_removed; DROP TRIGGER ledger_book_is_never_removed");
        foreach (var table in Tables)
            session.ExecuteScript($"ALTER TABLE {table} RENAME TO {table}_1");
    }

    /// <summary>Copies them and removes them.</summary>
    /// <exception cref="StorageCorruptException">A row is not what was written.</exception>
    public static void Copy(SqliteSession session, LedgerChain chain)
    {
        using (var books = session.Prepare("SELECT id, store, account, stated_epsilon, stated_delta, limit_mu2, limit_slack, spent_mu2, spent_slack, sequence, closed, digest FROM ledger_book_1 ORDER BY id"))
        {
            while (books.Step())
                CopyBook(session, chain, books);
        }
        LedgerIdentities.Write(session, chain, new LedgerIdentity(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), Witness: null));
        foreach (var table in Tables)
            session.ExecuteScript($"DROP TABLE {table}_1");
    }

    private static void CopyBook(SqliteSession session, LedgerChain chain, SqliteStatement row)
    {
        var book = LedgerBook.Empty(row.Integer(0), row.Text(1), row.Text(2)) with
        {
            StatedEpsilon = row.Real(3),
            StatedDelta = row.Real(4),
            Limit = new PrivacyAmount(row.Integer(5), row.Integer(6)),
            Spent = new PrivacyAmount(row.Integer(7), row.Integer(8)),
            Sequence = row.Integer(9),
            IsClosed = row.Integer(10) != 0,
        };
        RequireDigest(book, row.Blob(11));
        // A store's counts from here on: only that it grows matters.
        book = book with { Version = Math.Max(1, book.Sequence), Head = LastMac(session, chain, book) };
        LedgerBooks.Insert(session, chain, book);
        CopyEntries(session, chain, book);
        CopyTiers(session, chain, book);
    }

    private static void CopyEntries(SqliteSession session, LedgerChain chain, LedgerBook book)
    {
        var mac = LedgerChain.Beginning;
        ForEachEntry(session, book, row =>
        {
            mac = chain.OfEntry(book.Store, book.Account, mac, row);
            LedgerEntries.Append(session, book.Id, row, mac);
        });
    }

    private static byte[] LastMac(SqliteSession session, LedgerChain chain, LedgerBook book)
    {
        var mac = LedgerChain.Beginning;
        ForEachEntry(session, book, row => mac = chain.OfEntry(book.Store, book.Account, mac, row));
        return mac;
    }

    private static void ForEachEntry(SqliteSession session, LedgerBook book, Action<EntryRow> action)
    {
        using var entries = session.Prepare("""
            SELECT sequence, kind, request, fingerprint, release, tier, stated_epsilon, stated_delta, account_mu2, account_slack, store_mu2, store_slack, written_at, digest
            FROM ledger_entry_1 WHERE book = ?1 ORDER BY sequence
            """).With(book.Id);
        while (entries.Step())
        {
            var row = new EntryRow(
                entries.Integer(0),
                entries.Text(1),
                entries.TextOrNull(2),
                entries.IsNull(3) ? null : entries.Blob(3).ToArray(),
                entries.TextOrNull(4),
                entries.IsNull(5) ? null : entries.Integer(5),
                entries.IsNull(6) ? null : entries.Real(6),
                entries.IsNull(7) ? null : entries.Real(7),
                new PrivacyAmount(entries.Integer(8), entries.Integer(9)),
                new PrivacyAmount(entries.Integer(10), entries.Integer(11)),
                entries.Integer(12));
            RequireDigest(book, row, entries.Blob(13));
            action(row);
        }
    }

    private static void CopyTiers(SqliteSession session, LedgerChain chain, LedgerBook book)
    {
        var tiers = new Dictionary<string, long>();
        using (var rows = session.Prepare("SELECT release, tier, digest FROM ledger_tier_1 WHERE book = ?1").With(book.Id))
        {
            while (rows.Step())
            {
                var digest = new RowDigest("ledger_tier");
                digest.Add(book.Id);
                digest.Add(rows.Text(0));
                digest.Add(rows.Integer(1));
                digest.Require(rows.Blob(2), $"a tier opened at store {book.Store}");
                tiers.Add(rows.Text(0), rows.Integer(1));
            }
        }
        LedgerTiers.Replace(session, chain, book, tiers);
    }

    private static void RequireDigest(LedgerBook book, ReadOnlySpan<byte> stored)
    {
        var digest = new RowDigest("ledger_book");
        digest.Add(book.Id);
        digest.Add(book.Store);
        digest.Add(book.Account);
        digest.Add(book.StatedEpsilon);
        digest.Add(book.StatedDelta);
        digest.Add(book.Limit);
        digest.Add(book.Spent);
        digest.Add(book.Sequence);
        digest.Add(book.IsClosed ? 1L : 0L);
        digest.Require(stored, $"a total in the ledger of store {book.Store}");
    }

    private static void RequireDigest(LedgerBook book, in EntryRow row, ReadOnlySpan<byte> stored)
    {
        var digest = new RowDigest("ledger_entry");
        digest.Add(book.Id);
        digest.Add(row.Sequence);
        digest.Add(row.Kind);
        digest.Add(row.Request);
        digest.Add(row.Fingerprint is { } fingerprint ? Convert.ToHexStringLower(fingerprint) : new string('0', 64));
        digest.Add(row.Release);
        digest.Add(row.Tier ?? -1L);
        digest.Add(row.StatedEpsilon ?? -1);
        digest.Add(row.StatedDelta ?? -1);
        digest.Add(row.AccountAmount);
        digest.Add(row.StoreAmount);
        digest.Add(row.WrittenAt);
        digest.Require(stored, $"entry {row.Sequence} in a book of store {book.Store}");
    }
}
