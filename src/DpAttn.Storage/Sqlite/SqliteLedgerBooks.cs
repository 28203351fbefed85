using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <inheritdoc cref="ILedgerBooks"/>
internal sealed class SqliteLedgerBooks(SqliteWriter writer, SqliteReaders readers, LedgerChain chain, bool mayHoldSuspensions, TimeProvider clock) : ILedgerBooks
{
    private volatile bool _mayHoldSuspensions = mayHoldSuspensions;

    public LedgerChain Chain => chain;

    public LedgerGate Gate { get; } = new();

    public bool GivesSlabs => false;

    public WitnessJournal Journal { get; } = new();

    public Task<LedgerIdentity?> ReadIdentityAsync(CancellationToken cancellationToken) =>
        readers.ReadAsync("reading the ledger's identity", session => LedgerIdentities.Read(session, chain), cancellationToken);

    public Task WriteIdentityAsync(LedgerIdentity identity, CancellationToken cancellationToken) =>
        writer.RunAsync("writing the ledger's identity", 0, session =>
        {
            LedgerIdentities.Write(session, chain, identity);
            return true;
        }, cancellationToken);

    public Task<IReadOnlyList<StoreId>> ListStoresAsync(StoreId? after, int limit, CancellationToken cancellationToken) =>
        readers.ReadAsync<IReadOnlyList<StoreId>>("listing stores with books", session => LedgerBooks.ListStores(session, after, limit), cancellationToken);

    public Task<string?> ReadSuspensionAsync(StoreId store, CancellationToken cancellationToken) =>
        readers.ReadAsync("reading a suspension", session => LedgerSuspensions.Read(session, store), cancellationToken);

    public Task<long> CountSuspendedAsync(CancellationToken cancellationToken) => readers.ReadAsync("counting suspensions", LedgerSuspensions.Count, cancellationToken);

    public Task SuspendAsync(StoreId store, string reason, CancellationToken cancellationToken) =>
        writer.RunAsync("suspending a store", 0, session => Suspend(session, store, reason), cancellationToken);

    public Task<bool> SuspendAsOfAsync(StoreId store, string reason, LedgerBook? own, CancellationToken cancellationToken) =>
        writer.RunAsync("suspending a store", 0, session =>
            LedgerBook.HaveSameEntries(own, LedgerBooks.ReadUnchecked(session, store, LedgerBook.StoreItself)?.Book) && Suspend(session, store, reason), cancellationToken);

    /// <summary>Why a store, or every store, is suspended, or null; not looked up while none is.</summary>
    public string? ReadSuspension(SqliteSession session, StoreId store) => (_mayHoldSuspensions ? LedgerSuspensions.Read(session, store) : null) ?? Gate.Reason;

    /// <exception cref="LedgerSuspendedException">The store, or every store, is suspended.</exception>
    public void RequireOpen(SqliteSession session, StoreId store)
    {
        if (ReadSuspension(session, store) is { } reason)
            throw new LedgerSuspendedException(reason);
    }

    public Task ScanAsync(StoreId store, ILedgerScan scan, CancellationToken cancellationToken) =>
        readers.ReadAsync("verifying a store's ledger", reader => reader.InSnapshot(session =>
        {
            foreach (var (book, mac) in LedgerBooks.Scan(session, store))
            {
                // The thread is the read's own, and a witness beside an embedded database answers without leaving it.
                scan.BeginBookAsync(book, mac, cancellationToken).AsTask().GetAwaiter().GetResult();
                LedgerTiers.Scan(session, book, scan);
                LedgerEntries.Scan(session, book, scan, cancellationToken);
                scan.EndBookAsync(cancellationToken).AsTask().GetAwaiter().GetResult();
            }
            return true;
        }), cancellationToken);

    public Task<WitnessMark?> ReadMarkAsync(StoreId store, AccountId? account, CancellationToken cancellationToken) =>
        readers.ReadAsync("reading how far a book has come", session =>
            LedgerBooks.ReadUnchecked(session, store, account?.Value ?? LedgerBook.StoreItself) is var (book, mac) ? book.ToMark(mac) : null, cancellationToken);

    public Task<byte[]?> ReadEntryMacAsync(StoreId store, AccountId account, long sequence, CancellationToken cancellationToken) =>
        readers.ReadAsync("reading an entry's MAC", session =>
            LedgerBooks.ReadUnchecked(session, store, account.Value) is var (book, _) ? LedgerEntries.ReadMac(session, book.Id, sequence) : null, cancellationToken);

    public Task<bool> IsAcknowledgedAsync(StoreId store, AccountId account, WitnessMark seen, CancellationToken cancellationToken) =>
        readers.ReadAsync("looking for an acknowledgement", reader => reader.InSnapshot(session =>
        {
            var search = new AcknowledgementSearch(chain, store.Value, account.Value, seen);
            if (LedgerBooks.ReadUnchecked(session, store, account.Value) is var (book, _))
                LedgerEntries.Search(session, book, search);
            return search.IsFound;
        }), cancellationToken);

    public Task<IReadOnlyList<BookMark>> ListMarksAsync(StoreId store, string? after, int limit, CancellationToken cancellationToken) =>
        readers.ReadAsync<IReadOnlyList<BookMark>>("listing how far books have come", session =>
            [.. LedgerBooks.ListUnchecked(session, store, after, limit).Select(row => new BookMark(row.Book.ToMark(row.Mac), LedgerChain.Equal(row.Mac, chain.OfBook(row.Book))))], cancellationToken);

    public async Task<bool> AcknowledgeAsync(StoreId store, IReadOnlyList<AcknowledgedBook> books, AuditEvent line, CancellationToken cancellationToken) =>
        await writer.RunAsync("acknowledging a store's ledger", 0, session => Acknowledge(session, store, books, line), cancellationToken, steps =>
        {
            if (steps is not null)
                Journal.Add([.. steps]);
        }).ConfigureAwait(false) is not null;

    private bool Suspend(SqliteSession session, StoreId store, string reason)
    {
        if (LedgerSuspensions.Read(session, store) is not null)
            return true;
        // Never taken back while the process lives: one process writes, and what it has not suspended is not.
        _mayHoldSuspensions = true;
        LedgerSuspensions.Insert(session, store, reason, clock.GetUtcNow());
        AuditLog.Append(session, clock.GetUtcNow(), [new AuditEvent(LedgerGuard.SuspendAction, LedgerGuard.Actor, store, null, reason)]);
        return true;
    }

    private List<WitnessStep>? Acknowledge(SqliteSession session, StoreId store, IReadOnlyList<AcknowledgedBook> books, AuditEvent line)
    {
        foreach (var book in books)
        {
            var now = LedgerBooks.ReadUnchecked(session, store, book.After.Account);
            if (now is null != book.FoundMac is null || (now is var (_, mac) && !mac.AsSpan().SequenceEqual(book.FoundMac)))
                return null;
        }
        var steps = new List<WitnessStep>();
        foreach (var book in books)
        {
            var after = book.Found is null ? book.After with { Id = LedgerBooks.NextId(session) } : book.After;
            var mac = book.Found is null ? LedgerBooks.Insert(session, chain, after) : LedgerBooks.Replace(session, chain, after);
            foreach (var (row, entryMac) in book.Entries)
                LedgerEntries.Append(session, after.Id, row, entryMac);
            LedgerTiers.Replace(session, chain, after, book.Tiers);
            steps.Add(new WitnessStep(null, after.ToMark(mac)));
        }
        LedgerSuspensions.Delete(session, store);
        AuditLog.Append(session, clock.GetUtcNow(), [line]);
        return steps;
    }
}
