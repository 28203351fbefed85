using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>Looks into what the database has of what was seen of a book, or committed there. Nothing in it is remembered: the database is asked each time.</summary>
internal sealed class WitnessInquiry(ILedgerBooks books, ILedgerWitness witness, Func<StoreId, string, CancellationToken, Task> suspend)
{
    private const int MostRaises = 8;

    /// <summary>Whether what was seen of a book is not, or no longer, in the database, and nobody has acknowledged that.</summary>
    public static Task<bool> IsLostAsync(ILedgerBooks books, WitnessMark seen, CancellationToken cancellationToken) => IsLostAsync(books, seen, isExcusable: true, cancellationToken);

    private static async Task<bool> IsLostAsync(ILedgerBooks books, WitnessMark seen, bool isExcusable, CancellationToken cancellationToken)
    {
        var now = await books.ReadMarkAsync(seen.Store, seen.Account, cancellationToken).ConfigureAwait(false);
        if (now is null || now.Version < seen.Version || !seen.Spent.FitsIn(now.Spent))
            return true;
        if (now.Version == seen.Version)
            return !now.IsSameState(seen);
        // Of a store's total only the newest state has a MAC to compare.
        if (seen.Account is not { } account)
            return false;
        var mac = await books.ReadEntryMacAsync(seen.Store, account, seen.Version, cancellationToken).ConfigureAwait(false);
        return (mac is null || !seen.Mac.Span.SequenceEqual(mac)) && !(isExcusable && await books.IsAcknowledgedAsync(seen.Store, account, seen, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Looks into a conflict: suspends the store where its database has gone back, again should somebody have removed that.</summary>
    /// <returns>The conflict as it stands then, or null where it is none: a mark merely came late.</returns>
    public async Task<WitnessConflict?> LookAsync(WitnessConflict conflict, CancellationToken cancellationToken)
    {
        var store = conflict.Seen.Store;
        var isSuspended = await books.ReadSuspensionAsync(store, cancellationToken).ConfigureAwait(false) is not null;
        if (!isSuspended || !conflict.IsSought)
        {
            // What the witness never saw, and the database no longer has, only this process knows.
            // No acknowledgement knew of it either while nobody was told.
            var isExcusable = conflict.Told is not null || conflict.Own.Added == PrivacyAmount.Zero;
            var isSeenLost = await IsSeenLostAsync(conflict, cancellationToken).ConfigureAwait(false);
            // Of a store that is closed nobody will find out which way what is seen of its total is of: what was charged here stands on top of it.
            var isLost = isSeenLost || (isSuspended && conflict.Seen.Account is null)
                || await IsLostAsync(books, conflict.Own.First, isExcusable, cancellationToken).ConfigureAwait(false)
                || await IsLostAsync(books, conflict.Own.Last, isExcusable, cancellationToken).ConfigureAwait(false);
            // One that bears no seal in a store that is suspended already may be evidence by a program that counted less.
            conflict = conflict with { IsSought = true, IsSeenLost = isSeenLost && !(isSuspended && conflict.Seen.Account is null), IsLost = isLost };
            if (isLost && !isSuspended)
            {
                await suspend(store, new LedgerFault(LedgerFaultKind.Behind, 1).Text, cancellationToken).ConfigureAwait(false);
                isSuspended = true;
            }
        }
        if (!conflict.IsLost || conflict.Told == conflict.Own)
            return isSuspended ? conflict : null;
        for (var attempt = 0; attempt < MostRaises; attempt++)
        {
            var evidence = conflict.Evidence();
            if (await witness.RaiseAsync([new WitnessStep(conflict.Seen, evidence)], cancellationToken).ConfigureAwait(false) is not [var seen])
                return conflict with { Seen = evidence, Told = conflict.Own };
            conflict = conflict with { Seen = seen };
            // Another process has raised evidence meanwhile: then over that. Anything else is looked into before anything stands on top of it: an acknowledgement holds what was charged here.
            if (!seen.IsEvidence)
                return conflict with { IsSought = false };
        }
        return conflict;
    }

    private async Task<bool> IsSeenLostAsync(WitnessConflict conflict, CancellationToken cancellationToken)
    {
        var seen = conflict.Seen;
        // Of a store's total only the newest state can be asked for; this process knows those that it made or followed.
        return (seen is { Account: null, IsEvidence: false } && conflict.Own.Changes.Contradict(seen))
            || await IsLostAsync(books, seen, cancellationToken).ConfigureAwait(false);
    }
}
