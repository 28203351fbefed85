using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// One book as its rows are told: recomputes the chain, the total, the limit and the tiers, and compares them with what the book states and what the witness saw.
/// What lies before an authentic acknowledgement is acknowledged: it has to be as it was then, not as it should have been.
/// </summary>
internal sealed class BookScan(LedgerChain chain, LedgerBook book, byte[] mac, WitnessMark? mark)
{
    private readonly HashSet<LedgerFaultKind> _faults = [];
    private readonly Dictionary<string, long> _recorded = [];
    private readonly Dictionary<string, long> _recordedSince = [];
    private readonly Dictionary<string, long> _held = [];
    private bool _tiersAreAuthentic = true;
    private bool _isOtherHistory;
    private bool _wentAnotherWay;
    private bool _hasUnsealedEvidence;
    private WideAmount _sinceMark;
    private EntryRow? _limit;

    public LedgerBook Book => book;

    /// <summary>The MAC that stands in the row.</summary>
    public byte[] Mac => mac;

    public WitnessMark? Mark => mark;

    /// <summary>What is wrong.</summary>
    public IReadOnlySet<LedgerFaultKind> Faults => _faults;

    public bool IsAuthentic { get; } = LedgerChain.Equal(mac, chain.OfBook(book));

    /// <summary>The chain over the entries as they stand: what a following entry's MAC covers.</summary>
    public byte[] Head { get; private set; } = LedgerChain.Beginning;

    public long LastSequence { get; private set; }

    public long Entries { get; private set; }

    /// <summary>What the entries say that the account paid.</summary>
    public WideAmount AccountSum { get; private set; }

    /// <summary>What the entries say that the store's total grew by.</summary>
    public WideAmount StoreSum { get; private set; }

    /// <summary>The last entry of a limit.</summary>
    public EntryRow? Limit => _limit;

    /// <summary>Whether the witness has more of this book than it has itself; the database may have moved on since it was read.</summary>
    public bool IsBehind => mark is not null && mark.Version > book.Version;

    /// <summary>
    /// Whether what is written there is not what the witness saw, whatever else is wrong: shown by entries, or by a row, that the ledger itself wrote. What somebody edited or removed is not another way by that alone.
    /// </summary>
    public bool WentAnotherWay => _wentAnotherWay;

    /// <summary>Whether it is behind only because what the witness saw of it, which is what stands here, was sealed as evidence.</summary>
    public bool IsSealed => book.IsOfStore && mark is { IsWholeEvidence: true } && mark.Version == book.Version + 1 && mark.Spent == book.ToMark(mac).Spent;

    /// <summary>Whether its mark is evidence by a program that gives that the MAC of one of the entries: no state has that of an earlier one.</summary>
    public bool HasUnsealedEvidence => _hasUnsealedEvidence;

    /// <summary>Whether it is less than, or not, what the witness saw.</summary>
    public bool IsDisowned => IsBehind || WentAnotherWay;

    /// <summary>What of the store's total the witness may know nothing of: what follows its mark, and all of a book that went another way or whose entries are not what they were.</summary>
    public WideAmount Unseen => WentAnotherWay || _faults.Overlaps([LedgerFaultKind.EntryChanged, LedgerFaultKind.EntryMissing]) ? StoreSum.Over(PrivacyAmount.Zero)
        : IsBehind ? AccountSum.Over(mark!.Spent)
        : _sinceMark.Over(PrivacyAmount.Zero);

    /// <summary>Whether an acknowledgement stands in it.</summary>
    public bool IsAcknowledged { get; private set; }

    /// <summary>
    /// The tiers that are believed: what the entries opened while they are whole, otherwise (and of a store, whose entries open none) the rows whose own MAC
    /// is right. Never more than was paid for.
    /// </summary>
    public IReadOnlyDictionary<string, long> Tiers
    {
        get
        {
            if (book.IsOfStore || _faults.Overlaps([LedgerFaultKind.EntryChanged, LedgerFaultKind.EntryMissing, LedgerFaultKind.OtherHistory]))
                return _held;
            return IsAcknowledged ? Merge(_held, _recordedSince) : _recorded;
        }
    }

    /// <summary>Tiers that the store's book has to hold at least.</summary>
    public IReadOnlyDictionary<string, long> TiersSince => _recordedSince;

    public void Tier(string release, long tier, ReadOnlySpan<byte> stored)
    {
        if (LedgerChain.Equal(stored, chain.OfTier(book.Store, book.Account, release, tier)))
            _held[release] = tier;
        else
            _tiersAreAuthentic = false;
    }

