namespace DpAttn.Storage;

/// <summary>
/// Books whose MAC the writer has made or checked lately, so that it does not check the same one at every charge: a row that is read again with just these figures and
/// this MAC is authentic. Nothing is decided on it; the row itself is read every time.
/// </summary>
internal sealed class LedgerBookCache
{
    private const int MostBooks = 4096;

    private readonly Dictionary<long, (LedgerBook Book, byte[] Mac)> _books = [];

    /// <summary>Whether the MAC of a book that was read is known to be right.</summary>
    public bool Knows(LedgerBook book, ReadOnlySpan<byte> mac) =>
        _books.TryGetValue(book.Id, out var known) && mac.SequenceEqual(known.Mac) && book.Head.AsSpan().SequenceEqual(known.Book.Head) && book with { Head = known.Book.Head } == known.Book;

    /// <summary>Remembers a book and its MAC.</summary>
    public void Keep(LedgerBook book, byte[] mac)
    {
        if (_books.Count >= MostBooks)
            _books.Clear();
        _books[book.Id] = (book, mac);
    }
}
