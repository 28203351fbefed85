using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <content>What an operator acknowledges.</content>
public sealed partial class LedgerGuard
{
    private const int MostTries = 5;

    /// <summary>
    /// Opens a suspended store again, as an operator who looked into it says. Nothing is refunded: each book goes on from no less than what the database states, what
    /// the witness saw and what the entries sum to, and what was charged on an older copy comes on top of what was lost with it. When the witness was lost, a new one is begun from what the database holds, and every other store is
    /// suspended until it is acknowledged as well.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="actor">The operator's account, for the audit log.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>What was done; null when the store is not suspended, and nothing was.</returns>
    /// <exception cref="StorageException">The database or the witness cannot be read or written.</exception>
    public async Task<LedgerAcknowledgement?> AcknowledgeAsync(StoreId store, string actor, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(actor);
        await _acknowledging.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await StartAsync(cancellationToken).ConfigureAwait(false);
            // Another process may have begun the new witness already.
            await LookAgainAsync(cancellationToken).ConfigureAwait(false);
            var found = await _books.ReadSuspensionAsync(store, cancellationToken).ConfigureAwait(false);
            if (_witness is not null && !_isPaired && (found is not null || await _books.ReadMarkAsync(store, null, cancellationToken).ConfigureAwait(false) is not null))
            {
                await PairAnewAsync(cancellationToken).ConfigureAwait(false);
                found = await _books.ReadSuspensionAsync(store, cancellationToken).ConfigureAwait(false);
            }
            if (found is not { } reason)
                return null;
            for (var attempt = 0; attempt < MostTries; attempt++)
            {
                if (await TryAcknowledgeAsync(store, reason, actor, cancellationToken).ConfigureAwait(false) is { } done)
                {
                    // A witness that was begun anew is told of every book, not only of those that were written now.
                    if (_isPaired)
                        await VerifyAsync(store, cancellationToken).ConfigureAwait(false);
                    return done;
                }
            }
            throw new StorageUnavailableException("the store's books changed while they were acknowledged; nothing was changed, try again");
        }
        finally
        {
            _acknowledging.Release();
        }
    }

    /// <summary>Opens again what was shut when no witness was there and no store is left to say so, such as an empty database beside an old witness.</summary>
    /// <returns>Whether a new witness was begun.</returns>
    /// <exception cref="StorageException">The database or the witness cannot be read or written.</exception>
    public async Task<bool> AcknowledgeWitnessAsync(CancellationToken cancellationToken = default)
    {
        await _acknowledging.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await StartAsync(cancellationToken).ConfigureAwait(false);
            await LookAgainAsync(cancellationToken).ConfigureAwait(false);
            if (_witness is null || _isPaired)
                return false;
            await PairAnewAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
        finally
        {
            _acknowledging.Release();
        }
    }

    private async Task<LedgerAcknowledgement?> TryAcknowledgeAsync(StoreId store, string reason, string actor, CancellationToken cancellationToken)
    {
        // What was committed before the suspension is part of what the witness saw.
        if (_teller is not null)
            await _teller.TellAsync(cancellationToken).ConfigureAwait(false);
        var scan = await ScanAsync(store, null, cancellationToken).ConfigureAwait(false);
        var books = AcknowledgementPlan.Of(store, scan, _books.Chain, _clock.GetUtcNow());
        var charged = books[^1].After.Spent - (scan.Store?.Book.Spent ?? PrivacyAmount.Zero);
        var line = new AuditEvent(AcknowledgeAction, actor, store, null, $"{books.Count} books, {charged.MuSquared} units of mu squared charged to the store; {reason}");
        Task<bool> WriteAsync() => _books.AcknowledgeAsync(store, books, line, cancellationToken);
        if (!await (_teller is null ? WriteAsync() : _teller.AcknowledgeAsync(WriteAsync, cancellationToken)).ConfigureAwait(false))
            return null;
        if (_teller is not null)
            await _teller.TellAsync(cancellationToken).ConfigureAwait(false);
        return new LedgerAcknowledgement(store, reason, books.Count, charged);
    }

    private async Task PairAnewAsync(CancellationToken cancellationToken)
    {
        // The new witness is the database's from here on, and so is what the lost one leaves open: no start forgets that a store was not acknowledged.
        await foreach (var store in ListStoresAsync(cancellationToken).ConfigureAwait(false))
            await SuspendAsync(store, WitnessLost.Text, cancellationToken).ConfigureAwait(false);
        await _teller!.ForgetAsync(cancellationToken).ConfigureAwait(false);
        await _pairing!.PairAnewAsync(cancellationToken).ConfigureAwait(false);
        GoOnPaired();
    }
}
