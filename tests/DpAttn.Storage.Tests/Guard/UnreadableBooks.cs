using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>Books in which what the guard looks into cannot be read a number of times, or in which something happens after a snapshot was read.</summary>
internal sealed class UnreadableBooks(ILedgerBooks books, int failures) : ILedgerBooks
{
    private int _failures = failures;

    public Func<Task> AfterScan { get; init; } = () => Task.CompletedTask;

    public LedgerChain Chain => books.Chain;

    public LedgerGate Gate => books.Gate;

    public bool GivesSlabs => books.GivesSlabs;

    public WitnessJournal Journal => books.Journal;

    public Task<LedgerIdentity?> ReadIdentityAsync(CancellationToken cancellationToken) => books.ReadIdentityAsync(cancellationToken);

    public Task WriteIdentityAsync(LedgerIdentity identity, CancellationToken cancellationToken) => books.WriteIdentityAsync(identity, cancellationToken);

    public Task<IReadOnlyList<StoreId>> ListStoresAsync(StoreId? after, int limit, CancellationToken cancellationToken) => books.ListStoresAsync(after, limit, cancellationToken);

    public Task<string?> ReadSuspensionAsync(StoreId store, CancellationToken cancellationToken) => books.ReadSuspensionAsync(store, cancellationToken);

    public Task<long> CountSuspendedAsync(CancellationToken cancellationToken) => books.CountSuspendedAsync(cancellationToken);

    public Task SuspendAsync(StoreId store, string reason, CancellationToken cancellationToken) => books.SuspendAsync(store, reason, cancellationToken);

    public Task<bool> SuspendAsOfAsync(StoreId store, string reason, LedgerBook? own, CancellationToken cancellationToken) => books.SuspendAsOfAsync(store, reason, own, cancellationToken);

    public async Task ScanAsync(StoreId store, ILedgerScan scan, CancellationToken cancellationToken)
    {
        await books.ScanAsync(store, scan, cancellationToken);
        await AfterScan();
    }

    public Task<WitnessMark?> ReadMarkAsync(StoreId store, AccountId? account, CancellationToken cancellationToken) =>
        Interlocked.Decrement(ref _failures) >= 0 ? throw new StorageUnavailableException("the database does not answer") : books.ReadMarkAsync(store, account, cancellationToken);

    public Task<byte[]?> ReadEntryMacAsync(StoreId store, AccountId account, long sequence, CancellationToken cancellationToken) => books.ReadEntryMacAsync(store, account, sequence, cancellationToken);

    public Task<bool> IsAcknowledgedAsync(StoreId store, AccountId account, WitnessMark seen, CancellationToken cancellationToken) => books.IsAcknowledgedAsync(store, account, seen, cancellationToken);

    public Task<IReadOnlyList<BookMark>> ListMarksAsync(StoreId store, string? after, int limit, CancellationToken cancellationToken) => books.ListMarksAsync(store, after, limit, cancellationToken);

    public Task<bool> AcknowledgeAsync(StoreId store, IReadOnlyList<AcknowledgedBook> acknowledged, AuditEvent line, CancellationToken cancellationToken) =>
        books.AcknowledgeAsync(store, acknowledged, line, cancellationToken);
}
