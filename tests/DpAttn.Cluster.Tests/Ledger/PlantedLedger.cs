using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests.Ledger;

/// <summary>What is wrong with a ledger.</summary>
public enum PlantedFault
{
    /// <summary>Now and then it says that it charged, and did not.</summary>
    ForgetsACharge,

    /// <summary>It decides by what it reads, rightly, and never writes what it decided.</summary>
    ReadsAndNeverWrites,

    /// <summary>It charges a request that it knows again, under another id.</summary>
    ChargesARetry,

    /// <summary>Now and then it raises the limit for what does not fit.</summary>
    ChargesWhatItRefuses,

    /// <summary>Now and then it charges and says that it failed.</summary>
    SaysNothingOfACharge,

    /// <summary>Now and then it charges one unit more than was asked for.</summary>
    ChargesALittleMore,
}

/// <summary>A ledger with one fault, so that the checks of the real one are seen to find it.</summary>
internal sealed class PlantedLedger(IBudgetLedger ledger, PlantedFault fault) : IBudgetLedger
{
    private const int Often = 20;
    private static readonly PrivacyLimit Generous = new(new Epsilon(9), new Delta(1e-6));
    private int _charges;

    public async Task<LedgerDecision> ChargeAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost, CancellationToken cancellationToken = default)
    {
        var isTurn = Interlocked.Increment(ref _charges) % Often == 0;
        switch (fault)
        {
            case PlantedFault.ForgetsACharge when isTurn:
                return new LedgerDecision.Admitted(cost, cost, IsReplay: false);
            case PlantedFault.ReadsAndNeverWrites:
                var read = await ledger.ReadAccountAsync(store, account, cancellationToken);
                return read is not null && (read.Spent + cost).FitsIn(read.Limit)
                    ? new LedgerDecision.Admitted(cost, cost, IsReplay: false)
                    : await ledger.ChargeAsync(store, account, request, fingerprint, cost, cancellationToken);
            case PlantedFault.ChargesALittleMore when isTurn:
                return await ledger.ChargeAsync(store, account, request, fingerprint, cost + new PrivacyAmount(1, 0), cancellationToken);
        }
        var decision = await ledger.ChargeAsync(store, account, request, fingerprint, cost, cancellationToken);
        switch (fault)
        {
            case PlantedFault.ChargesARetry when decision is LedgerDecision.Admitted { IsReplay: true }:
                await ledger.ChargeAsync(store, account, new RequestId($"{request}-again-{_charges}"), fingerprint, cost, cancellationToken);
                break;
            case PlantedFault.ChargesWhatItRefuses when isTurn && decision is LedgerDecision.Refused { Reason: RefusalReason.AccountLimit }:
                await ledger.SetLimitAsync(store, account, Generous, cancellationToken);
                return await ledger.ChargeAsync(store, account, request, fingerprint, cost, cancellationToken);
            case PlantedFault.SaysNothingOfACharge when isTurn && decision is LedgerDecision.Admitted { IsReplay: false }:
                throw new StorageUnavailableException("charging an account: planted");
        }
        return decision;
    }

    public Task CreateStoreAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default) => ledger.CreateStoreAsync(store, limit, cancellationToken);

    public Task CloseStoreAsync(StoreId store, CancellationToken cancellationToken = default) => ledger.CloseStoreAsync(store, cancellationToken);

    public Task<StoreBudget?> ReadStoreAsync(StoreId store, CancellationToken cancellationToken = default) => ledger.ReadStoreAsync(store, cancellationToken);

    public Task<LedgerDecision> SetStoreLimitAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default) =>
        ledger.SetStoreLimitAsync(store, limit, cancellationToken);

    public Task<LedgerDecision> SetLimitAsync(StoreId store, AccountId account, PrivacyLimit limit, CancellationToken cancellationToken = default) =>
        ledger.SetLimitAsync(store, account, limit, cancellationToken);

    public Task<AccountBudget?> ReadAccountAsync(StoreId store, AccountId account, CancellationToken cancellationToken = default) =>
        ledger.ReadAccountAsync(store, account, cancellationToken);

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
