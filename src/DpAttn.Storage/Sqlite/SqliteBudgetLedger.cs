using System.Collections.ObjectModel;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// The ledger in the tables ledger_*. Each change reads the account's and the store's rows, lets <see cref="LedgerRules"/> decide, appends the
/// entry and adds to the totals, guarded by what was read; totals are never summed from the entries.
/// </summary>
internal sealed class SqliteBudgetLedger(SqliteWriter writer, SqliteReaders readers, TimeProvider clock) : IBudgetLedger
{
    private static readonly IReadOnlyDictionary<ReleaseId, int> NoTiers = ReadOnlyDictionary<ReleaseId, int>.Empty;
    private static readonly LedgerDecision Unknown = new LedgerDecision.Refused(RefusalReason.UnknownAccount);
    private static readonly LedgerDecision Free = new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: false);

    public Task CreateStoreAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        ArgumentNullException.ThrowIfNull(limit);
        return writer.RunAsync("opening a store's books", 0, session => CreateStore(session, store, limit), cancellationToken);
    }

    public Task CloseStoreAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        return writer.RunAsync("closing a store's books", 0, session => CloseStore(session, store), cancellationToken);
    }

    public Task<StoreBudget?> ReadStoreAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        return readers.ReadAsync("reading a store's budget", session => LedgerStoreRow.Read(session, store) is { } row
            ? new StoreBudget(new Epsilon(row.StatedEpsilon), row.Limit, row.Spent, row.IsClosed)
            : null, cancellationToken);
    }

    public Task<LedgerDecision> SetStoreLimitAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        ArgumentNullException.ThrowIfNull(limit);
        return writer.RunAsync("setting a store's limit", 0, session => SetStoreLimit(session, store, limit), cancellationToken);
    }

    public Task<LedgerDecision> SetLimitAsync(StoreId store, AccountId account, PrivacyLimit limit, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value);
        ArgumentNullException.ThrowIfNull(limit);
        return writer.RunAsync("setting an account's limit", 0, session => SetLimit(session, store, account, limit), cancellationToken);
    }

    public Task<AccountBudget?> ReadAccountAsync(StoreId store, AccountId account, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value);
        return readers.ReadAsync("reading an account's budget", reader => reader.InSnapshot(session => ReadAccount(session, store, account)), cancellationToken);
    }

    public Task<IReadOnlyList<AccountBudget>> ListAccountsAsync(StoreId store, AccountId? after, int limit, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, after?.Value);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return readers.ReadAsync("listing accounts", reader => reader.InSnapshot(session => ListAccounts(session, store, after?.Value ?? "", limit)), cancellationToken);
    }

    public Task<LedgerDecision> OpenAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier, ITierCosts costs, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value, request.Value, release.Value);
        ArgumentNullException.ThrowIfNull(costs);
        return writer.RunAsync("opening a tier", 0, session => Open(session, store, account, request, fingerprint, release, tier, costs), cancellationToken);
    }

    public Task<LedgerDecision> ChargeAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value, request.Value);
        return writer.RunAsync("charging an account", 0, session => Charge(session, store, account, request, fingerprint, cost), cancellationToken);
    }

    public Task<StoredLedgerEntry?> FindRequestAsync(StoreId store, AccountId account, RequestId request, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value, request.Value);
        return readers.ReadAsync("finding a request", session => LedgerEntries.Find(session, store, account, request), cancellationToken);
    }

    public Task<IReadOnlyList<StoredLedgerEntry>> ListEntriesAsync(StoreId store, AccountId? account, long after, int limit, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account?.Value);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return readers.ReadAsync("listing entries", session => LedgerEntries.List(session, store, account?.Value ?? LedgerEntries.StoreItself, after, limit), cancellationToken);
    }

    private bool CreateStore(SqliteSession session, StoreId store, PrivacyLimit limit)
    {
        if (LedgerStoreRow.Read(session, store) is { } known)
        {
            if (known.IsClosed)
                throw new InvalidOperationException($"the books of store {store} are closed");
            if (!known.HasLimit(limit))
                throw new InvalidOperationException($"store {store} has books with another limit");
            return false;
        }
        new LedgerStoreRow(store.Value, limit.Epsilon.Value, limit.Delta.Value, limit.Amount, PrivacyAmount.Zero, Sequence: 1, IsClosed: false).Insert(session);
        AppendStoreLimit(session, store, 1, limit);
        return true;
    }

    /// <summary>Closes the books; of a store without any it makes closed ones, so that no late attempt to open them can succeed.</summary>
    private static bool CloseStore(SqliteSession session, StoreId store)
    {
        switch (LedgerStoreRow.Read(session, store))
        {
            case null:
                new LedgerStoreRow(store.Value, 0, 0, PrivacyAmount.Zero, PrivacyAmount.Zero, Sequence: 0, IsClosed: true).Insert(session);
                return true;
            case { IsClosed: false } row:
                row.Close(session);
                return true;
            default:
                return false;
        }
    }

    private LedgerDecision SetStoreLimit(SqliteSession session, StoreId store, PrivacyLimit limit)
    {
        if (LedgerStoreRow.Read(session, store) is not { IsClosed: false } row)
            return Unknown;
        if (row.HasLimit(limit))
            return Free;
        if (!row.Spent.FitsIn(limit.Amount))
            return new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, limit.Amount, row.Spent);
        row.SetLimit(session, limit);
        AppendStoreLimit(session, store, row.Sequence + 1, limit);
        return Free;
    }

    private LedgerDecision SetLimit(SqliteSession session, StoreId store, AccountId account, PrivacyLimit limit)
    {
        if (LedgerStoreRow.Read(session, store) is not { IsClosed: false })
            return Unknown;
        var row = LedgerAccountRow.Read(session, store, account);
        if (row is not null && row.HasLimit(limit))
            return Free;
        if (row is not null && !row.Spent.FitsIn(limit.Amount))
            return new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, limit.Amount, row.Spent);
        if (row is null)
            new LedgerAccountRow(store.Value, account.Value, limit.Epsilon.Value, limit.Delta.Value, limit.Amount, PrivacyAmount.Zero, Sequence: 1).Insert(session);
        else
            row.SetLimit(session, limit);
        var entry = new LedgerEntry((row?.Sequence ?? 0) + 1, LedgerEntryKind.AccountLimit, account, null, default, null, null, limit.Amount, PrivacyAmount.Zero);
        LedgerEntries.Append(session, store, entry, limit, clock.GetUtcNow());
        return Free;
    }

    private LedgerDecision Open(
        SqliteSession session, StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier, ITierCosts costs)
    {
        if (LedgerStoreRow.Read(session, store) is not { IsClosed: false } books || LedgerAccountRow.Read(session, store, account) is not { } row)
            return Unknown;
        var held = LedgerTiers.Read(session, store.Value, account.Value, release.Value);
        var best = LedgerTiers.Read(session, store.Value, LedgerTiers.Anybody, release.Value);
        var decision = LedgerRules.DecideOpen(
            new AccountView(row.Limit, row.Spent, held, LedgerEntries.Recorded(session, store, account, request)), new StoreView(books.Limit, books.Spent, best), fingerprint, costs, tier);
        if (decision is LedgerDecision.Admitted { IsReplay: false } admitted)
        {
            TierPrices.Require(costs, held, tier);
            TierPrices.Require(costs, best, tier);
            Record(session, books, row, new LedgerEntry(row.Sequence + 1, LedgerEntryKind.Open, account, request, fingerprint, release, tier, admitted.AccountCost, admitted.StoreCost));
            LedgerTiers.Raise(session, store.Value, account.Value, release.Value, held, tier);
            LedgerTiers.Raise(session, store.Value, LedgerTiers.Anybody, release.Value, best, tier);
        }
        return decision;
    }

    private LedgerDecision Charge(SqliteSession session, StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost)
    {
        if (LedgerStoreRow.Read(session, store) is not { IsClosed: false } books || LedgerAccountRow.Read(session, store, account) is not { } row)
            return Unknown;
        var decision = LedgerRules.DecideCharge(
            new AccountView(row.Limit, row.Spent, null, LedgerEntries.Recorded(session, store, account, request)), new StoreView(books.Limit, books.Spent, null), fingerprint, cost);
        if (decision is LedgerDecision.Admitted { IsReplay: false } admitted)
            Record(session, books, row, new LedgerEntry(row.Sequence + 1, LedgerEntryKind.Charge, account, request, fingerprint, null, null, admitted.AccountCost, admitted.StoreCost));
        return decision;
    }

    private void Record(SqliteSession session, LedgerStoreRow books, LedgerAccountRow row, LedgerEntry entry)
    {
        LedgerEntries.Append(session, new StoreId(books.Store), entry, null, clock.GetUtcNow());
        row.Add(session, entry.AccountAmount);
        if (entry.StoreAmount != PrivacyAmount.Zero)
            books.Add(session, entry.StoreAmount);
    }

    private void AppendStoreLimit(SqliteSession session, StoreId store, long sequence, PrivacyLimit limit) => LedgerEntries.Append(
        session, store, new LedgerEntry(sequence, LedgerEntryKind.StoreLimit, null, null, default, null, null, PrivacyAmount.Zero, limit.Amount), limit, clock.GetUtcNow());

    private static AccountBudget? ReadAccount(SqliteSession session, StoreId store, AccountId account)
    {
        if (LedgerAccountRow.Read(session, store, account) is not { } row)
            return null;
        var tiers = LedgerTiers.List(session, store.Value, account.Value, account.Value);
        return row.ToBudget(tiers.TryGetValue(account.Value, out var open) ? open : NoTiers);
    }

    private static IReadOnlyList<AccountBudget> ListAccounts(SqliteSession session, StoreId store, string after, int limit)
    {
        var rows = LedgerAccountRow.List(session, store, after, limit);
        if (rows.Count == 0)
            return [];
        var tiers = LedgerTiers.List(session, store.Value, rows[0].Account, rows[^1].Account);
        return [.. rows.Select(row => row.ToBudget(tiers.TryGetValue(row.Account, out var open) ? open : NoTiers))];
    }
}
