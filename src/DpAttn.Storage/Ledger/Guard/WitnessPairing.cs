using System.Security.Cryptography;

namespace DpAttn.Storage;

/// <summary>
/// Whether a database and its witness belong together. Each states the other's random id; a witness is begun before the database names it, so that a start that is cut off
/// is no finding.
/// </summary>
internal sealed class WitnessPairing(ILedgerBooks books, ILedgerWitness witness)
{
    /// <summary>Whether they belong together; at the very first start they are made to.</summary>
    public async Task<bool> TryPairAsync(CancellationToken cancellationToken)
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
            await witness.BeginAsync(seen = new WitnessIdentity(NewId(), identity.Database), cancellationToken).ConfigureAwait(false);
        }
        await books.WriteIdentityAsync(identity with { Witness = seen.Witness }, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Whether they belong together now, as when another process has begun a new witness.</summary>
    public async Task<bool> IsPairedAsync(CancellationToken cancellationToken) =>
        await books.ReadIdentityAsync(cancellationToken).ConfigureAwait(false) is { Witness: { } name } identity
        && await witness.ReadIdentityAsync(cancellationToken).ConfigureAwait(false) == new WitnessIdentity(name, identity.Database);

    /// <summary>Begins a new witness, once an operator has said that the old one is lost.</summary>
    public async Task PairAnewAsync(CancellationToken cancellationToken)
    {
        var database = (await books.ReadIdentityAsync(cancellationToken).ConfigureAwait(false))?.Database ?? NewId();
        var name = NewId();
        await witness.BeginAsync(new WitnessIdentity(name, database), cancellationToken).ConfigureAwait(false);
        await books.WriteIdentityAsync(new LedgerIdentity(database, name), cancellationToken).ConfigureAwait(false);
    }

    private static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
}
