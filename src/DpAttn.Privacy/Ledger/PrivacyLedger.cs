using System.Diagnostics;

namespace DpAttn.Privacy;

/// <summary>
/// The ledger of one store in memory: accounts, the store's total, the tiers opened, the request ids used, and the entries. A pure state
/// machine without I/O or clock; callers serialise. A user's total is the sum over releases of the best tier opened plus its charges; the
/// store's total is the sum over releases of the best tier opened by anybody plus all charges of all accounts.
/// </summary>
public sealed class PrivacyLedger
{
    private readonly Dictionary<AccountId, Account> _accounts = [];
    private readonly Dictionary<ReleaseId, ITierCosts> _releases = [];
    private readonly Dictionary<ReleaseId, int> _bestTiers = [];
    private readonly List<LedgerEntry> _entries = [];
    private PrivacyAmount _storeLimit;
    private PrivacyAmount _storeSpent;

    /// <summary>A ledger with a limit for all its users together.</summary>
    public PrivacyLedger(PrivacyAmount storeLimit)
    {
        RequireLimit(storeLimit);
        Append(new LedgerEntry(1, LedgerEntryKind.StoreLimit, null, null, default, null, null, PrivacyAmount.Zero, storeLimit));
    }

    private PrivacyLedger()
    {
    }

    /// <summary>The store's limit.</summary>
    public PrivacyAmount StoreLimit => _storeLimit;

    /// <summary>What all users together have spent.</summary>
    public PrivacyAmount StoreSpent => _storeSpent;

    /// <summary>All changes so far.</summary>
    public IReadOnlyList<LedgerEntry> Entries => _entries;

    /// <summary>
    /// The state that a ledger's entries lead to. Releases are made known again with <see cref="AddRelease"/>. Every entry must be one that this
    /// class could have written after those before it; that an amount or a limit was changed for another possible one is for the store's MAC to find.
    /// </summary>
    /// <exception cref="InvalidDataException">A gap in the sequence, or an entry that no ledger could have written.</exception>
    public static PrivacyLedger Rebuild(IEnumerable<LedgerEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var ledger = new PrivacyLedger();
        foreach (var entry in entries)
        {
            if (entry.Sequence != ledger._entries.Count + 1)
                throw new InvalidDataException($"ledger entry {entry.Sequence} stands where {ledger._entries.Count + 1} belongs");
            if (!LedgerEntryShape.IsWellFormed(entry) || !ledger.CouldWrite(entry))
                throw new InvalidDataException($"ledger entry {entry.Sequence} is not one that a ledger writes at that point");
            ledger.Append(entry);
        }
        return ledger._entries.Count > 0 ? ledger : throw new InvalidDataException("a ledger has at least the entry of its store's limit");
    }

    /// <summary>Makes a release's tiers known.</summary>
    /// <exception cref="ArgumentException">
    /// The id is taken, a tier costs nothing or less than a worse one, an upgrade is not priced as the difference of mu squared, or a tier that
    /// the entries open does not exist.
    /// </exception>
    public void AddRelease(ReleaseId release, ITierCosts costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        Require(release.IsStated, nameof(release));
        for (var to = 0; to < costs.TierCount; to++)
        {
            var price = costs.Open(to);
            if (price.MuSquared <= 0 || price.Slack < 0)
                throw new ArgumentException($"tier {to} of a release is priced at nothing or less", nameof(costs));
            for (var from = 0; from < to; from++)
            {
                var upgrade = costs.Upgrade(from, to);
                if (upgrade.MuSquared <= 0 || upgrade.Slack < 0 || upgrade.MuSquared != price.MuSquared - costs.Open(from).MuSquared)
                    throw new ArgumentException($"tiers {from} and {to} of a release are not priced as a rising ladder", nameof(costs));
            }
        }
        if (costs.TierCount < 1 || (_bestTiers.TryGetValue(release, out var opened) && opened >= costs.TierCount))
            throw new ArgumentException("a release has at least one tier, and all that were opened", nameof(costs));
        if (!_releases.TryAdd(release, costs))
            throw new ArgumentException("a release of this id is known already", nameof(release));
    }

