using System.Security.Cryptography;

namespace DpAttn.Storage;

/// <summary>
/// The MACs of the ledger, the same on every database: HMAC-SHA256 under a key that stands in the database only wrapped. An entry's covers the one before it in
/// its book, so that nothing can be changed, left out or moved; a book's covers its totals and its last entry's. Whoever holds the file
/// alone can go back to an older state of it, and make no other one.
/// </summary>
internal sealed class LedgerChain
{
    /// <summary>The name of the wrapped key.</summary>
    public const string KeyName = "ledger-chain";

    /// <summary>The length of a MAC.</summary>
    public const int Bytes = 32;

    private readonly byte[] _key;

    /// <summary>A chain under a key.</summary>
    public LedgerChain(WrappedKey key) => _key = key.Derive("ledger mac");

    /// <summary>What stands before the first entry of a book.</summary>
    public static byte[] Beginning { get; } = new byte[Bytes];

    /// <summary>The MAC of an entry.</summary>
    /// <param name="store">The store.</param>
    /// <param name="account">The account, or empty for the store itself.</param>
    /// <param name="previous">The MAC of the entry before it.</param>
    /// <param name="row">The entry.</param>
    public byte[] OfEntry(string store, string account, ReadOnlySpan<byte> previous, in EntryRow row)
    {
        var content = new RowDigest("ledger_entry");
        content.Add(store);
        content.Add(account);
        content.Add(previous);
        row.AddTo(ref content);
        return content.ToMac(_key);
    }

    /// <summary>Requires that an entry that is read by itself was written where it stands.</summary>
    /// <param name="store">The store.</param>
    /// <param name="account">The account, or empty for the store itself.</param>
    /// <param name="previous">The MAC of the entry before it.</param>
    /// <param name="row">The entry.</param>
    /// <param name="stored">The MAC that stands in it.</param>
    /// <exception cref="StorageCorruptException">It was not.</exception>
    public void RequireEntry(string store, string account, ReadOnlySpan<byte> previous, in EntryRow row, ReadOnlySpan<byte> stored) =>
        Require(stored, OfEntry(store, account, previous, row), $"entry {row.Sequence} in a book of store {store}");

    /// <summary>The MAC of a book: everything it states, and its last entry.</summary>
    public byte[] OfBook(LedgerBook book)
    {
        var content = new RowDigest("ledger_book");
        content.Add(book.Store);
        content.Add(book.Account);
        content.Add(book.StatedEpsilon);
        content.Add(book.StatedDelta);
        content.Add(book.Limit);
        content.Add(book.Spent);
        content.Add(book.Reserved);
        content.Add(book.Sequence);
        content.Add(book.Version);
        content.Add(book.IsClosed ? 1L : 0L);
        content.Add(book.Head);
        return content.ToMac(_key);
    }

    /// <summary>The MAC of a tier that a book holds.</summary>
    public byte[] OfTier(string store, string account, string release, long tier)
    {
        var content = new RowDigest("ledger_tier");
        content.Add(store);
        content.Add(account);
        content.Add(release);
        content.Add(tier);
        return content.ToMac(_key);
    }

    /// <summary>The MAC of a database's identity and of the witness that it is paired with.</summary>
    public byte[] OfIdentity(LedgerIdentity identity)
    {
        var content = new RowDigest("ledger_identity");
        content.Add(identity.Database);
        content.Add(identity.Witness);
        return content.ToMac(_key);
    }

    /// <summary>Whether a MAC that was stored is the right one.</summary>
    public static bool Equal(ReadOnlySpan<byte> stored, ReadOnlySpan<byte> computed) => CryptographicOperations.FixedTimeEquals(stored, computed);

    /// <exception cref="StorageCorruptException">The MAC that was stored is another one.</exception>
    public static void Require(ReadOnlySpan<byte> stored, ReadOnlySpan<byte> computed, string what)
    {
        if (!Equal(stored, computed))
            throw Corrupt(what);
    }

    /// <summary>What a row is whose MAC is another one.</summary>
    public static StorageCorruptException Corrupt(string what) => new($"{what} is not what was written: its MAC differs");
}
