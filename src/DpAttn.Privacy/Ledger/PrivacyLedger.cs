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

    /// <summary>The state that a ledger's entries lead to. Releases are made known again with <see cref="AddRelease"/>.</summary>
    /// <exception cref="InvalidDataException">A gap in the sequence, or an entry that no ledger could have written.</exception>
    public static PrivacyLedger Rebuild(IEnumerable<LedgerEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var ledger = new PrivacyLedger();
        foreach (var entry in entries)
        {
            if (entry.Sequence != ledger._entries.Count + 1)
                throw new InvalidDataException($"ledger entry {entry.Sequence} stands where {ledger._entries.Count + 1} belongs");
            ledger.Append(entry);
        }
        return ledger;
    }

    /// <summary>Makes a release's tiers known.</summary>
    /// <exception cref="ArgumentException">The id is taken, or an upgrade is not priced as the difference of mu squared.</exception>
    public void AddRelease(ReleaseId release, ITierCosts costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        for (var to = 1; to < costs.TierCount; to++)
        {
            for (var from = 0; from < to; from++)
            {
                if (costs.Upgrade(from, to).MuSquared != costs.Open(to).MuSquared - costs.Open(from).MuSquared || costs.Open(to).MuSquared < costs.Open(from).MuSquared)
                    throw new ArgumentException($"tiers {from} and {to} of a release are not priced as a rising ladder", nameof(costs));
            }
        }
        if (!_releases.TryAdd(release, costs))
            throw new ArgumentException("a release of this id is known already", nameof(release));
    }

    /// <summary>Grants an account, or sets its limit anew.</summary>
    public LedgerDecision SetLimit(AccountId account, PrivacyAmount limit)
    {
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
    public LedgerDecision Open(AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier)
    {
        if (!_accounts.TryGetValue(account, out var state))
            return new LedgerDecision.Refused(RefusalReason.UnknownAccount);
        if (!_releases.TryGetValue(release, out var costs))
            return new LedgerDecision.Refused(RefusalReason.UnknownTier);
        var decision = LedgerRules.DecideOpen(state.View(request, release), StoreView(release), fingerprint, costs, tier);
        return Record(decision, LedgerEntryKind.Open, account, request, fingerprint, release, tier);
    }

    /// <summary>Charges an account an amount.</summary>
    public LedgerDecision Charge(AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost)
    {
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
            case { Kind: LedgerEntryKind.Open or LedgerEntryKind.Charge, Account: { } account, Request: { } request } when _accounts.TryGetValue(account, out var charged):
                if (!charged.Requests.TryAdd(request, entry.Fingerprint))
                    throw new InvalidDataException($"ledger entry {entry.Sequence} charges a request id a second time");
                charged.Spent += entry.AccountAmount;
                _storeSpent += entry.StoreAmount;
                if (entry is { Release: { } release, Tier: { } tier })
                {
                    Raise(charged.Tiers, release, tier);
                    Raise(_bestTiers, release, tier);
                }
                break;
            default:
                throw new InvalidDataException($"ledger entry {entry.Sequence} is not one that a ledger writes");
        }
        _entries.Add(entry);
    }

    private static void Raise(Dictionary<ReleaseId, int> tiers, ReleaseId release, int tier)
    {
        if (!tiers.TryGetValue(release, out var held) || held < tier)
            tiers[release] = tier;
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
