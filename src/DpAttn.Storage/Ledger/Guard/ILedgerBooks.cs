using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// The ledger's rows as the guard needs them, beside <see cref="IBudgetLedger"/>: each database implements both. Nothing here is decided; what is found and
/// what follows from it is the guard's.
/// </summary>
internal interface ILedgerBooks
{
    /// <summary>The MACs.</summary>
    LedgerChain Chain { get; }

    /// <summary>Which stores take charges at the moment.</summary>
    LedgerGate Gate { get; }

    /// <summary>Whether accounts reserve parts of their store's limit ahead of their charges.</summary>
    bool GivesSlabs { get; }

    /// <summary>Changes that the witness has not been told yet.</summary>
    WitnessJournal Journal { get; }

    /// <summary>Which database this is; null when the row is missing or was changed.</summary>
    Task<LedgerIdentity?> ReadIdentityAsync(CancellationToken cancellationToken);

    /// <summary>Writes the identity, whatever was there.</summary>
    Task WriteIdentityAsync(LedgerIdentity identity, CancellationToken cancellationToken);

    /// <summary>Stores that have books, in the ordinal order of their ids.</summary>
    Task<IReadOnlyList<StoreId>> ListStoresAsync(StoreId? after, int limit, CancellationToken cancellationToken);

    /// <summary>Why a store is suspended, or null.</summary>
    Task<string?> ReadSuspensionAsync(StoreId store, CancellationToken cancellationToken);

    /// <summary>How many stores are suspended.</summary>
    Task<long> CountSuspendedAsync(CancellationToken cancellationToken);

    /// <summary>Suspends a store, with a line in the audit log; one that is suspended keeps its reason, and no line is written.</summary>
    Task SuspendAsync(StoreId store, string reason, CancellationToken cancellationToken);

    /// <summary>Suspends a store for what a snapshot of it showed, unless its own book has been given an entry since: as every acknowledgement does, which then knew of it.</summary>
    /// <param name="store">The store.</param>
    /// <param name="reason">What was found.</param>
    /// <param name="own">The store's own book as the snapshot showed it, or null where it had none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False when it has, and nothing was done; true when the store is suspended now.</returns>
    Task<bool> SuspendAsOfAsync(StoreId store, string reason, LedgerBook? own, CancellationToken cancellationToken);

    /// <summary>
    /// Tells all rows of a store in one snapshot, authentic or not: book by book in the ordinal order of the accounts, the store's own first; of each book its tiers
    /// and then its entries in the order of their sequence.
    /// </summary>
    Task ScanAsync(StoreId store, ILedgerScan scan, CancellationToken cancellationToken);

    /// <summary>The mark of a book as it stands now, authentic or not; null where there is none.</summary>
    Task<WitnessMark?> ReadMarkAsync(StoreId store, AccountId? account, CancellationToken cancellationToken);

    /// <summary>The MAC that stands in an account's entry, or null.</summary>
    Task<byte[]?> ReadEntryMacAsync(StoreId store, AccountId account, long sequence, CancellationToken cancellationToken);

    /// <summary>Whether an authentic acknowledgement stands in an account's book of what was seen of it and is there no longer: behind its version, and of no less.</summary>
    Task<bool> IsAcknowledgedAsync(StoreId store, AccountId account, WitnessMark seen, CancellationToken cancellationToken);

    /// <summary>Marks of a store's books as they stand now, in the ordinal order of their accounts, the store's own first.</summary>
    /// <param name="store">The store.</param>
    /// <param name="after">The account to go on after: null for all, the empty text to leave out the store's own.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<IReadOnlyList<BookMark>> ListMarksAsync(StoreId store, string? after, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// In one transaction: writes the books of an acknowledgement with their entries and tiers, takes the slabs of all others back, lifts the suspension and writes the
    /// audit line. What is written is given to the journal as every change is.
    /// </summary>
    /// <returns>False, with nothing changed, when a book is no longer as the acknowledgement found it, or somebody else acknowledged.</returns>
    Task<bool> AcknowledgeAsync(StoreId store, IReadOnlyList<AcknowledgedBook> books, AuditEvent line, CancellationToken cancellationToken);
}

/// <summary>How far a book has come.</summary>
/// <param name="Mark">What a witness would be told of it.</param>
/// <param name="IsAuthentic">Whether the row is as it was written.</param>
internal sealed record BookMark(WitnessMark Mark, bool IsAuthentic);

/// <summary>Is told the rows of a store.</summary>
internal interface ILedgerScan
{
    /// <summary>A book begins.</summary>
    /// <param name="book">The row.</param>
    /// <param name="mac">The MAC that stands in it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask BeginBookAsync(LedgerBook book, byte[] mac, CancellationToken cancellationToken);

    /// <summary>A tier that the book holds.</summary>
    /// <param name="release">The release.</param>
    /// <param name="tier">The tier.</param>
    /// <param name="mac">The MAC that stands in the row.</param>
    void Tier(string release, long tier, ReadOnlySpan<byte> mac);

    /// <summary>An entry of the book.</summary>
    /// <param name="row">The row.</param>
    /// <param name="mac">The MAC that stands in it.</param>
    void Entry(in EntryRow row, ReadOnlySpan<byte> mac);

    /// <summary>The book was told whole.</summary>
    ValueTask EndBookAsync(CancellationToken cancellationToken);
}

/// <summary>What an acknowledgement writes of one book.</summary>
/// <param name="Found">The row as it was found, or null where there is none.</param>
/// <param name="FoundMac">The MAC that stood in it, or null.</param>
/// <param name="After">The row afterwards; its id is that of the row found, or chosen when it is written.</param>
/// <param name="Entries">The entries that are appended, the first of them the acknowledgement, with their MACs.</param>
/// <param name="Tiers">The tiers that the book holds afterwards.</param>
internal sealed record AcknowledgedBook(
    LedgerBook? Found, byte[]? FoundMac, LedgerBook After, IReadOnlyList<(EntryRow Row, byte[] Mac)> Entries, IReadOnlyDictionary<string, long> Tiers);