    public void Entry(in EntryRow row, ReadOnlySpan<byte> stored)
    {
        var computed = chain.OfEntry(book.Store, book.Account, Head, row);
        var isAuthentic = LedgerChain.Equal(stored, computed);
        var isAcknowledgement = row.Kind == EntryRow.NameOf(LedgerEntryKind.Acknowledgement);
        if (!isAuthentic)
            _faults.Add(LedgerFaultKind.EntryChanged);
        if (row.Sequence != LastSequence + 1 && !(isAcknowledgement && row.Sequence > LastSequence))
            _faults.Add(LedgerFaultKind.EntryMissing);
        Add(row);
        _hasUnsealedEvidence |= mark is not null && mark.Version > row.Sequence && mark.Mac.Span.SequenceEqual(computed);
        if (!book.IsOfStore && mark is not null && mark.Version > LastSequence && mark.Version <= row.Sequence
            && !(mark.Version == row.Sequence && mark.Mac.Span.SequenceEqual(computed) && AccountSum.Equals(mark.Spent)))
        {
            _isOtherHistory = true;
            _wentAnotherWay |= !Follows(mark, row, stored, computed);
        }
        if (isAcknowledgement && isAuthentic)
        {
            _faults.Clear();
            // One of less knew nothing of what the witness saw.
            _isOtherHistory = _isOtherHistory && !AccountSum.Holds(mark!.Spent);
            _wentAnotherWay = _wentAnotherWay && _isOtherHistory;
            _recordedSince.Clear();
            IsAcknowledged = true;
        }
        Head = computed;
        LastSequence = row.Sequence;
        Entries++;
    }

    /// <summary>After its last entry.</summary>
    public void End()
    {
        if (!IsAuthentic)
            _faults.Add(LedgerFaultKind.TotalChanged);
        else if (book.Sequence > LastSequence)
            _faults.Add(LedgerFaultKind.EntryMissing);
        else if (book.Sequence != LastSequence || !book.Head.AsSpan().SequenceEqual(Head))
            _faults.Add(LedgerFaultKind.EntryChanged);
        if ((!book.IsOfStore && !AccountSum.Equals(book.Spent)) || (_limit is { } limit ? LimitOf(limit) : PrivacyAmount.Zero) != book.Limit)
            AddUnlessExplained(LedgerFaultKind.TotalChanged);
        var wentBack = mark is not null && mark.Version < book.Version && !mark.Spent.FitsIn(book.ToMark(mac).Spent);
        var isOther = wentBack || (mark is not null && mark.Version == book.Version && !mark.IsSameState(book.ToMark(mac)));
        _wentAnotherWay |= isOther && IsAuthentic;
        if (_isOtherHistory || isOther)
            AddUnlessExplained(LedgerFaultKind.OtherHistory);
        // The store's tiers are those of its accounts, which are still to come.
        if (!_tiersAreAuthentic || (!book.IsOfStore && !AgreesWith(_recorded, _recordedSince, IsAcknowledged)))
            _faults.Add(LedgerFaultKind.TierChanged);
    }

    /// <summary>Whether the tiers held are those recorded; after an acknowledgement, which may have left some out, at least those recorded since.</summary>
    public bool AgreesWith(IReadOnlyDictionary<string, long> recorded, IReadOnlyDictionary<string, long> recordedSince, bool isAcknowledged) => isAcknowledged
        ? recordedSince.All(pair => _held.GetValueOrDefault(pair.Key, -1) >= pair.Value)
        : recorded.Count == _held.Count && recorded.All(pair => _held.GetValueOrDefault(pair.Key, -1) == pair.Value);

    /// <summary>The better of both, release by release.</summary>
    public static Dictionary<string, long> Merge(IReadOnlyDictionary<string, long> tiers, IReadOnlyDictionary<string, long> others)
    {
        var merged = new Dictionary<string, long>(tiers);
        foreach (var (release, tier) in others)
            merged[release] = Math.Max(tier, merged.GetValueOrDefault(release));
        return merged;
    }

    /// <summary>Adds a fault that shows only beside other books.</summary>
    public void Fault(LedgerFaultKind kind) => _faults.Add(kind);

    public PrivacyAmount LimitOf(in EntryRow row) => book.IsOfStore ? row.StoreAmount : row.AccountAmount;

    /// <summary>Whether an entry is the one that the witness saw, or comes after it: by its MAC as it was written, or by its content where only that MAC was changed.</summary>
    private bool Follows(WitnessMark seen, in EntryRow row, ReadOnlySpan<byte> stored, ReadOnlySpan<byte> computed) => seen.Version == row.Sequence
        ? seen.Mac.Span.SequenceEqual(stored) || seen.Mac.Span.SequenceEqual(computed)
        : LedgerChain.Equal(stored, chain.OfEntry(book.Store, book.Account, seen.Mac.Span, row));

    /// <summary>What follows from another fault is not told beside it.</summary>
    private void AddUnlessExplained(LedgerFaultKind kind)
    {
        if (_faults.Count == 0)
            _faults.Add(kind);
    }

    private void Add(in EntryRow row)
    {
        if (row.Kind == EntryRow.NameOf(book.IsOfStore ? LedgerEntryKind.StoreLimit : LedgerEntryKind.AccountLimit))
        {
            _limit = row;
            return;
        }
        AccountSum += row.AccountAmount;
        StoreSum += row.StoreAmount;
        if (mark is null || row.Sequence > mark.Version)
            _sinceMark += row.StoreAmount;
        if (row is { Release: { } release, Tier: { } tier })
        {
            _recorded[release] = Math.Max(tier, _recorded.GetValueOrDefault(release));
            _recordedSince[release] = Math.Max(tier, _recordedSince.GetValueOrDefault(release));
        }
    }
}
