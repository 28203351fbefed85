using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>Books and limits: opened, set and closed, each in a transaction of its own. Rows are locked as charges lock them.</summary>
internal sealed class PostgresLimits(PostgresDatabase database, PostgresLedgerBooks books, TimeProvider clock)
{
    private static readonly LedgerDecision Unknown = new LedgerDecision.Refused(RefusalReason.UnknownAccount);
    private static readonly LedgerDecision Free = new LedgerDecision.Admitted(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: false);

    private readonly LedgerChain _chain = books.Chain;

    /// <exception cref="InvalidOperationException">There are books with another limit, or closed ones.</exception>
    public Task CreateStoreAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken) => ChangeAsync("opening a store's books", store, async session =>
    {
        while (true)
        {
            await LockAsync(session, store, isShared: true).ConfigureAwait(false);
            await RequireOpenAsync(session, store).ConfigureAwait(false);
            if (await StoreAsync(session, store).ConfigureAwait(false) is { } known)
            {
                if (known.IsClosed)
                    throw new InvalidOperationException($"the books of store {store} are closed");
                return known.HasLimit(limit) ? new Change(Free, [new(null, known.ToMark(_chain))]) : throw new InvalidOperationException($"store {store} has books with another limit");
            }
            if (await OpenAsync(session, LedgerBook.Empty(0, store.Value, LedgerBook.StoreItself), limit).ConfigureAwait(false) is { } opened)
                return opened;
        }
    }, cancellationToken);

    /// <summary>Closes the books; of a store without any it makes closed ones, so that no late attempt to open them can succeed.</summary>
    public async Task CloseStoreAsync(StoreId store, CancellationToken cancellationToken)
    {
        // Slabs are given back first, a few at a time.
        while ((await ChangeAsync("closing a store's books", store, session => CloseAsync(session, store), cancellationToken).ConfigureAwait(false)).Decision is null)
        {
        }
    }

    public async Task<LedgerDecision> SetStoreLimitAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken)
    {
        while (true)
        {
            var change = await ChangeAsync("setting a store's limit", store, session => SetStoreLimitAsync(session, store, limit), cancellationToken).ConfigureAwait(false);
            if (change.Decision is { } decision)
                return decision;
        }
    }

    public async Task<LedgerDecision> SetLimitAsync(StoreId store, AccountId account, PrivacyLimit limit, CancellationToken cancellationToken) =>
        (await ChangeAsync("setting an account's limit", store, async session =>
        {
            while (true)
            {
                await LockAsync(session, store, isShared: true).ConfigureAwait(false);
                await RequireOpenAsync(session, store).ConfigureAwait(false);
                if (await StoreAsync(session, store, isLocked: false).ConfigureAwait(false) is not { IsClosed: false })
                    return new Change(Unknown);
                var found = await session.QueryAsync(PostgresBooks.Lock([(store.Value, account.Value)]), PostgresBooks.From).ConfigureAwait(false);
                if (found is [var (row, mac)])
                {
                    var book = PostgresBooks.Require(_chain, row, mac);
                    if (book.HasLimit(limit))
                        return new Change(Free, [new(null, book.ToMark(mac))]);
                    return book.Spent.FitsIn(limit.Amount)
                        ? await ReplaceAsync(session, book, limit).ConfigureAwait(false)
                        : new Change(new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, limit.Amount, book.Spent));
                }
                if (await OpenAsync(session, LedgerBook.Empty(0, store.Value, account.Value), limit).ConfigureAwait(false) is { } opened)
                    return opened;
            }
        }, cancellationToken).ConfigureAwait(false)).Decision!;

    private async Task<Change> SetStoreLimitAsync(PostgresSession session, StoreId store, PrivacyLimit limit)
    {
        await LockAsync(session, store, isShared: true).ConfigureAwait(false);
        await RequireOpenAsync(session, store).ConfigureAwait(false);
        if (await StoreAsync(session, store, isLocked: false).ConfigureAwait(false) is not { IsClosed: false } seen)
            return new Change(Unknown);
        // A slab is no reason to refuse: below what is promised, it is taken back first.
        var isBelow = !seen.Spent.FitsIn(limit.Amount);
        var marks = isBelow ? await TakeBackAsync(session, store).ConfigureAwait(false) : [];
        var book = (await StoreAsync(session, store).ConfigureAwait(false))!;
        if (book.IsClosed)
            return new Change(Unknown);
        if (book.HasLimit(limit))
            return new Change(Free, [.. marks, new(null, book.ToMark(_chain))]);
        if (book.Spent.FitsIn(limit.Amount))
            return (await ReplaceAsync(session, book, limit).ConfigureAwait(false)).After(marks);
        var slabs = await session.QueryAsync(PostgresBooks.WithSlabs([store.Value], 1), row => row.GetInt64(0)).ConfigureAwait(false);
        // What is left after nothing could be taken back is not authentic: it counts as used, for the verification to find.
        var mayTakeBack = slabs.Count > 0 && (marks.Count > 0 || !isBelow);
        return new Change(mayTakeBack ? null : new LedgerDecision.Refused(RefusalReason.LimitBelowSpent, limit.Amount, book.Spent), marks);
    }

    private async Task<Change> CloseAsync(PostgresSession session, StoreId store)
    {
        await LockAsync(session, store, isShared: false).ConfigureAwait(false);
        var found = await session.QueryAsync(PostgresBooks.OfStores([store.Value], isLocked: false), PostgresBooks.From).ConfigureAwait(false);
        if (found is not [var (row, mac)])
        {
            var closed = LedgerBook.Empty(0, store.Value, LedgerBook.StoreItself).Close();
            var closedMac = _chain.OfBook(closed);
            var inserted = await session.QueryAsync(PostgresBooks.Insert(closed, closedMac), id => id.GetInt64(0)).ConfigureAwait(false);
            return inserted.Count == 1 ? new Change(Free, [new(null, closed.ToMark(closedMac))]) : new Change(null);
        }
        if (!LedgerChain.Equal(mac, _chain.OfBook(row)))
        {
            if (await SuspensionAsync(session, store).ConfigureAwait(false) is { } reason)
                throw new LedgerSuspendedException(reason);
            LedgerChain.Require(mac, _chain.OfBook(row), $"a total in the ledger of store {store}");
        }
        if (row.IsClosed)
            return new Change(Free, [new(null, row.ToMark(mac))]);
        // Nobody charges while we hold the store's lock. A suspended store is left as it was found, but for being closed.
        var isSuspended = await SuspensionAsync(session, store).ConfigureAwait(false) is not null;
        var marks = isSuspended ? [] : await TakeBackAsync(session, store).ConfigureAwait(false);
        if (marks.Count > 0)
            return new Change(null, marks);
        var book = (await StoreAsync(session, store).ConfigureAwait(false))!;
        return (await ReplaceAsync(session, book, book.Close()).ConfigureAwait(false)).After(marks);
    }

    /// <summary>Gives a page of slabs back to their store, authentic ones.</summary>
    /// <returns>The store's mark; empty when there was nothing to give back.</returns>
    private async Task<List<WitnessStep>> TakeBackAsync(PostgresSession session, StoreId store)
    {
        var locked = await session.QueryAsync(PostgresBooks.LockWithSlabs([], [store.Value], ChargeView.MostSlabs), PostgresBooks.From).ConfigureAwait(false);
        var all = await StoreAsync(session, store).ConfigureAwait(false);
        var changes = new LedgerChanges(_chain);
        var after = all!;
        foreach (var (book, mac) in locked)
        {
            if (book.Reserved == PrivacyAmount.Zero || !LedgerChain.Equal(mac, _chain.OfBook(book)))
                continue;
            changes.Set(book, book with { Reserved = PrivacyAmount.Zero });
            after = after.WithSpent(PrivacyAmount.Zero - book.Reserved);
        }
        if (changes.IsEmpty)
            return [];
        changes.Set(all!, after);
        var (statements, marks) = changes.Write();
        await session.ExecuteAsync(statements).ConfigureAwait(false);
        return marks;
    }

    /// <summary>Opens a book with its first entry; null when somebody else was first.</summary>
    private async Task<Change?> OpenAsync(PostgresSession session, LedgerBook empty, PrivacyLimit limit)
    {
        var (after, row, entryMac) = WithLimit(empty, limit);
        var mac = _chain.OfBook(after);
        var inserted = await session.QueryAsync(PostgresBooks.Insert(after, mac), id => id.GetInt64(0)).ConfigureAwait(false);
        if (inserted is not [var id])
            return null;
        await session.ExecuteAsync(PostgresEntries.Append([(id, row, entryMac)])).ConfigureAwait(false);
        return new Change(Free, [new(null, after.ToMark(mac))]);
    }

    private async Task<Change> ReplaceAsync(PostgresSession session, LedgerBook book, PrivacyLimit limit)
    {
        var (after, row, entryMac) = WithLimit(book, limit);
        await session.ExecuteAsync(PostgresEntries.Append([(book.Id, row, entryMac)])).ConfigureAwait(false);
        return await ReplaceAsync(session, book, after).ConfigureAwait(false);
    }

    private async Task<Change> ReplaceAsync(PostgresSession session, LedgerBook before, LedgerBook after)
    {
        var mac = _chain.OfBook(after);
        var written = await session.ExecuteAsync(PostgresBooks.Replace(after with { Id = before.Id }, mac)).ConfigureAwait(false);
        if (written[0] != 1)
            throw new StorageCorruptException("the ledger changed within the transaction that decided; nothing was changed");
        return new Change(Free, [new(before.ToMark(_chain), after.ToMark(mac))]);
    }

    private (LedgerBook After, EntryRow Row, byte[] Mac) WithLimit(LedgerBook book, PrivacyLimit limit)
    {
        var entry = book.IsOfStore
            ? new LedgerEntry(book.Sequence + 1, LedgerEntryKind.StoreLimit, null, null, default, null, null, PrivacyAmount.Zero, limit.Amount)
            : new LedgerEntry(book.Sequence + 1, LedgerEntryKind.AccountLimit, new AccountId(book.Account), null, default, null, null, limit.Amount, PrivacyAmount.Zero);
        var row = EntryRow.Of(entry, limit, clock.GetUtcNow());
        var mac = _chain.OfEntry(book.Store, book.Account, book.Head, row);
        return (book.WithLimit(limit, entry.Sequence, mac), row, mac);
    }

    private Task<Change> ChangeAsync(string name, StoreId store, Func<PostgresSession, Task<Change>> change, CancellationToken cancellationToken)
    {
        _ = store.Value;
        return database.WriteAsync(
            name,
            0,
            async session =>
            {
                var made = await change(session).ConfigureAwait(false);
                // Also what was so already: whoever made it so may never have learnt whether it is durable, nor told the witness.
                if (made.Marks.Count > 0)
                    session.ExecuteLast(PostgresStatement.Confirm());
                return (made.Marks.Count > 0, made);
            },
            cancellationToken,
            made => books.Journal.Add([.. made.Marks]),
            made => books.Unsettled.Add(made.Marks.Select(step => (step.To.Store.Value, step.To.AccountName))));
    }

    private async Task LockAsync(PostgresSession session, StoreId store, bool isShared)
    {
        if (isShared)
        {
            await session.ExecuteAsync(PostgresLocks.ShareLedgers(database.Schema, [store.Value])).ConfigureAwait(false);
            return;
        }
        var locks = new PostgresLocks(database.Schema);
        locks.Add(isShared: false, PostgresLocks.LedgerOf(store.Value));
        await session.ExecuteAsync(locks.Take()).ConfigureAwait(false);
    }

    private async Task<LedgerBook?> StoreAsync(PostgresSession session, StoreId store, bool isLocked = true) =>
        (await session.QueryAsync(PostgresBooks.OfStores([store.Value], isLocked), PostgresBooks.From).ConfigureAwait(false)) is [var (book, mac)] ? PostgresBooks.Require(_chain, book, mac) : null;

    private async Task RequireOpenAsync(PostgresSession session, StoreId store)
    {
        if (await SuspensionAsync(session, store).ConfigureAwait(false) is { } reason)
            throw new LedgerSuspendedException(reason);
        books.Gate.RequireOpen();
    }

    private static async Task<string?> SuspensionAsync(PostgresSession session, StoreId store) =>
        (await session.QueryAsync(PostgresSuspensions.Select(store.Value), PostgresSuspensions.From).ConfigureAwait(false)) is [var (_, reason)] ? reason : null;

    /// <summary>What a transaction decided, null for one that has to be followed by another, and what the witness is to be told.</summary>
    private sealed record Change(LedgerDecision? Decision, List<WitnessStep> Marks)
    {
        public Change(LedgerDecision? decision)
            : this(decision, [])
        {
        }

        public Change After(List<WitnessStep> earlier) => this with { Marks = [.. earlier, .. Marks] };
    }
}
