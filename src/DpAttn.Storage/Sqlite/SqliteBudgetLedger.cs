using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// The ledger in the tables ledger_*. Each change reads the account's and the store's rows, lets <see cref="LedgerRules"/> decide, appends the
/// entry and adds to the totals, guarded by what was read; totals are never summed from the entries. Prices are asked for on the writer's thread, and
/// again if its group starts over: they must be quick and always the same.
/// </summary>
internal sealed class SqliteBudgetLedger(SqliteWriter writer, SqliteReaders readers, TimeProvider clock) : IBudgetLedger
{
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
        return readers.ReadAsync("reading a store's budget", session => LedgerBook.Read(session, store, LedgerBook.StoreItself) is { } book
            ? new StoreBudget(new Epsilon(book.StatedEpsilon), book.Limit, book.Spent, book.IsClosed)
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
        return readers.ReadAsync("finding a request", session =>
            LedgerBook.Read(session, store, account.Value) is { } book ? LedgerEntries.Find(session, book, request) : null, cancellationToken);
    }

    public Task<IReadOnlyList<StoredLedgerEntry>> ListEntriesAsync(StoreId store, AccountId? account, long after, int limit, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account?.Value);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return readers.ReadAsync("listing entries", session => ListEntries(session, store, account?.Value ?? LedgerBook.StoreItself, after, limit), cancellationToken);
    }

    private bool CreateStore(SqliteSession session, StoreId store, PrivacyLimit limit)
    {
        if (LedgerBook.Read(session, store, LedgerBook.StoreItself) is { } known)
        {
            if (known.IsClosed)
                throw new InvalidOperationException($"the books of store {store} are closed");
            if (!known.HasLimit(limit))
                throw new InvalidOperationException($"store {store} has books with another limit");
            return false;
        }
        AppendStoreLimit(session, LedgerBook.Open(session, store, LedgerBook.StoreItself, limit), limit);
        return true;
    }

    /// <summary>Closes the books; of a store without any it makes closed ones, so that no late attempt to open them can succeed.</summary>
    private static bool CloseStore(SqliteSession session, StoreId store)
    {
        switch (LedgerBook.Read(session, store, LedgerBook.StoreItself))
        {
            case null:
                LedgerBook.OpenClosed(session, store);
                return true;
            case { IsClosed: false } book:
                book.Close(session);
                return true;
            default:
                return false;
        }
    }

    private LedgerDecision SetStoreLimit(SqliteSession session, StoreId store, PrivacyLimit limit)
    {
        if (LedgerBook.Read(session, store, LedgerBook.StoreItself) is not { IsClosed: false } book)
            return Unknown;
        if (book.HasLimit(limit))
            return Free;
        if (!book.Spent.FitsIn(limit.Amount))
            return new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, limit.Amount, book.Spent);
        AppendStoreLimit(session, book.SetLimit(session, limit), limit);
        return Free;
    }

    private LedgerDecision SetLimit(SqliteSession session, StoreId store, AccountId account, PrivacyLimit limit)
    {
        if (LedgerBook.Read(session, store, LedgerBook.StoreItself) is not { IsClosed: false })
            return Unknown;
        var book = LedgerBook.Read(session, store, account.Value);
        if (book is not null && book.HasLimit(limit))
            return Free;
        if (book is not null && !book.Spent.FitsIn(limit.Amount))
            return new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, limit.Amount, book.Spent);
        book = book is null ? LedgerBook.Open(session, store, account.Value, limit) : book.SetLimit(session, limit);
        var entry = new LedgerEntry(book.Sequence, LedgerEntryKind.AccountLimit, account, null, default, null, null, limit.Amount, PrivacyAmount.Zero);
        LedgerEntries.Append(session, book, entry, limit, clock.GetUtcNow());
        return Free;
    }

    private LedgerDecision Open(
        SqliteSession session, StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier, ITierCosts costs)
    {
        if (LedgerBook.Read(session, store, LedgerBook.StoreItself) is not { IsClosed: false } all || LedgerBook.Read(session, store, account.Value) is not { } own)
            return Unknown;
        var held = LedgerTiers.Read(session, own, release);
        var best = LedgerTiers.Read(session, all, release);
        if (tier >= 0 && tier < costs.TierCount)
        {
            TierPrices.Require(costs, held, tier);
            TierPrices.Require(costs, best, tier);
        }
        var decision = LedgerRules.DecideOpen(
            new AccountView(own.Limit, own.Spent, held, LedgerEntries.Recorded(session, own, request)), new StoreView(all.Limit, all.Spent, best), fingerprint, costs, tier);
        if (decision is LedgerDecision.Admitted { IsReplay: false } admitted)
        {
            Record(session, all, own, new LedgerEntry(own.Sequence + 1, LedgerEntryKind.Open, account, request, fingerprint, release, tier, admitted.AccountCost, admitted.StoreCost));
            LedgerTiers.Raise(session, own, release, held, tier);
            LedgerTiers.Raise(session, all, release, best, tier);
        }
        return decision;
    }

    private LedgerDecision Charge(SqliteSession session, StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost)
    {
        if (LedgerBook.Read(session, store, LedgerBook.StoreItself) is not { IsClosed: false } all || LedgerBook.Read(session, store, account.Value) is not { } own)
            return Unknown;
        var decision = LedgerRules.DecideCharge(
            new AccountView(own.Limit, own.Spent, null, LedgerEntries.Recorded(session, own, request)), new StoreView(all.Limit, all.Spent, null), fingerprint, cost);
        if (decision is LedgerDecision.Admitted { IsReplay: false } admitted)
            Record(session, all, own, new LedgerEntry(own.Sequence + 1, LedgerEntryKind.Charge, account, request, fingerprint, null, null, admitted.AccountCost, admitted.StoreCost));
        return decision;
    }

    private void Record(SqliteSession session, LedgerBook all, LedgerBook own, LedgerEntry entry)
    {
        LedgerEntries.Append(session, own, entry, null, clock.GetUtcNow());
        own.Add(session, entry.AccountAmount, entries: 1);
        if (entry.StoreAmount != PrivacyAmount.Zero)
            all.Add(session, entry.StoreAmount, entries: 0);
    }

    private void AppendStoreLimit(SqliteSession session, LedgerBook book, PrivacyLimit limit) => LedgerEntries.Append(
        session, book, new LedgerEntry(book.Sequence, LedgerEntryKind.StoreLimit, null, null, default, null, null, PrivacyAmount.Zero, limit.Amount), limit, clock.GetUtcNow());

    private static AccountBudget? ReadAccount(SqliteSession session, StoreId store, AccountId account) =>
        LedgerBook.Read(session, store, account.Value) is { } book ? book.ToAccountBudget(LedgerTiers.List(session, book)) : null;

    private static IReadOnlyList<AccountBudget> ListAccounts(SqliteSession session, StoreId store, string after, int limit) =>
        [.. LedgerBook.List(session, store, after, limit).Select(book => book.ToAccountBudget(LedgerTiers.List(session, book)))];

    private static IReadOnlyList<StoredLedgerEntry> ListEntries(SqliteSession session, StoreId store, string account, long after, int limit) =>
        LedgerBook.Read(session, store, account) is { } book ? LedgerEntries.List(session, book, after, limit) : [];
}
