using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Remembers outside the database how far each book had come, so that an older copy of the database is recognised. It only ever moves forward; several
/// writers may raise it at once. Any method may throw a <see cref="StorageException"/>.
/// </summary>
public interface ILedgerWitness : IAsyncDisposable
{
    /// <summary>Which witness this is, and which database it belongs to; null for one that was never begun.</summary>
    Task<WitnessIdentity?> ReadIdentityAsync(CancellationToken cancellationToken = default);

    /// <summary>Begins a witness without marks. What was there before is put aside, never destroyed.</summary>
    /// <param name="identity">The new one.</param>
    /// <param name="replaced">The one that was seen to be there, or null; where another has been begun since, nothing is done.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Whether it was begun.</returns>
    Task<bool> BeginAsync(WitnessIdentity identity, WitnessIdentity? replaced, CancellationToken cancellationToken = default);

    /// <summary>
    /// Raises marks in one durable step, all or none for a failure: each is stored where there is none yet, or where the one that is there is exactly the state that it follows, of an earlier version
    /// and with no more spent. So nothing is ever written over by somebody who did not know it. Of a book whose mark did not rise, none that follows in the same call does.
    /// </summary>
    /// <returns>
    /// Where a mark did not rise: the marks that were there already, unless they are of the very same state. With several writers a mark may simply come late, or be told before
    /// one that it follows; whether the database has gone back is for the caller to find out.
    /// </returns>
    Task<IReadOnlyList<WitnessMark>> RaiseAsync(IReadOnlyList<WitnessStep> steps, CancellationToken cancellationToken = default);

    /// <summary>A mark, or null; <paramref name="account"/> null for the store's own.</summary>
    Task<WitnessMark?> FindAsync(StoreId store, AccountId? account, CancellationToken cancellationToken = default);

    /// <summary>Marks of a store in the ordinal order of their accounts, the store's own first.</summary>
    /// <param name="store">The store.</param>
    /// <param name="after">The account to go on after: null for all, the empty text to leave out the store's own.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<IReadOnlyList<WitnessMark>> ListAsync(StoreId store, string? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>Stores that have marks, in the ordinal order of their ids.</summary>
    Task<IReadOnlyList<StoreId>> ListStoresAsync(StoreId? after, int limit, CancellationToken cancellationToken = default);
}

/// <summary>Which witness, of which database.</summary>
/// <param name="Witness">The witness's random id.</param>
/// <param name="Database">The database's random id.</param>
public sealed record WitnessIdentity(string Witness, string Database);
