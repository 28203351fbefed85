using System.Collections.Concurrent;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests.Ledger;

/// <summary>A ledger that writes down which calls it gets, and that may make up accounts with many tiers open.</summary>
/// <param name="ledger">The ledger below.</param>
/// <param name="tiers">How many releases an account has opened that has no grant below.</param>
internal sealed class CountedLedger(IBudgetLedger ledger, int tiers) : IBudgetLedger
{
    private readonly ConcurrentQueue<string> _calls = new();

    /// <summary>The calls since it was last asked.</summary>
    public IReadOnlyList<string> Take()
    {
        var calls = new List<string>();
        while (_calls.TryDequeue(out var call))
            calls.Add(call);
        return calls;
    }

    public async Task<AccountBudget?> ReadAccountAsync(StoreId store, AccountId account, CancellationToken cancellationToken = default) =>
        await Counted("read account", ledger.ReadAccountAsync(store, account, cancellationToken)) ?? MadeUp(account);

    public Task<LedgerDecision> ChargeAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost, CancellationToken cancellationToken = default) =>
        Counted("charge", ledger.ChargeAsync(store, account, request, fingerprint, cost, cancellationToken));

    public Task<LedgerDecision> OpenAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier, ITierCosts costs, CancellationToken cancellationToken = default) =>
        Counted("open", ledger.OpenAsync(store, account, request, fingerprint, release, tier, costs, cancellationToken));

    public Task CreateStoreAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default) => Counted("create", ledger.CreateStoreAsync(store, limit, cancellationToken));

    public Task CloseStoreAsync(StoreId store, CancellationToken cancellationToken = default) => Counted("close", ledger.CloseStoreAsync(store, cancellationToken));

    public Task<StoreBudget?> ReadStoreAsync(StoreId store, CancellationToken cancellationToken = default) => Counted("read store", ledger.ReadStoreAsync(store, cancellationToken));

    public Task<LedgerDecision> SetStoreLimitAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default) =>
        Counted("store limit", ledger.SetStoreLimitAsync(store, limit, cancellationToken));

    public Task<LedgerDecision> SetLimitAsync(StoreId store, AccountId account, PrivacyLimit limit, CancellationToken cancellationToken = default) =>
        Counted("limit", ledger.SetLimitAsync(store, account, limit, cancellationToken));

    public Task<IReadOnlyList<AccountBudget>> ListAccountsAsync(StoreId store, AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        Counted("list accounts", ledger.ListAccountsAsync(store, after, limit, cancellationToken));

    public Task<StoredLedgerEntry?> FindRequestAsync(StoreId store, AccountId account, RequestId request, CancellationToken cancellationToken = default) =>
        Counted("find", ledger.FindRequestAsync(store, account, request, cancellationToken));

    public Task<IReadOnlyList<StoredLedgerEntry>> ListEntriesAsync(StoreId store, AccountId? account, long after, int limit, CancellationToken cancellationToken = default) =>
        Counted("entries", ledger.ListEntriesAsync(store, account, after, limit, cancellationToken));

    // Made anew each time, ids included, as a read from a database is.
    private AccountBudget MadeUp(AccountId account) => new(
        account, new Epsilon(1), new PrivacyAmount(1000, 1000), new PrivacyAmount(1, 1), tiers + 1, Enumerable.Range(0, tiers).ToDictionary(i => new ReleaseId($"r{i:d6}"), _ => 1));

    private T Counted<T>(string call, T task)
    {
        _calls.Enqueue(call);
        return task;
    }
}
