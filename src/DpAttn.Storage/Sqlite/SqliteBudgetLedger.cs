using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// The ledger in the tables ledger_*. Each change reads the account's and the store's rows, lets <see cref="LedgerRules"/> decide, appends the
/// entry and adds to the totals, guarded by what was read; totals are never summed from the entries. Prices are asked for on the writer's thread, and
/// again if its group starts over: they must be quick and always the same.
/// </summary>
internal sealed class SqliteBudgetLedger(SqliteWriter writer, SqliteReaders readers, SqliteLedgerBooks books, TimeProvider clock) : IBudgetLedger
{
    private static readonly LedgerDecision Unknown = new LedgerDecision.Refused(RefusalReason.UnknownAccount);
    private static readonly LedgerDecision Free = new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: false);

    private readonly LedgerChain _chain = books.Chain;

    public Task CreateStoreAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        ArgumentNullException.ThrowIfNull(limit);
        return ChangeAsync("opening a store's books", store, session => CreateStore(session, store, limit), cancellationToken);
    }

    public Task CloseStoreAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        // Never kept waiting: what it leads to can only be refused.
        return writer.RunAsync("closing a store's books", 0, session => CloseStore(session, store), cancellationToken, Tell);
    }

    public Task<StoreBudget?> ReadStoreAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        return readers.ReadAsync("reading a store's budget", reader => reader.InSnapshot(session =>
            ReadToShow(session, store, LedgerBook.StoreItself, out var suspension)?.ToStoreBudget(suspension)), cancellationToken);
    }

    public Task<LedgerDecision> SetStoreLimitAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default)
    {
        _ = store.Value;
        ArgumentNullException.ThrowIfNull(limit);
        return ChangeAsync("setting a store's limit", store, session => SetStoreLimit(session, store, limit), cancellationToken);
    }

    public Task<LedgerDecision> SetLimitAsync(StoreId store, AccountId account, PrivacyLimit limit, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value);
        ArgumentNullException.ThrowIfNull(limit);
        return ChangeAsync("setting an account's limit", store, session => SetLimit(session, store, account, limit), cancellationToken);
    }

    public Task<AccountBudget?> ReadAccountAsync(StoreId store, AccountId account, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value);
        return readers.ReadAsync("reading an account's budget", reader => reader.InSnapshot(session =>
            ReadToShow(session, store, account.Value, out var suspension) is { } book ? ToBudget(session, book, suspension) : null), cancellationToken);
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
        return ChangeAsync("opening a tier", store, session => Open(session, store, account, request, fingerprint, release, tier, costs), cancellationToken);
    }

    public Task<LedgerDecision> ChargeAsync(
        StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value, request.Value);
        return ChangeAsync("charging an account", store, session => Charge(session, store, account, request, fingerprint, cost), cancellationToken);
    }

    public async Task<StoredLedgerEntry?> FindRequestAsync(StoreId store, AccountId account, RequestId request, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account.Value, request.Value);
        // An entry that somebody put there must answer nobody.
        books.Gate.RequireVerified(store);
        return await readers.ReadAsync("finding a request", reader => reader.InSnapshot(session =>
        {
            books.RequireOpen(session, store);
            return LedgerBooks.Read(session, _chain, store, account.Value) is { } book ? LedgerEntries.Find(session, _chain, book, request) : null;
        }), cancellationToken).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<StoredLedgerEntry>> ListEntriesAsync(StoreId store, AccountId? account, long after, int limit, CancellationToken cancellationToken = default)
    {
        _ = (store.Value, account?.Value);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return readers.ReadAsync("listing entries", reader => reader.InSnapshot(session =>
            ReadToShow(session, store, account?.Value ?? LedgerBook.StoreItself, out _) is { } book ? LedgerEntries.List(session, book, after, limit) : []), cancellationToken);
    }

    /// <summary>A change that the gate, the witness and the store's state admit.</summary>
    private async Task<LedgerDecision> ChangeAsync(string name, StoreId store, Func<SqliteSession, Change> change, CancellationToken cancellationToken)
    {
        books.Gate.RequireVerified(store);
        await books.Journal.ReadyAsync(cancellationToken).ConfigureAwait(false);
        var made = await writer.RunAsync(name, 0, session =>
        {
            books.RequireOpen(session, store);
            return change(session);
        }, cancellationToken, Tell).ConfigureAwait(false);
        return made.Decision;
    }

    /// <summary>Tells the journal what was committed.</summary>
    private void Tell(Change made)
    {
        switch (made)
        {
            case { Own: { } own, Store: { } store }:
                books.Journal.Add(own, store);
                break;
            case { Own: { } own }:
                books.Journal.Add(own);
                break;
            case { Store: { } store }:
                books.Journal.Add(store);
                break;
        }
    }

    private Change CreateStore(SqliteSession session, StoreId store, PrivacyLimit limit)
    {
        if (LedgerBooks.Read(session, _chain, store, LedgerBook.StoreItself) is { } known)
        {
            if (known.IsClosed)
                throw new InvalidOperationException($"the books of store {store} are closed");
            if (!known.HasLimit(limit))
                throw new InvalidOperationException($"store {store} has books with another limit");
            return new Change(Free);
        }
        return AppendLimit(session, null, LedgerBook.Empty(LedgerBooks.NextId(session), store.Value, LedgerBook.StoreItself), limit);
    }

    /// <summary>Closes the books; of a store without any it makes closed ones, so that no late attempt to open them can succeed.</summary>
    private Change CloseStore(SqliteSession session, StoreId store)
    {
        if (LedgerBooks.ReadUnchecked(session, store, LedgerBook.StoreItself) is not var (found, mac))
        {
            var closed = LedgerBook.Empty(LedgerBooks.NextId(session), store.Value, LedgerBook.StoreItself).Close();
            return new Change(Free, Store: new WitnessStep(null, closed.ToMark(LedgerBooks.Insert(session, _chain, closed))));
        }
        if (!LedgerChain.Equal(mac, _chain.OfBook(found)))
        {
            books.RequireOpen(session, store);
            LedgerChain.Require(mac, _chain.OfBook(found), $"a total in the ledger of store {store}");
        }
        if (found.IsClosed)
            return new Change(Free);
        var after = found.Close();
        return new Change(Free, Store: new WitnessStep(found.ToMark(mac), after.ToMark(LedgerBooks.Change(session, _chain, found, after))));
    }

    private Change SetStoreLimit(SqliteSession session, StoreId store, PrivacyLimit limit)
    {
        if (LedgerBooks.Read(session, _chain, store, LedgerBook.StoreItself) is not { IsClosed: false } book)
            return new Change(Unknown);
        if (book.HasLimit(limit))
            return new Change(Free);
        if (!book.Spent.FitsIn(limit.Amount))
            return new Change(new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, limit.Amount, book.Spent));
        return AppendLimit(session, book, book, limit);
    }

    private Change SetLimit(SqliteSession session, StoreId store, AccountId account, PrivacyLimit limit)
    {
        if (LedgerBooks.Read(session, _chain, store, LedgerBook.StoreItself) is not { IsClosed: false })
            return new Change(Unknown);
        var book = LedgerBooks.Read(session, _chain, store, account.Value);
        if (book is not null && book.HasLimit(limit))
            return new Change(Free);
        if (book is not null && !book.Spent.FitsIn(limit.Amount))
            return new Change(new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, limit.Amount, book.Spent));
        return AppendLimit(session, book, book ?? LedgerBook.Empty(LedgerBooks.NextId(session), store.Value, account.Value), limit);
    }

    private Change Open(
        SqliteSession session, StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier, ITierCosts costs)
    {
        if (!TryRead(session, store, account, out var all, out var own))
            return new Change(Unknown);
        var held = LedgerTiers.Read(session, _chain, own, release);
        var best = LedgerTiers.Read(session, _chain, all, release);
        if (tier >= 0 && tier < costs.TierCount)
        {
            TierPrices.Require(costs, held, tier);
            TierPrices.Require(costs, best, tier);
        }
        var decision = LedgerRules.DecideOpen(
            new AccountView(own.Limit, own.Spent, held, LedgerEntries.Recorded(session, _chain, own, request)), new StoreView(all.Limit, all.Spent, best), fingerprint, costs, tier);
        if (decision is not LedgerDecision.Admitted { IsReplay: false } admitted)
            return new Change(decision);
        LedgerTiers.Raise(session, _chain, own, release, held, tier);
        LedgerTiers.Raise(session, _chain, all, release, best, tier);
        return Record(session, all, own, new LedgerEntry(own.Sequence + 1, LedgerEntryKind.Open, account, request, fingerprint, release, tier, admitted.AccountCost, admitted.StoreCost), decision);
    }

    private Change Charge(SqliteSession session, StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost)
    {
        if (!TryRead(session, store, account, out var all, out var own))
            return new Change(Unknown);
        var decision = LedgerRules.DecideCharge(
            new AccountView(own.Limit, own.Spent, null, LedgerEntries.Recorded(session, _chain, own, request)), new StoreView(all.Limit, all.Spent, null), fingerprint, cost);
        return decision is LedgerDecision.Admitted { IsReplay: false } admitted
            ? Record(session, all, own, new LedgerEntry(own.Sequence + 1, LedgerEntryKind.Charge, account, request, fingerprint, null, null, admitted.AccountCost, admitted.StoreCost), decision)
            : new Change(decision);
    }

    private bool TryRead(SqliteSession session, StoreId store, AccountId account, out LedgerBook all, out LedgerBook own)
    {
        all = LedgerBooks.Read(session, _chain, store, LedgerBook.StoreItself)!;
        own = all is { IsClosed: false } ? LedgerBooks.Read(session, _chain, store, account.Value)! : null!;
        return own is not null;
    }

    private Change Record(SqliteSession session, LedgerBook all, LedgerBook own, LedgerEntry entry, LedgerDecision decision)
    {
        var after = own.WithEntry(entry.AccountAmount, entry.Sequence, Append(session, own, entry, null));
        var ownStep = new WitnessStep(own.ToMark(_chain), after.ToMark(LedgerBooks.Add(session, _chain, own, after)));
        if (entry.StoreAmount == PrivacyAmount.Zero)
            return new Change(decision, ownStep);
        var allAfter = all.WithSpent(entry.StoreAmount);
        return new Change(decision, ownStep, new WitnessStep(all.ToMark(_chain), allAfter.ToMark(LedgerBooks.Add(session, _chain, all, allAfter))) { Charged = entry.StoreAmount });
    }

    /// <summary>Opens a book (before null) or changes one, with the entry of its limit.</summary>
    private Change AppendLimit(SqliteSession session, LedgerBook? before, LedgerBook book, PrivacyLimit limit)
    {
        var entry = book.IsOfStore
            ? new LedgerEntry(book.Sequence + 1, LedgerEntryKind.StoreLimit, null, null, default, null, null, PrivacyAmount.Zero, limit.Amount)
            : new LedgerEntry(book.Sequence + 1, LedgerEntryKind.AccountLimit, new AccountId(book.Account), null, default, null, null, limit.Amount, PrivacyAmount.Zero);
        var row = EntryRow.Of(entry, limit, clock.GetUtcNow());
        var mac = _chain.OfEntry(book.Store, book.Account, book.Head, row);
        var after = book.WithLimit(limit, entry.Sequence, mac);
        var step = new WitnessStep(before?.ToMark(_chain), after.ToMark(before is null ? LedgerBooks.Insert(session, _chain, after) : LedgerBooks.Change(session, _chain, before, after)));
        LedgerEntries.Append(session, book.Id, row, mac);
        return book.IsOfStore ? new Change(Free, Store: step) : new Change(Free, Own: step);
    }

    /// <summary>Appends an entry and returns its MAC.</summary>
    private byte[] Append(SqliteSession session, LedgerBook book, LedgerEntry entry, PrivacyLimit? limit)
    {
        var row = EntryRow.Of(entry, limit, clock.GetUtcNow());
        var mac = _chain.OfEntry(book.Store, book.Account, book.Head, row);
        LedgerEntries.Append(session, book.Id, row, mac);
        return mac;
    }

    /// <summary>A book to look at: of a suspended store as it stands, since nothing is decided on it.</summary>
    private LedgerBook? ReadToShow(SqliteSession session, StoreId store, string account, out string? suspension)
    {
        suspension = books.ReadSuspension(session, store);
        return suspension is null ? LedgerBooks.Read(session, _chain, store, account) : LedgerBooks.ReadUnchecked(session, store, account)?.Book;
    }

    /// <summary>What is open keeps being answered: of a suspended store the tiers whose own MAC is right.</summary>
    private AccountBudget ToBudget(SqliteSession session, LedgerBook book, string? suspension) =>
        book.ToAccountBudget(LedgerTiers.List(session, _chain, book, skipsOthers: suspension is not null));

    private IReadOnlyList<AccountBudget> ListAccounts(SqliteSession session, StoreId store, string after, int limit)
    {
        var suspension = books.ReadSuspension(session, store);
        return [.. LedgerBooks.List(session, suspension is null ? _chain : null, store, after, limit).Select(book => ToBudget(session, book, suspension))];
    }

    /// <summary>What a change decided, and how far it brought the books.</summary>
    private readonly record struct Change(LedgerDecision Decision, WitnessStep? Own = null, WitnessStep? Store = null);
}
