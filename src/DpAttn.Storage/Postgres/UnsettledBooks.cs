using System.Collections.Concurrent;

namespace DpAttn.Storage;

/// <summary>
/// Books that a commit of unknown outcome may have changed. The witness was told nothing of it, and a replica may not have it: before anything is decided on them, or answered from
/// what they hold, they are looked at again (<see cref="PostgresLedgerBooks"/>).
/// </summary>
internal sealed class UnsettledBooks
{
    private readonly ConcurrentDictionary<(string Store, string Account), object> _books = [];

    /// <summary>Remembers books.</summary>
    public void Add(IEnumerable<(string Store, string Account)> books)
    {
        foreach (var book in books)
            _books[book] = new object();
    }

    /// <summary>Whether an account's book, or its store's own, is among them.</summary>
    public bool Holds(string store, string account) =>
        !_books.IsEmpty && (_books.ContainsKey((store, account)) || _books.ContainsKey((store, LedgerBook.StoreItself)));

    /// <summary>Those of some books that are unsettled, as of now.</summary>
    public IReadOnlyList<KeyValuePair<(string Store, string Account), object>> Among(IEnumerable<(string Store, string Account)> books)
    {
        var found = new List<KeyValuePair<(string Store, string Account), object>>();
        foreach (var book in books)
        {
            if (_books.TryGetValue(book, out var since))
                found.Add(new(book, since));
        }
        return found;
    }

    /// <summary>They are settled, but for what was added again since.</summary>
    public void Remove(IEnumerable<KeyValuePair<(string Store, string Account), object>> books)
    {
        foreach (var book in books)
            _books.TryRemove(book);
    }
}
