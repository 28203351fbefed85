using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// The durable ledger of all stores: limits, grants, totals, tiers opened and append-only entries, and nothing of it is kept anywhere else.
/// </summary>
/// <remarks>
/// Every change is one transaction: it reads the account's and the store's totals, lets <see cref="LedgerRules"/> decide, and on admission appends
/// the entry and adds to the totals. (store, account, sequence) and (store, account, request) are unique, so of two racing writers one loses. A
/// decision that is returned is durable; a refusal has changed nothing. Any method may throw a <see cref="StorageException"/>;
/// only <see cref="StorageOutcomeUnknownException"/> leaves open whether the change was made. Entries and totals are chained by a keyed MAC. A store whose
/// ledger is not what it was is suspended: until an operator acknowledges that, everything that changes it, and <see cref="FindRequestAsync"/>, on
/// which a retry would be answered, throws <see cref="LedgerSuspendedException"/>; totals, tiers and entries can be read. Before a store was verified after a start they throw <see cref="StorageUnavailableException"/>.
/// </remarks>
public interface IBudgetLedger
{
    /// <summary>Opens a store's books. Repeating it with the same limit changes nothing.</summary>
    /// <exception cref="InvalidOperationException">The store has books with another limit, or closed ones.</exception>
    Task CreateStoreAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default);

    /// <summary>Closes a store's books for ever: from then on every charge, grant and limit is refused. What was spent stays.</summary>
    Task CloseStoreAsync(StoreId store, CancellationToken cancellationToken = default);

    /// <summary>The store's totals, or null for one without books.</summary>
    Task<StoreBudget?> ReadStoreAsync(StoreId store, CancellationToken cancellationToken = default);

    /// <summary>Sets the store's limit; refused below what is spent.</summary>
    Task<LedgerDecision> SetStoreLimitAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default);

    /// <summary>Sets an account's limit, the first time as its grant; refused below what is spent.</summary>
    Task<LedgerDecision> SetLimitAsync(StoreId store, AccountId account, PrivacyLimit limit, CancellationToken cancellationToken = default);

    /// <summary>An account's totals and the tiers it has opened, or null without a grant. Reads one row and one per release opened.</summary>
    Task<AccountBudget?> ReadAccountAsync(StoreId store, AccountId account, CancellationToken cancellationToken = default);

    /// <summary>Accounts with a grant, in the order of their ids.</summary>
    Task<IReadOnlyList<AccountBudget>> ListAccountsAsync(StoreId store, AccountId? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>Opens a tier of a release for an account, or upgrades it there.</summary>
    /// <param name="store">The store.</param>
    /// <param name="account">The account charged.</param>
    /// <param name="request">Charged once, whoever retries.</param>
    /// <param name="fingerprint">Of what the request asks for; another one under the same id is refused.</param>
    /// <param name="release">The release.</param>
    /// <param name="tier">The tier.</param>
    /// <param name="costs">The release's prices.</param>
    /// <param name="cancellationToken">Gives up waiting; the outcome is then unknown.</param>
    Task<LedgerDecision> OpenAsync(StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier, ITierCosts costs, CancellationToken cancellationToken = default);

    /// <summary>Charges an amount, such as that of a per-query answer.</summary>
    Task<LedgerDecision> ChargeAsync(StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost, CancellationToken cancellationToken = default);

    /// <summary>The entry that a request was recorded under, or null: what a retry is to be answered from.</summary>
    Task<StoredLedgerEntry?> FindRequestAsync(StoreId store, AccountId account, RequestId request, CancellationToken cancellationToken = default);

    /// <summary>An account's entries in the order of their sequence; null for the store's own (its limits).</summary>
    Task<IReadOnlyList<StoredLedgerEntry>> ListEntriesAsync(StoreId store, AccountId? account, long after, int limit, CancellationToken cancellationToken = default);
}

/// <summary>A store's totals.</summary>
/// <param name="StatedEpsilon">The epsilon that the limit was stated at.</param>
/// <param name="Limit">The limit.</param>
/// <param name="Spent">What all its users together could learn.</param>
/// <param name="IsClosed">Whether the books are closed.</param>
/// <param name="Suspension">Why the store is suspended, in words for users; null when it is not.</param>
/// <param name="Reserved">What accounts have reserved and not used yet; part of neither <paramref name="Spent"/> nor what is left. Zero where charges go to the store one by one.</param>
public sealed record StoreBudget(Epsilon StatedEpsilon, PrivacyAmount Limit, PrivacyAmount Spent, bool IsClosed, string? Suspension = null, PrivacyAmount Reserved = default);

/// <summary>An account's totals at a store.</summary>
/// <param name="Account">The account.</param>
/// <param name="StatedEpsilon">The epsilon that the limit was stated at.</param>
/// <param name="Limit">The limit.</param>
/// <param name="Spent">What is spent.</param>
/// <param name="Sequence">The sequence of its last entry.</param>
/// <param name="OpenTiers">The best tier opened, per release.</param>
public sealed record AccountBudget(AccountId Account, Epsilon StatedEpsilon, PrivacyAmount Limit, PrivacyAmount Spent, long Sequence, IReadOnlyDictionary<ReleaseId, int> OpenTiers);

/// <summary>An entry with the time it was written.</summary>
/// <param name="At">UTC.</param>
/// <param name="Entry">The entry; its sequence counts within the account.</param>
public sealed record StoredLedgerEntry(DateTimeOffset At, LedgerEntry Entry);
