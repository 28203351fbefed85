using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <inheritdoc cref="ILedgerBooks"/>
internal sealed class PostgresLedgerBooks(PostgresDatabase database, LedgerChain chain, TimeProvider clock) : ILedgerBooks
{
    private const int BooksAtOnce = 500;
    private const int EntriesAtOnce = 5000;
    private const string Settling = "making sure of what was charged";

    public LedgerChain Chain => chain;

    public LedgerGate Gate { get; } = new();

    public bool GivesSlabs => true;

    public WitnessJournal Journal { get; } = new();

    /// <summary>Books that this process may have changed, by a commit of unknown outcome.</summary>
    public UnsettledBooks Unsettled { get; } = new();

    public Task<LedgerIdentity?> ReadIdentityAsync(CancellationToken cancellationToken) =>
        database.ReadAsync("reading the ledger's identity", session => PostgresIdentities.ReadAsync(session, chain), cancellationToken);

    public Task WriteIdentityAsync(LedgerIdentity identity, CancellationToken cancellationToken) =>
        database.WriteAsync("writing the ledger's identity", 0, async session =>
        {
            await session.ExecuteAsync(PostgresIdentities.Write(chain, identity)).ConfigureAwait(false);
            return (true, true);
        }, cancellationToken);

    public async Task<IReadOnlyList<StoreId>> ListStoresAsync(StoreId? after, int limit, CancellationToken cancellationToken) =>
        await database.ReadAsync("listing stores with books", session => session.QueryAsync(PostgresBooks.ListStores(after, limit), row => new StoreId(row.GetString(0))), cancellationToken).ConfigureAwait(false);

    public Task<string?> ReadSuspensionAsync(StoreId store, CancellationToken cancellationToken) =>
        database.ReadAsync("reading a suspension", session => SuspensionAsync(session, store), cancellationToken);

    public Task<long> CountSuspendedAsync(CancellationToken cancellationToken) => database.ReadAsync(
        "counting suspensions", async session => (await session.QueryAsync(PostgresSuspensions.Count(), row => row.GetInt64(0)).ConfigureAwait(false)).Single(), cancellationToken);

    public Task SuspendAsync(StoreId store, string reason, CancellationToken cancellationToken) =>
        database.WriteAsync("suspending a store", 0, session => SuspendAsync(session, store, reason, _ => true), cancellationToken);

    public Task<bool> SuspendAsOfAsync(StoreId store, string reason, LedgerBook? own, CancellationToken cancellationToken) =>
        database.WriteAsync("suspending a store", 0, session => SuspendAsync(session, store, reason, now => LedgerBook.HaveSameEntries(own, now)), cancellationToken);

    public Task ScanAsync(StoreId store, ILedgerScan scan, CancellationToken cancellationToken) =>
        database.ReadOnceAsync("verifying a store's ledger", async session =>
        {
            // In pages, none of which takes as long as a statement may; the snapshot stays the same.
            string? last = null;
            while (await BooksAsync(session, store, last, BooksAtOnce).ConfigureAwait(false) is { Count: > 0 } books)
            {
                foreach (var (book, mac) in books)
                {
                    await scan.BeginBookAsync(book, mac, cancellationToken).ConfigureAwait(false);
                    await ScanBookAsync(session, book, scan, cancellationToken).ConfigureAwait(false);
                    await scan.EndBookAsync(cancellationToken).ConfigureAwait(false);
                }
                last = books[^1].Book.Account;
            }
            return true;
        }, cancellationToken);

    public Task<WitnessMark?> ReadMarkAsync(StoreId store, AccountId? account, CancellationToken cancellationToken) =>
        database.ReadAsync("reading how far a book has come", async session =>
            (await session.QueryAsync(PostgresBooks.Select(store.Value, account?.Value ?? LedgerBook.StoreItself), PostgresBooks.From).ConfigureAwait(false)) is [var (book, mac)] ? book.ToMark(mac) : null, cancellationToken);

