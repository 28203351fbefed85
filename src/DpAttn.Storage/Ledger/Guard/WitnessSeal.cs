using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Turns what the witness has of a store's total into evidence, before the store is suspended: from then on it is known to be whole. What a program says that knows nothing of that is a mark like any other, is written only once
/// the store is suspended, and takes the place of the seal where it stands over it; so a mark that bears none may lack what was charged on the older copy.
/// </summary>
internal sealed class WitnessSeal(ILedgerBooks books, ILedgerWitness witness)
{
    /// <summary>Seals what is seen of a store that nobody has suspended yet, where it is ahead of the database.</summary>
    /// <param name="store">The store.</param>
    /// <param name="whole">The store's own state where accounts were found behind beside it and it was not: what is seen of it counts as well while it is that. Null where nothing like it was found.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task TrySealAsync(StoreId store, WitnessMark? whole, CancellationToken cancellationToken)
    {
        try
        {
            var seen = await witness.FindAsync(store, null, cancellationToken).ConfigureAwait(false);
            // In this order: whoever has suspended it may have written evidence without a seal.
            if (seen is null or { IsEvidence: true } || await books.ReadSuspensionAsync(store, cancellationToken).ConfigureAwait(false) is not null)
                return;
            var now = await books.ReadMarkAsync(store, null, cancellationToken).ConfigureAwait(false);
            // With slabs a row that nothing was lost of says nothing: charges from them leave it as it is.
            if (now is null || now.Version < seen.Version || (whole is not null && !books.GivesSlabs && now.IsSameState(whole) && seen.IsSameState(whole)))
                await witness.RaiseAsync([new WitnessStep(seen, seen with { Version = seen.Version + 1, Mac = WitnessMark.Evidence })], cancellationToken).ConfigureAwait(false);
        }
        catch (StorageException)
        {
            // Suspending does not wait for it: then each loss is charged whole.
        }
    }
}
