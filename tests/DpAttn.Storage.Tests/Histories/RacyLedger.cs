using System.Collections.Concurrent;
using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Histories;

/// <summary>What is wrong with a ledger when calls meet; one after another, it does right.</summary>
public enum RacyFault
{
    /// <summary>It looks a request up first and charges it in a second step.</summary>
    ChargesTwice,

    /// <summary>It reads a total, and writes the sum back in a second step.</summary>
    LosesAnUpdate,

    /// <summary>It answers a read, now and then, with what it said the time before.</summary>
    ReadsWhatWas,
}

/// <summary>The real ledger with one race, so that the check for linearizability is seen to find it.</summary>
internal sealed class RacyLedger(IBudgetLedger ledger, RacyFault fault) : IBudgetLedger
{
    private readonly ConcurrentDictionary<(StoreId, AccountId, RequestId), RequestFingerprint> _charged = new();
    private readonly ConcurrentDictionary<(StoreId, AccountId), PrivacyAmount> _totals = new();
    private readonly ConcurrentDictionary<(StoreId, AccountId), AccountBudget?> _said = new();
    private int _charges;
    private int _reads;

    public async Task<LedgerDecision> ChargeAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost, CancellationToken cancellationToken = default)
    {
        switch (fault)
        {
            case RacyFault.ChargesTwice:
                if (_charged.TryGetValue((store, account, request), out var recorded))
                    return recorded == fingerprint ? new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: true) : new LedgerDecision.Refused(RefusalReason.RequestConflict);
                var decision = await ledger.ChargeAsync(store, account, new RequestId($"{request}-{Interlocked.Increment(ref _charges)}"), fingerprint, cost, cancellationToken);
                if (decision.IsAdmitted)
                    _charged[(store, account, request)] = fingerprint;
                return decision;
            case RacyFault.LosesAnUpdate:
                var before = _totals.GetValueOrDefault((store, account));
                var charged = await ledger.ChargeAsync(store, account, request, fingerprint, cost, cancellationToken);
                if (charged is LedgerDecision.Admitted { IsReplay: false })
                    _totals[(store, account)] = before + cost;
                return charged;
            default:
                return await ledger.ChargeAsync(store, account, request, fingerprint, cost, cancellationToken);
        }
    }

    public async Task<AccountBudget?> ReadAccountAsync(StoreId store, AccountId account, CancellationToken cancellationToken = default)
    {
        var budget = await ledger.ReadAccountAsync(store, account, cancellationToken);
        switch (fault)
        {
            case RacyFault.LosesAnUpdate when budget is { OpenTiers.Count: 0 }:
                return budget with { Spent = _totals.GetValueOrDefault((store, account)) };
            case RacyFault.ReadsWhatWas:
                var said = _said.GetValueOrDefault((store, account), budget);
                _said[(store, account)] = budget;
                return Interlocked.Increment(ref _reads) % 3 == 0 ? said : budget;
            default:
                return budget;
        }
    }

    public Task CreateStoreAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default) => ledger.CreateStoreAsync(store, limit, cancellationToken);

    public Task CloseStoreAsync(StoreId store, CancellationToken cancellationToken = default) => ledger.CloseStoreAsync(store, cancellationToken);

    public Task<StoreBudget?> ReadStoreAsync(StoreId store, CancellationToken cancellationToken = default) => ledger.ReadStoreAsync(store, cancellationToken);

    public Task<LedgerDecision> SetStoreLimitAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default) =>
        ledger.SetStoreLimitAsync(store, limit, cancellationToken);

    public Task<LedgerDecision> SetLimitAsync(StoreId store, AccountId account, PrivacyLimit limit, CancellationToken cancellationToken = default) =>
        ledger.SetLimitAsync(store, account, limit, cancellationToken);

    public Task<IReadOnlyList<AccountBudget>> ListAccountsAsync(StoreId store, AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        ledger.ListAccountsAsync(store, after, limit, cancellationToken);

    public Task<LedgerDecision> OpenAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier, ITierCosts costs, CancellationToken cancellationToken = default) =>
        ledger.OpenAsync(store, account, request, fingerprint, release, tier, costs, cancellationToken);

    public Task<StoredLedgerEntry?> FindRequestAsync(StoreId store, AccountId account, RequestId request, CancellationToken cancellationToken = default) =>
        ledger.FindRequestAsync(store, account, request, cancellationToken);

    public Task<IReadOnlyList<StoredLedgerEntry>> ListEntriesAsync(StoreId store, AccountId? account, long after, int limit, CancellationToken cancellationToken = default) =>
        ledger.ListEntriesAsync(store, account, after, limit, cancellationToken);
}
