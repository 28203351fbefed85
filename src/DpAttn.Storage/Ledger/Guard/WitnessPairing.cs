using System.Security.Cryptography;

namespace DpAttn.Storage;

/// <summary>
/// Whether a database and its witness belong together. Each states the other's random id; a witness is begun before the database names it, so that a start that is cut off
/// is no finding, and of several processes that begin it at once one does.
/// </summary>
internal sealed class WitnessPairing(ILedgerBooks books, ILedgerWitness witness)
{
    private const int MostTries = 5;

    /// <summary>Whether they belong together; at the very first start they are made to.</summary>
    public async Task<bool> TryPairAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < MostTries; attempt++)
        {
            var identity = await books.ReadIdentityAsync(cancellationToken).ConfigureAwait(false);
            var seen = await witness.ReadIdentityAsync(cancellationToken).ConfigureAwait(false);
            if (identity is null)
                return false;
            if (identity.Witness is not null)
                return seen == new WitnessIdentity(identity.Witness, identity.Database);
            if (seen?.Database != identity.Database)
            {
                // A start that was cut off leaves one without marks; one with marks is that of a database which is not this one.
                if (seen is not null && await witness.ListStoresAsync(null, 1, cancellationToken).ConfigureAwait(false) is { Count: > 0 })
                    return false;
                var begun = new WitnessIdentity(NewId(), identity.Database);
                if (!await witness.BeginAsync(begun, seen, cancellationToken).ConfigureAwait(false))
                    continue;
                seen = begun;
            }
            await books.WriteIdentityAsync(identity with { Witness = seen.Witness }, cancellationToken).ConfigureAwait(false);
            return true;
        }
        throw Busy();
    }

    /// <summary>Whether they belong together now, as when another process has begun a new witness.</summary>
    public async Task<bool> IsPairedAsync(CancellationToken cancellationToken) =>
        await books.ReadIdentityAsync(cancellationToken).ConfigureAwait(false) is { Witness: { } name } identity
        && await witness.ReadIdentityAsync(cancellationToken).ConfigureAwait(false) == new WitnessIdentity(name, identity.Database);

    /// <summary>Begins a new witness, once an operator has said that the old one is lost. Where another process does so at the same time, its witness is the one.</summary>
    /// <exception cref="StorageUnavailableException">It was begun for another database meanwhile.</exception>
    public async Task PairAnewAsync(CancellationToken cancellationToken)
    {
        var identity = await books.ReadIdentityAsync(cancellationToken).ConfigureAwait(false);
        var seen = await witness.ReadIdentityAsync(cancellationToken).ConfigureAwait(false);
        var begun = new WitnessIdentity(NewId(), identity?.Database ?? NewId());
        if (!await witness.BeginAsync(begun, seen, cancellationToken).ConfigureAwait(false))
        {
            var other = await witness.ReadIdentityAsync(cancellationToken).ConfigureAwait(false);
            if (other is null || (identity is not null && other.Database != identity.Database))
                throw Busy();
            begun = other;
        }
        await books.WriteIdentityAsync(new LedgerIdentity(begun.Database, begun.Witness), cancellationToken).ConfigureAwait(false);
    }

    private static StorageUnavailableException Busy() => new("the witness was begun anew by somebody else meanwhile; nothing was changed, try again");

    private static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
}
