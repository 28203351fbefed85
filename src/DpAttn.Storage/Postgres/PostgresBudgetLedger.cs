using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// The ledger in the tables dpattn_ledger_*. Charges go through lanes (<see cref="ChargeLane"/>), an account's always through the same one; limits are changed one by one
/// (<see cref="PostgresLimits"/>). Prices are asked for in a lane, and again if a transaction starts over: they must be quick and always the same.
/// </summary>
internal sealed class PostgresBudgetLedger(PostgresDatabase database, PostgresLedgerBooks books, IReadOnlyList<ChargeLane> lanes, TimeProvider clock) : IBudgetLedger
{
    private readonly PostgresLimits _limits = new(database, books, clock);

    public async Task CreateStoreAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        ArgumentNullException.ThrowIfNull(limit);
        await ReadyAsync(store, cancellationToken).ConfigureAwait(false);
        await _limits.CreateStoreAsync(store, limit, cancellationToken).ConfigureAwait(false);
    }

    public Task CloseStoreAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        // Never kept waiting: what it leads to can only be refused.
        return _limits.CloseStoreAsync(store, cancellationToken);
    }

    public Task<StoreBudget?> ReadStoreAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        return database.ReadSnapshotAsync("reading a store's budget", async session =>
        {
            if (await ReadToShowAsync(session, store, LedgerBook.StoreItself).ConfigureAwait(false) is not var (book, suspension))
                return null;
            var reserved = await session.QueryAsync(PostgresBooks.Reserved(store.Value), row => new PrivacyAmount(row.GetInt64(0), row.GetInt64(1))).ConfigureAwait(false);
            return book.ToStoreBudget(suspension, reserved[0]);
        }, cancellationToken);
    }

    public async Task<LedgerDecision> SetStoreLimitAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        ArgumentNullException.ThrowIfNull(limit);
        await ReadyAsync(store, cancellationToken).ConfigureAwait(false);
        return await _limits.SetStoreLimitAsync(store, limit, cancellationToken).ConfigureAwait(false);
    }

    public async Task<LedgerDecision> SetLimitAsync(StoreId store, AccountId account, PrivacyLimit limit, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value);
        ArgumentNullException.ThrowIfNull(limit);
        await ReadyAsync(store, cancellationToken).ConfigureAwait(false);
        return await _limits.SetLimitAsync(store, account, limit, cancellationToken).ConfigureAwait(false);
    }

    public async Task<AccountBudget?> ReadAccountAsync(StoreId store, AccountId account, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value);
        await SettleAsync(store, account, cancellationToken).ConfigureAwait(false);
        var (budget, isUnconfirmed) = await database.ReadSnapshotAsync<(AccountBudget?, bool)>("reading an account's budget", async session =>
        {
            if (await ReadToShowAsync(session, store, account.Value).ConfigureAwait(false) is not var (book, suspension))
                return default;
            var tiers = await session.QueryAsync(PostgresTiers.Of(book.Id), PostgresTiers.From).ConfigureAwait(false);
            // What is open keeps being answered: of a suspended store the tiers whose own MAC is right.
            var budget = book.ToAccountBudget(PostgresTiers.ToTiers(books.Chain, tiers, skipsOthers: suspension is not null));
            return (budget, tiers.Count > 0 && (await session.QueryAsync(PostgresStatement.WaitsForReplica(), row => row.GetBoolean(0)).ConfigureAwait(false))[0]);
        }, cancellationToken).ConfigureAwait(false);
        // Opened tiers are answered from.
        if (isUnconfirmed)
            await books.SettleAsync(store, account, cancellationToken).ConfigureAwait(false);
        return budget;
    }

    public Task<IReadOnlyList<AccountBudget>> ListAccountsAsync(StoreId store, AccountId? after, int limit, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, after?.Value);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return database.ReadSnapshotAsync<IReadOnlyList<AccountBudget>>("listing accounts", async session =>
        {
            var suspension = await SuspensionAsync(session, store).ConfigureAwait(false);
            var found = await session.QueryAsync(PostgresBooks.List(store, after?.Value ?? LedgerBook.StoreItself, limit), PostgresBooks.From).ConfigureAwait(false);
            var tiers = (await session.QueryAsync(PostgresTiers.Of([.. found.Select(row => row.Book.Id)]), PostgresTiers.From).ConfigureAwait(false)).ToLookup(row => row.Account);
            return [.. found.Select(row => (suspension is null ? PostgresBooks.Require(books.Chain, row.Book, row.Mac) : row.Book)
                .ToAccountBudget(PostgresTiers.ToTiers(books.Chain, tiers[row.Book.Account], skipsOthers: suspension is not null)))];
        }, cancellationToken);
    }

    public Task<LedgerDecision> OpenAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier, ITierCosts costs, CancellationToken cancellationToken = default)
    {
        _ = release.Value;
        ArgumentNullException.ThrowIfNull(costs);
        return DecideAsync(new ChargeRequest("opening a tier", store, account, request, fingerprint) { Release = release, Tier = tier, Costs = costs }, store, cancellationToken);
    }

    public Task<LedgerDecision> ChargeAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost, CancellationToken cancellationToken = default) =>
        DecideAsync(new ChargeRequest("charging an account", store, account, request, fingerprint) { Cost = cost }, store, cancellationToken);

    public async Task<StoredLedgerEntry?> FindRequestAsync(StoreId store, AccountId account, RequestId request, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value, request.Value);
        // An entry that somebody put there must answer nobody.
        books.Gate.RequireVerified(store);
        // A charge that may still be committed must not be called absent.
        await SettleAsync(store, account, cancellationToken).ConfigureAwait(false);
        var entry = await database.ReadSnapshotAsync("finding a request", async session =>
        {
            if (await SuspensionAsync(session, store).ConfigureAwait(false) is { } reason)
                throw new LedgerSuspendedException(reason);
            if (await ReadToShowAsync(session, store, account.Value).ConfigureAwait(false) is not var (book, _))
                return null;
            return (await session.QueryAsync(PostgresEntries.Find(book.Id, request), row => PostgresEntries.FromFound(row, books.Chain, book)).ConfigureAwait(false)).FirstOrDefault();
        }, cancellationToken).ConfigureAwait(false);
        // It is answered from, as a replay is, and another process may have charged it that never learnt whether it is durable.
        if (entry is not null)
            await books.SettleAsync(store, account, cancellationToken).ConfigureAwait(false);
        return entry;
    }

    public Task<IReadOnlyList<StoredLedgerEntry>> ListEntriesAsync(StoreId store, AccountId? account, long after, int limit, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account?.Value);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return database.ReadSnapshotAsync<IReadOnlyList<StoredLedgerEntry>>("listing entries", async session =>
        {
            if (await ReadToShowAsync(session, store, account?.Value ?? LedgerBook.StoreItself).ConfigureAwait(false) is not var (book, _))
                return [];
            return await session.QueryAsync(PostgresEntries.List(book.Id, after, limit), row => PostgresEntries.From(row, book)).ConfigureAwait(false);
        }, cancellationToken);
    }

    /// <summary>Makes sure of an account that a commit of unknown outcome may have changed.</summary>
    private async ValueTask SettleAsync(StoreId store, AccountId account, CancellationToken cancellationToken)
    {
        if (books.Unsettled.Holds(store.Value, account.Value))
            await books.SettleAsync(store, account, cancellationToken).ConfigureAwait(false);
    }

    private async Task<LedgerDecision> DecideAsync(ChargeRequest request, StoreId store, CancellationToken cancellationToken)
    {
        await ReadyAsync(store, cancellationToken).ConfigureAwait(false);
        // The same in every run of the program, so that tests can repeat what they saw.
        var lane = (uint)PostgresLocks.Key("lane", request.Store, request.Account) % (uint)lanes.Count;
        return await lanes[(int)lane].DecideAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Requires that the gate and the witness admit changes of a store.</summary>
    private async ValueTask ReadyAsync(StoreId store, CancellationToken cancellationToken)
    {
        books.Gate.RequireVerified(store);
        await books.Journal.ReadyAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A book to look at: of a suspended store as it stands, since nothing is decided on it.</summary>
    private async Task<(LedgerBook Book, string? Suspension)?> ReadToShowAsync(PostgresSession session, StoreId store, string account)
    {
        var suspension = await SuspensionAsync(session, store).ConfigureAwait(false);
        var found = await session.QueryAsync(PostgresBooks.Select(store.Value, account), PostgresBooks.From).ConfigureAwait(false);
        return found is not [var (book, mac)] ? null : (suspension is null ? PostgresBooks.Require(books.Chain, book, mac) : book, suspension);
    }

    private async Task<string?> SuspensionAsync(PostgresSession session, StoreId store) =>
        (await session.QueryAsync(PostgresSuspensions.Select(store.Value), PostgresSuspensions.From).ConfigureAwait(false)) is [var (_, reason)] ? reason : books.Gate.Reason;
}