    /// <summary>Grants an account, or sets its limit anew.</summary>
    public LedgerDecision SetLimit(AccountId account, PrivacyAmount limit)
    {
        Require(account.IsStated, nameof(account));
        RequireLimit(limit);
        var spent = Spent(account);
        if (!spent.FitsIn(limit))
            return new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, limit, spent);
        Append(Entry(LedgerEntryKind.AccountLimit, account, null, default, null, null, limit, PrivacyAmount.Zero));
        return new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: false);
    }

    /// <summary>Sets the store's limit anew.</summary>
    public LedgerDecision SetStoreLimit(PrivacyAmount limit)
    {
        RequireLimit(limit);
        if (!_storeSpent.FitsIn(limit))
            return new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, limit, _storeSpent);
        Append(Entry(LedgerEntryKind.StoreLimit, null, null, default, null, null, PrivacyAmount.Zero, limit));
        return new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: false);
    }

    /// <summary>Opens a tier of a release for an account, or upgrades it there.</summary>
    /// <exception cref="ArgumentException">An id or the fingerprint was never stated.</exception>
    public LedgerDecision Open(AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier)
    {
        RequireStated(account, request, fingerprint);
        Require(release.IsStated, nameof(release));
        if (!_accounts.TryGetValue(account, out var state))
            return new LedgerDecision.Refused(RefusalReason.UnknownAccount);
        if (!_releases.TryGetValue(release, out var costs))
            return new LedgerDecision.Refused(RefusalReason.UnknownTier);
        var decision = LedgerRules.DecideOpen(state.View(request, release), StoreView(release), fingerprint, costs, tier);
        return Record(decision, LedgerEntryKind.Open, account, request, fingerprint, release, tier);
    }

    /// <summary>Charges an account an amount.</summary>
    /// <exception cref="ArgumentException">An id or the fingerprint was never stated, the amount has a negative part, or costs no mu squared.</exception>
    public LedgerDecision Charge(AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost)
    {
        RequireStated(account, request, fingerprint);
        if (!_accounts.TryGetValue(account, out var state))
            return new LedgerDecision.Refused(RefusalReason.UnknownAccount);
        var decision = LedgerRules.DecideCharge(state.View(request, null), StoreView(null), fingerprint, cost);
        return Record(decision, LedgerEntryKind.Charge, account, request, fingerprint, null, null);
    }

    /// <summary>What an account has spent; zero for an unknown one.</summary>
    public PrivacyAmount Spent(AccountId account) => _accounts.TryGetValue(account, out var state) ? state.Spent : PrivacyAmount.Zero;

    /// <summary>An account's limit; null for an unknown one.</summary>
    public PrivacyAmount? Limit(AccountId account) => _accounts.TryGetValue(account, out var state) ? state.Limit : null;

    /// <summary>The best tier that an account has opened of a release; null for none.</summary>
    public int? OpenTier(AccountId account, ReleaseId release) =>
        _accounts.TryGetValue(account, out var state) && state.Tiers.TryGetValue(release, out var tier) ? tier : null;

    private StoreView StoreView(ReleaseId? release) =>
        new(_storeLimit, _storeSpent, release is { } id && _bestTiers.TryGetValue(id, out var tier) ? tier : null);

    private LedgerDecision Record(LedgerDecision decision, LedgerEntryKind kind, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId? release, int? tier)
    {
        if (decision is LedgerDecision.Admitted { IsReplay: false } admitted)
            Append(Entry(kind, account, request, fingerprint, release, tier, admitted.AccountCost, admitted.StoreCost));
        return decision;
    }

    private LedgerEntry Entry(LedgerEntryKind kind, AccountId? account, RequestId? request, RequestFingerprint fingerprint, ReleaseId? release, int? tier, PrivacyAmount accountAmount, PrivacyAmount storeAmount) =>
        new(_entries.Count + 1, kind, account, request, fingerprint, release, tier, accountAmount, storeAmount);

    /// <summary>Whether a well-formed entry is one that this ledger could have written now: what the rules promise of every entry.</summary>
    private bool CouldWrite(LedgerEntry entry)
    {
        switch (entry.Kind)
        {
            case LedgerEntryKind.StoreLimit:
                return _storeSpent.FitsIn(entry.StoreAmount);
            case LedgerEntryKind.AccountLimit:
                return _entries.Count > 0 && Spent(entry.Account!.Value).FitsIn(entry.AccountAmount);
            default:
                if (!_accounts.TryGetValue(entry.Account!.Value, out var account) || account.Requests.ContainsKey(entry.Request!.Value))
                    return false;
                if (!LedgerRules.Fits(account.Spent, entry.AccountAmount, account.Limit) || !LedgerRules.Fits(_storeSpent, entry.StoreAmount, _storeLimit))
                    return false;
                if (entry.Kind == LedgerEntryKind.Charge)
                    return entry.AccountAmount.MuSquared > 0 && entry.AccountAmount == entry.StoreAmount;
                int? held = account.View(entry.Request.Value, entry.Release).OpenTier, best = StoreView(entry.Release).BestTier;
                return IsPriceFrom(held, entry.Tier!.Value, entry.AccountAmount)
                    && IsPriceFrom(best, entry.Tier.Value, entry.StoreAmount)
                    && (held != best || entry.AccountAmount == entry.StoreAmount);
        }
    }

    /// <summary>What is held already costs nothing; everything better costs something.</summary>
    private static bool IsPriceFrom(int? held, int tier, PrivacyAmount amount) =>
        held >= tier ? amount == PrivacyAmount.Zero : amount.MuSquared > 0;

    /// <summary>The one place where state changes: live and on rebuilding.</summary>
    private void Append(LedgerEntry entry)
    {
        switch (entry)
        {
            case { Kind: LedgerEntryKind.StoreLimit }:
                _storeLimit = entry.StoreAmount;
                break;
            case { Kind: LedgerEntryKind.AccountLimit, Account: { } account }:
                if (!_accounts.TryGetValue(account, out var granted))
                    _accounts.Add(account, granted = new Account());
                granted.Limit = entry.AccountAmount;
                break;
            case { Account: { } account, Request: { } request }:
                var charged = _accounts[account];
                charged.Requests.Add(request, entry.Fingerprint);
                charged.Spent += entry.AccountAmount;
                _storeSpent += entry.StoreAmount;
                if (entry is { Release: { } release, Tier: { } tier })
                {
                    Raise(charged.Tiers, release, tier);
                    Raise(_bestTiers, release, tier);
                }
                break;
            default:
                throw new UnreachableException();
        }
        _entries.Add(entry);
    }

    private static void Raise(Dictionary<ReleaseId, int> tiers, ReleaseId release, int tier)
    {
        if (!tiers.TryGetValue(release, out var held) || held < tier)
            tiers[release] = tier;
    }

    private static void RequireStated(AccountId account, RequestId request, RequestFingerprint fingerprint)
    {
        Require(account.IsStated, nameof(account));
        Require(request.IsStated, nameof(request));
        Require(fingerprint.IsStated, nameof(fingerprint));
    }

    private static void Require(bool isStated, string name)
    {
        if (!isStated)
            throw new ArgumentException($"this {name} was never stated", name);
    }

    private static void RequireLimit(PrivacyAmount limit)
    {
        if (!limit.IsNonNegative)
            throw new ArgumentOutOfRangeException(nameof(limit), "a limit has no negative part");
    }

    private sealed class Account
    {
        public PrivacyAmount Limit { get; set; }

        public PrivacyAmount Spent { get; set; }

        public Dictionary<ReleaseId, int> Tiers { get; } = [];

        public Dictionary<RequestId, RequestFingerprint> Requests { get; } = [];

        public AccountView View(RequestId request, ReleaseId? release) => new(
            Limit,
            Spent,
            release is { } id && Tiers.TryGetValue(id, out var tier) ? tier : null,
            Requests.TryGetValue(request, out var recorded) ? recorded : null);
    }
}