    public Task<byte[]?> ReadEntryMacAsync(StoreId store, AccountId account, long sequence, CancellationToken cancellationToken) =>
        database.ReadAsync("reading an entry's MAC", async session =>
            (await session.QueryAsync(PostgresEntries.Mac(store.Value, account.Value, sequence), row => row.GetFieldValue<byte[]>(0)).ConfigureAwait(false)).FirstOrDefault(), cancellationToken);

    public Task<bool> IsAcknowledgedAsync(StoreId store, AccountId account, WitnessMark seen, CancellationToken cancellationToken) =>
        database.ReadSnapshotAsync("looking for an acknowledgement", async session =>
        {
            var search = new AcknowledgementSearch(chain, store.Value, account.Value, seen);
            if ((await session.QueryAsync(PostgresBooks.Select(store.Value, account.Value), PostgresBooks.From).ConfigureAwait(false)) is [var (book, _)])
                await ReadEntriesAsync(session, book, search.Entry, cancellationToken).ConfigureAwait(false);
            return search.IsFound;
        }, cancellationToken);

    public Task<IReadOnlyList<BookMark>> ListMarksAsync(StoreId store, string? after, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<BookMark>>("listing how far books have come", async session =>
            [.. (await BooksAsync(session, store, after, limit).ConfigureAwait(false)).Select(row => new BookMark(row.Book.ToMark(row.Mac), LedgerChain.Equal(row.Mac, chain.OfBook(row.Book))))], cancellationToken);

    public async Task<bool> AcknowledgeAsync(StoreId store, IReadOnlyList<AcknowledgedBook> books, AuditEvent line, CancellationToken cancellationToken) =>
        await database.WriteAsync("acknowledging a store's ledger", 0, session => AcknowledgeAsync(session, store, books, line), cancellationToken, marks =>
        {
            if (marks is not null)
                Journal.Add([.. marks]);
        }, _ => Unsettled.Add(books.Select(book => (store.Value, book.After.Account)))).ConfigureAwait(false) is not null;

    /// <summary>
    /// Makes sure of what an account's book holds, whoever wrote it and whatever became of that commit: reads it again when no transaction that changes it is under way, in one that is
    /// acknowledged only when all before it is durable and confirmed, and then lets the witness know.
    /// </summary>
    /// <exception cref="StorageException">That cannot be done now. What stands there must not be answered from, and nothing may be built upon it.</exception>
    public Task SettleAsync(StoreId store, AccountId account, CancellationToken cancellationToken) =>
        database.WriteAsync(Settling, 0, session => SettleAsync(session, [(store.Value, account.Value)]), cancellationToken, Settled);

    /// <summary>The same for several accounts, without waiting in the queue.</summary>
    /// <exception cref="StorageException">Likewise, of any of them.</exception>
    public Task SettleAsync(IReadOnlyCollection<(string Store, string Account)> accounts) => database.TransactAsync(Settling, session => SettleAsync(session, accounts), Settled);

    private void Settled((List<WitnessStep> Marks, List<KeyValuePair<(string Store, string Account), object>> Books) found)
    {
        Journal.Add([.. found.Marks]);
        Unsettled.Remove(found.Books);
    }

    private async Task<(bool, (List<WitnessStep> Marks, List<KeyValuePair<(string Store, string Account), object>> Books))> SettleAsync(
        PostgresSession session, IReadOnlyCollection<(string Store, string Account)> accounts)
    {
        string[] stores = [.. accounts.Select(account => account.Store).Distinct()];
        // As of before they are read: what becomes unsettled later stays so.
        var unsettled = Unsettled.Among([.. accounts, .. stores.Select(store => (store, LedgerBook.StoreItself))]);
        await session.ExecuteAsync(PostgresLocks.ShareLedgers(database.Schema, stores)).ConfigureAwait(false);
        var found = await session.QueryAsync(PostgresBooks.Lock([.. accounts]), PostgresBooks.From).ConfigureAwait(false);
        // A charge's part in its store's row was committed with its account's; only what was done to the row itself has to be waited for.
        var isOfStores = unsettled.Any(book => book.Key.Account == LedgerBook.StoreItself);
        found.AddRange(await session.QueryAsync(PostgresBooks.OfStores(stores, isOfStores), PostgresBooks.From).ConfigureAwait(false));
        // What is not authentic is for the verification to find; what is not there may still come.
        var books = found.Where(row => LedgerChain.Equal(row.Mac, chain.OfBook(row.Book))).ToDictionary(row => (row.Book.Store, row.Book.Account), row => new WitnessStep(null, row.Book.ToMark(row.Mac)));
        session.ExecuteLast(PostgresStatement.Confirm());
        return (true, ([.. books.Values], [.. unsettled.Where(book => books.ContainsKey(book.Key))]));
    }

    private async Task<(bool, bool)> SuspendAsync(PostgresSession session, StoreId store, string reason, Func<LedgerBook?, bool> isMeant)
    {
        // Alone: no charge that read the store as it was commits after this.
        await LockAsync(session, store).ConfigureAwait(false);
        var own = await session.QueryAsync(PostgresBooks.OfStores([store.Value], isLocked: false), PostgresBooks.From).ConfigureAwait(false);
        if (!isMeant(own is [var (book, _)] ? book : null))
            return (false, false);
        if (await SuspensionAsync(session, store).ConfigureAwait(false) is not null)
            return (false, true);
        await session.ExecuteAsync(
            [PostgresSuspensions.Insert(store, reason, clock.GetUtcNow()), .. await AuditAsync(session, new AuditEvent(LedgerGuard.SuspendAction, LedgerGuard.Actor, store, null, reason)).ConfigureAwait(false)]).ConfigureAwait(false);
        return (true, true);
    }

    private async Task<(bool, List<WitnessStep>?)> AcknowledgeAsync(PostgresSession session, StoreId store, IReadOnlyList<AcknowledgedBook> books, AuditEvent line)
    {
        await LockAsync(session, store).ConfigureAwait(false);
        // Of a store that was opened meanwhile slabs may have been used, which nothing of what is compared below shows.
        if (await SuspensionAsync(session, store).ConfigureAwait(false) is null)
            return (false, null);
        var found = (await session.QueryAsync(PostgresBooks.Lock([.. books.Where(book => !book.After.IsOfStore).Select(book => (store.Value, book.After.Account))]), PostgresBooks.From).ConfigureAwait(false))
            .Concat(await session.QueryAsync(PostgresBooks.OfStores([store.Value], isLocked: true), PostgresBooks.From).ConfigureAwait(false))
            .ToDictionary(row => row.Book.Account, row => row.Mac);
        foreach (var book in books)
        {
            var mac = found.GetValueOrDefault(book.After.Account);
            if (mac is null != book.FoundMac is null || (mac is not null && !mac.AsSpan().SequenceEqual(book.FoundMac)))
                return (false, null);
        }
        var marks = new List<WitnessStep>();
        foreach (var book in books)
            marks.Add(new WitnessStep(null, await WriteAsync(session, book).ConfigureAwait(false)));
        if (!await TakeBackAsync(session, store).ConfigureAwait(false))
            return (false, null);
        await session.ExecuteAsync([PostgresSuspensions.Delete(store), .. await AuditAsync(session, line).ConfigureAwait(false)]).ConfigureAwait(false);
        return (true, marks);
    }

    /// <summary>
    /// Takes all slabs from the accounts of a store, whose own row counts them no longer. Their versions stay: what the witness compares is not changed. Nobody else
    /// touches their rows while we hold the store's lock alone.
    /// </summary>
    /// <returns>False when one is not authentic, which was changed after it was scanned.</returns>
    private async Task<bool> TakeBackAsync(PostgresSession session, StoreId store)
    {
        while (await session.QueryAsync(PostgresBooks.LockWithSlabs([], [store.Value], ChargeView.MostSlabs), PostgresBooks.From).ConfigureAwait(false) is { Count: > 0 } slabs)
        {
            var changes = new LedgerChanges(chain);
            foreach (var (book, mac) in slabs)
            {
                if (!LedgerChain.Equal(mac, chain.OfBook(book)))
                    return false;
                changes.Set(book, book with { Reserved = PrivacyAmount.Zero });
            }
            await session.ExecuteAsync(changes.Write().Statements).ConfigureAwait(false);
        }
        return true;
    }

    private async Task<WitnessMark> WriteAsync(PostgresSession session, AcknowledgedBook book)
    {
        var mac = chain.OfBook(book.After);
        var id = book.Found?.Id;
        if (id is null)
            id = (await session.QueryAsync(PostgresBooks.Insert(book.After, mac), row => row.GetInt64(0)).ConfigureAwait(false))[0];
        else
            await session.ExecuteAsync(PostgresBooks.Replace(book.After with { Id = id.Value }, mac)).ConfigureAwait(false);
        List<PostgresStatement> statements = [PostgresEntries.Append([.. book.Entries.Select(entry => (id.Value, entry.Row, entry.Mac))]), PostgresTiers.Clear(id.Value)];
        if (book.Tiers.Count > 0)
            statements.Add(PostgresTiers.Raise([.. book.Tiers.Select(tier => (id.Value, tier.Key, tier.Value, chain.OfTier(book.After.Store, book.After.Account, tier.Key, tier.Value)))]));
        await session.ExecuteAsync(statements).ConfigureAwait(false);
        return book.After.ToMark(mac);
    }

    private static async Task<List<(LedgerBook Book, byte[] Mac)>> BooksAsync(PostgresSession session, StoreId store, string? after, int limit)
    {
        var books = await session.QueryAsync(PostgresBooks.List(store, after ?? LedgerBook.StoreItself, limit), PostgresBooks.From).ConfigureAwait(false);
        if (after is null)
            books.InsertRange(0, await session.QueryAsync(PostgresBooks.OfStores([store.Value], isLocked: false), PostgresBooks.From).ConfigureAwait(false));
        return books;
    }

    private static async Task ScanBookAsync(PostgresSession session, LedgerBook book, ILedgerScan scan, CancellationToken cancellationToken)
    {
        foreach (var tier in await session.QueryAsync(PostgresTiers.Of(book.Id), PostgresTiers.From).ConfigureAwait(false))
            scan.Tier(tier.Release, tier.Tier, tier.Mac);
        await ReadEntriesAsync(session, book, scan.Entry, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Is told an entry and the MAC that stands in it.</summary>
    private delegate void EntryReader(in EntryRow row, ReadOnlySpan<byte> mac);

    private static async Task ReadEntriesAsync(PostgresSession session, LedgerBook book, EntryReader read, CancellationToken cancellationToken)
    {
        List<(EntryRow Row, byte[] Mac)> page;
        var last = 0L;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            page = await session.QueryAsync(PostgresEntries.List(book.Id, last, EntriesAtOnce), PostgresEntries.Row).ConfigureAwait(false);
            foreach (var (row, mac) in page)
                read(row, mac);
            last = page.Count == 0 ? last : page[^1].Row.Sequence;
        }
        while (page.Count == EntriesAtOnce);
    }

    private async Task LockAsync(PostgresSession session, StoreId store)
    {
        var locks = new PostgresLocks(database.Schema);
        locks.Add(isShared: false, PostgresLocks.LedgerOf(store.Value));
        locks.Add(isShared: false, PostgresAuditLog.LockName);
        await session.ExecuteAsync(locks.Take()).ConfigureAwait(false);
    }

    private async Task<IEnumerable<PostgresStatement>> AuditAsync(PostgresSession session, AuditEvent line)
    {
        var last = await session.QueryAsync(PostgresAuditLog.Last(), row => row.GetInt64(0)).ConfigureAwait(false);
        return PostgresAuditLog.Append(clock.GetUtcNow(), last[0], [line]);
    }

    private static async Task<string?> SuspensionAsync(PostgresSession session, StoreId store) =>
        (await session.QueryAsync(PostgresSuspensions.Select(store.Value), PostgresSuspensions.From).ConfigureAwait(false)) is [var (_, reason)] ? reason : null;
}
