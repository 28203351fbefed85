using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Decides a batch of charges in the order they came, each on what those before it have left. One that fails by itself (a row that is not authentic, prices that are
/// no ladder) leaves nothing and does not touch the others.
/// </summary>
internal sealed class ChargeDecisions
{
    private static readonly LedgerDecision Unknown = new LedgerDecision.Refused(RefusalReason.UnknownAccount);

    private readonly ChargeView _view;
    private readonly ChargeReach _reach;
    private readonly LedgerChain _chain;
    private readonly LedgerGate _gate;
    private readonly TimeProvider _clock;
    private readonly Dictionary<(string Store, string Account), LedgerBook> _now = [];
    private readonly Dictionary<(string Store, string Account, string Request), RequestFingerprint> _recorded = [];
    private readonly Dictionary<(string Store, string Account, string Release), int> _tiers = [];
    private readonly HashSet<long> _slabs;

    public ChargeDecisions(ChargeView view, ChargeReach reach, PostgresLedgerBooks books, TimeProvider clock)
    {
        (_view, _reach, _chain, _gate, _clock) = (view, reach, books.Chain, books.Gate, clock);
        Changes = new LedgerChanges(_chain);
        _slabs = [.. view.Slabs.Select(slab => slab.Id)];
        if (reach == ChargeReach.Everything)
            TakeBack();
    }

    /// <summary>What is to be written.</summary>
    public LedgerChanges Changes { get; }

    /// <summary>Decides one; null when a transaction that reaches farther has to.</summary>
    /// <exception cref="StorageException">The store is suspended, or a row is not what was written.</exception>
    /// <exception cref="ArgumentException">Prices or a cost that cannot be.</exception>
    public LedgerDecision? Decide(ChargeRequest request)
    {
        if (_view.Suspension(request.Store) is { } reason)
            throw new LedgerSuspendedException(reason);
        _gate.RequireOpen();
        if (Book(request.Store, LedgerBook.StoreItself) is not { IsClosed: false } all || Book(request.Store, request.Account) is not { } own)
            return Unknown;
        return request.Release is { } release ? Open(request, release, all, own) : Charge(request, all, own);
    }

    private LedgerDecision? Charge(ChargeRequest request, LedgerBook all, LedgerBook own)
    {
        var account = new AccountView(own.Limit, own.Spent, null, Recorded(request));
        var decision = LedgerRules.DecideCharge(account, Slab(own), request.Fingerprint, request.Cost);
        var fromSlab = true;
        if (decision is LedgerDecision.Refused { Reason: RefusalReason.StoreLimit })
        {
            switch (_reach)
            {
                case ChargeReach.Slabs:
                    return null;
                case ChargeReach.Store:
                    if (SlabRules.Reserve(all.Limit, all.Spent, own.Reserved, request.Cost) is not { } slab)
                        return MayTakeBack(own, withOwn: false) ? null : decision;
                    own = Reserve(all, own, slab);
                    decision = LedgerRules.DecideCharge(account, Slab(own), request.Fingerprint, request.Cost);
                    break;
                default:
                    decision = LedgerRules.DecideCharge(account, new StoreView(all.Limit, all.Spent, null), request.Fingerprint, request.Cost);
                    if (decision is LedgerDecision.Refused { Reason: RefusalReason.StoreLimit } && MayTakeBack(own, withOwn: false))
                        return null;
                    fromSlab = false;
                    break;
            }
        }
        if (decision is LedgerDecision.Admitted { IsReplay: false } admitted)
            Record(request, LedgerEntryKind.Charge, all, own, admitted, fromSlab);
        return decision;
    }

    private LedgerDecision? Open(ChargeRequest request, ReleaseId release, LedgerBook all, LedgerBook own)
    {
        var (tier, costs) = (request.Tier, request.Costs!);
        var (held, best) = (Tier(own, release.Value), Tier(all, release.Value));
        if (tier >= 0 && tier < costs.TierCount)
        {
            TierPrices.Require(costs, held, tier);
            TierPrices.Require(costs, best, tier);
        }
        // Without the store's row only what does not raise its maximum, which never falls, can be decided.
        var store = _reach == ChargeReach.Slabs ? new StoreView(PrivacyAmount.Zero, PrivacyAmount.Zero, best) : new StoreView(all.Limit, all.Spent, best);
        var decision = LedgerRules.DecideOpen(new AccountView(own.Limit, own.Spent, held, Recorded(request)), store, request.Fingerprint, costs, tier);
        if (decision is LedgerDecision.Refused { Reason: RefusalReason.StoreLimit } && (_reach == ChargeReach.Slabs || MayTakeBack(own, withOwn: _reach == ChargeReach.Store)))
            return null;
        if (decision is not LedgerDecision.Admitted { IsReplay: false } admitted)
            return decision;
        Record(request, LedgerEntryKind.Open, all, own, admitted, fromSlab: false);
        Raise(own, release.Value, held, tier);
        Raise(all, release.Value, best, tier);
        return decision;
    }

    private void Record(ChargeRequest request, LedgerEntryKind kind, LedgerBook all, LedgerBook own, LedgerDecision.Admitted admitted, bool fromSlab)
    {
        var entry = new LedgerEntry(
            own.Sequence + 1, kind, request.AccountId, request.RequestId, request.Fingerprint, request.Release, request.Release is null ? null : request.Tier, admitted.AccountCost, admitted.StoreCost);
        _now[(own.Store, own.Account)] = Changes.Charge(all, own, entry, fromSlab, _clock.GetUtcNow());
        _recorded[(request.Store, request.Account, request.Request)] = request.Fingerprint;
        if (!fromSlab && admitted.StoreCost != PrivacyAmount.Zero)
            Set(all, all.WithSpent(admitted.StoreCost));
    }

    private LedgerBook Reserve(LedgerBook all, LedgerBook own, PrivacyAmount slab)
    {
        Set(all, all.WithSpent(slab));
        return Set(own, own with { Reserved = own.Reserved + slab });
    }

    /// <summary>Gives all slabs that are locked back to their stores.</summary>
    private void TakeBack()
    {
        foreach (var (book, mac) in _view.Locked)
        {
            // What is not authentic is left as it is, for the verification to find, and counts as used.
            _slabs.Remove(book.Id);
            if (book.Reserved == PrivacyAmount.Zero || _view.Suspension(book.Store) is not null || !LedgerChain.Equal(mac, _chain.OfBook(book)))
                continue;
            if (_view.Book(book.Store, LedgerBook.StoreItself) is not var (store, storeMac) || store.IsClosed || !LedgerChain.Equal(storeMac, _chain.OfBook(store)))
                continue;
            var all = Book(book.Store, LedgerBook.StoreItself)!;
            Set(all, all.WithSpent(PrivacyAmount.Zero - book.Reserved));
            Set(book, book with { Reserved = PrivacyAmount.Zero });
        }
    }

    /// <summary>Whether others hold, or may hold, slabs that were not taken back yet.</summary>
    private bool MayTakeBack(LedgerBook own, bool withOwn) =>
        _view.HasMoreSlabs || _view.Slabs.Any(slab => slab.Store == own.Store && _slabs.Contains(slab.Id) && (withOwn || slab.Id != own.Id))
        || _now.Values.Any(book => book.Store == own.Store && !book.IsOfStore && book.Reserved != PrivacyAmount.Zero && (withOwn || book.Id != own.Id));

    private void Raise(LedgerBook book, string release, int? held, int tier)
    {
        if (held >= tier)
            return;
        Changes.Raise(book, release, tier);
        _tiers[(book.Store, book.Account, release)] = tier;
    }

    private static StoreView Slab(LedgerBook own) => new(own.Reserved, PrivacyAmount.Zero, null);

    private RequestFingerprint? Recorded(ChargeRequest request) =>
        _recorded.TryGetValue((request.Store, request.Account, request.Request), out var recorded) ? recorded : _view.Recorded(_chain, request);

    private int? Tier(LedgerBook book, string release) =>
        _tiers.TryGetValue((book.Store, book.Account, release), out var tier) ? tier
        : _view.Tier(book.Store, book.Account, release) is { } row ? PostgresTiers.Require(_chain, row) : null;

    /// <summary>A book as it stands by now, authentic.</summary>
    private LedgerBook? Book(string store, string account)
    {
        if (_now.TryGetValue((store, account), out var known))
            return known;
        return _view.Book(store, account) is var (book, mac) ? _now[(store, account)] = PostgresBooks.Require(_chain, book, mac) : null;
    }

    private LedgerBook Set(LedgerBook before, LedgerBook after)
    {
        Changes.Set(before, after);
        return _now[(after.Store, after.Account)] = after;
    }
}
