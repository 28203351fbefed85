using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// All books of a store as their rows are told, beside the marks of its witness. Keeps what does not agree, and nothing of what does: memory grows with
/// the faults, not with the books or the entries.
/// </summary>
/// <param name="chain">The MACs.</param>
/// <param name="witness">The marks, or null without a witness.</param>
/// <param name="raise">Is given the marks of books that agree and that the witness does not know yet, or only from before; for a store that was found whole.</param>
internal sealed class StoreScan(LedgerChain chain, WitnessCursor? witness, Func<WitnessStep, CancellationToken, ValueTask>? raise = null) : ILedgerScan
{
    private readonly Dictionary<string, long> _tiers = [];
    private readonly Dictionary<string, long> _tiersSince = [];
    private BookScan? _book;
    private WideAmount _storeSum;
    private PrivacyAmount _reserved;
    private bool _isAcknowledged;

    /// <summary>The store's own book, or null where there is none.</summary>
    public BookScan? Store { get; private set; }

    /// <summary>Books of accounts with faults, or behind their marks.</summary>
    public List<BookScan> Suspects { get; } = [];

    /// <summary>Marks of books that are not there.</summary>
    public List<WitnessMark> Missing { get; } = [];

    /// <summary>Whether there are books that agree and that the witness does not know yet, or only from before.</summary>
    public bool IsAhead { get; private set; }

    public long Books { get; private set; }

    public long Entries { get; private set; }

    /// <summary>What all entries say that the store's total grew by.</summary>
    public WideAmount StoreSum => _storeSum;

    /// <summary>What accounts without faults hold reserved: not used, and taken back by an acknowledgement.</summary>
    public PrivacyAmount Unused { get; private set; }

    /// <summary>What accounts added to the store's total and the witness may know nothing of.</summary>
    public WideAmount Unseen { get; private set; }

    /// <summary>The best tiers that accounts hold.</summary>
    public IReadOnlyDictionary<string, long> Tiers => _tiers;

    public async ValueTask BeginBookAsync(LedgerBook book, byte[] mac, CancellationToken cancellationToken)
    {
        WitnessMark? mark = null;
        while (witness is not null && await witness.PeekAsync(cancellationToken).ConfigureAwait(false) is { } next)
        {
            var order = string.CompareOrdinal(next.AccountName, book.Account);
            if (order > 0)
                break;
            witness.Take();
            if (order == 0)
                mark = next;
            else
                Missing.Add(next);
        }
        _book = new BookScan(chain, book, mac, mark);
        Books++;
    }

    public void Tier(string release, long tier, ReadOnlySpan<byte> mac) => _book!.Tier(release, tier, mac);

    public void Entry(in EntryRow row, ReadOnlySpan<byte> mac) => _book!.Entry(row, mac);

    public ValueTask EndBookAsync(CancellationToken cancellationToken)
    {
        var book = _book!;
        _book = null;
        book.End();
        Entries += book.Entries;
        _storeSum += book.StoreSum;
        _isAcknowledged |= book.IsAcknowledged;
        if (book.Book.IsOfStore)
        {
            Store = book;
            return ValueTask.CompletedTask;
        }
        Unseen += book.Unseen;
        _reserved += book.IsAuthentic ? book.Book.Reserved : PrivacyAmount.Zero;
        Raise(_tiers, book.Tiers);
        Raise(_tiersSince, book.TiersSince);
        if (book.Faults.Count > 0 || book.IsBehind)
        {
            Suspects.Add(book);
            return ValueTask.CompletedTask;
        }
        Unused += book.Book.Reserved;
        // Of a store that is behind, what its accounts were charged since is not part of what the witness saw of it, and their marks show what that is.
        return Store is { IsBehind: true } ? ValueTask.CompletedTask : RaiseAsync(book, cancellationToken);
    }

    /// <summary>After the last book.</summary>
    public async ValueTask EndAsync(CancellationToken cancellationToken)
    {
        while (witness is not null && await witness.PeekAsync(cancellationToken).ConfigureAwait(false) is { } next)
        {
            witness.Take();
            Missing.Add(next);
        }
        if (Store is null)
            return;
        if (Store.Faults.Count == 0 && !(_storeSum + _reserved).Equals(Store.Book.Spent))
            Store.Fault(LedgerFaultKind.TotalChanged);
        if (!Store.AgreesWith(_tiers, _tiersSince, _isAcknowledged))
            Store.Fault(LedgerFaultKind.TierChanged);
        // Beside accounts that are not what they were its mark is evidence.
        if (Store.Faults.Count == 0 && !Store.IsBehind && Suspects.Count == 0 && Missing.Count == 0)
            await RaiseAsync(Store, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask RaiseAsync(BookScan book, CancellationToken cancellationToken)
    {
        if (book.Mark is not null && book.Mark.Version >= book.Book.Version)
            return ValueTask.CompletedTask;
        IsAhead = true;
        return raise is null ? ValueTask.CompletedTask : raise(new WitnessStep(book.Mark, book.Book.ToMark(book.Mac)), cancellationToken);
    }

    private static void Raise(Dictionary<string, long> tiers, IReadOnlyDictionary<string, long> others)
    {
        foreach (var (release, tier) in others)
            tiers[release] = Math.Max(tier, tiers.GetValueOrDefault(release));
    }
}
