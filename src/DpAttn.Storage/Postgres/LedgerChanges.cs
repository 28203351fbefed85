using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>What one transaction changes of books that it has locked: gathered in memory, written in one exchange with the server.</summary>
internal sealed class LedgerChanges(LedgerChain chain)
{
    private readonly Dictionary<long, (LedgerBook Before, LedgerBook After)> _books = [];
    private readonly Dictionary<long, (LedgerBook Store, PrivacyAmount Charged)> _charged = [];
    private readonly List<(long Book, EntryRow Row, byte[] Mac)> _entries = [];
    private readonly Dictionary<(long Book, string Release), (long Tier, byte[] Mac)> _tiers = [];

    public bool IsEmpty => _books.Count == 0;

    /// <summary>A book is to become another; the first state that was read stays the one to guard with.</summary>
    public void Set(LedgerBook before, LedgerBook after) => _books[before.Id] = (_books.TryGetValue(before.Id, out var known) ? known.Before : before, after);

    /// <summary>Appends an entry that charges an account.</summary>
    /// <param name="all">The store's book as it stands.</param>
    /// <param name="own">The account's book.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="fromSlab">Whether the store's part comes from what the account holds reserved.</param>
    /// <param name="now">The time.</param>
    /// <returns>The book afterwards.</returns>
    public LedgerBook Charge(LedgerBook all, LedgerBook own, LedgerEntry entry, bool fromSlab, DateTimeOffset now)
    {
        var row = EntryRow.Of(entry, null, now);
        var mac = chain.OfEntry(own.Store, own.Account, own.Head, row);
        var after = own.WithEntry(entry.AccountAmount, entry.Sequence, mac);
        if (fromSlab)
            after = after with { Reserved = after.Reserved - entry.StoreAmount };
        _entries.Add((own.Id, row, mac));
        Set(own, after);
        if (entry.StoreAmount != PrivacyAmount.Zero)
            _charged[all.Id] = (all, (default(WideAmount) + _charged.GetValueOrDefault(all.Id).Charged + entry.StoreAmount).Max());
        return after;
    }

    /// <summary>A book holds a better tier than before.</summary>
    public void Raise(LedgerBook book, string release, int tier) => _tiers[(book.Id, release)] = (tier, chain.OfTier(book.Store, book.Account, release, tier));

    /// <summary>The statements that write all of it, of which each does all or fails, and what the witness is to be told once they are committed.</summary>
    public (IReadOnlyList<PostgresStatement> Statements, List<WitnessStep> Marks) Write()
    {
        var books = _books.Values.Select(change => (change.Before, change.After, Mac: chain.OfBook(change.After))).ToList();
        List<PostgresStatement> statements = [PostgresBooks.Add(books)];
        if (_entries.Count > 0)
            statements.Add(PostgresEntries.Append(_entries));
        if (_tiers.Count > 0)
            statements.Add(PostgresTiers.Raise([.. _tiers.Select(tier => (tier.Key.Book, tier.Key.Release, tier.Value.Tier, tier.Value.Mac))]));
        // A slab that was only taken back is nothing that a witness compares.
        var marks = books.Where(book => book.After.Version != book.Before.Version)
            .Select(book => new WitnessStep(book.Before.ToMark(chain), book.After.ToMark(book.Mac)) { Charged = _charged.GetValueOrDefault(book.After.Id).Charged });
        // A charge from a slab leaves its store's row as it is; whether the witness has seen more of that has to be asked all the same.
        var same = _charged.Where(store => !_books.ContainsKey(store.Key)).Select(store => (Mark: store.Value.Store.ToMark(chain), store.Value.Charged));
        return (statements, [.. marks, .. same.Select(store => new WitnessStep(store.Mark, store.Mark) { Charged = store.Charged })]);
    }
}
