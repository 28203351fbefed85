using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <content>What a verification finds, and what follows from it.</content>
public sealed partial class LedgerGuard
{
    /// <summary>
    /// Verifies a store's whole ledger: chains, totals, limits and tiers against the entries, and the witness. A store with faults is suspended; a lost witness alone is
    /// a finding about this process and its witness, and closes all stores here and none in the database. Reads a snapshot, while charges go on.
    /// </summary>
    /// <exception cref="StorageException">The database or the witness cannot be read.</exception>
    public async Task<LedgerReport> VerifyAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        for (var attempt = 1; ; attempt++)
        {
            var scan = await ScanAsync(store, null, cancellationToken).ConfigureAwait(false);
            var faults = await FaultsAsync(scan, cancellationToken).ConfigureAwait(false);
            var report = new LedgerReport(store, scan.Books, scan.Entries, faults);
            if (report.Reason is not { } reason)
            {
                if (scan.IsAhead && _isPaired)
                    await TellBooksAsync(store, cancellationToken).ConfigureAwait(false);
                return report;
            }
            if (faults.All(fault => fault.Kind == LedgerFaultKind.WitnessLost))
                return report;
            await SealAsync(store, WholeBesideLosses(scan), cancellationToken).ConfigureAwait(false);
            // What was acknowledged since the snapshot is no finding; what keeps changing is one in the end.
            if (attempt < MostTries)
            {
                if (!await _books.SuspendAsOfAsync(store, reason, scan.Store?.Book, cancellationToken).ConfigureAwait(false))
                    continue;
            }
            else
            {
                await SuspendAsync(store, reason, cancellationToken).ConfigureAwait(false);
            }
            return report;
        }
    }

    private async Task<StoreScan> ScanAsync(StoreId store, Func<WitnessStep, CancellationToken, ValueTask>? raise, CancellationToken cancellationToken)
    {
        var scan = new StoreScan(_books.Chain, _isPaired ? new WitnessCursor(_witness!, store) : null, raise);
        await _books.ScanAsync(store, scan, cancellationToken).ConfigureAwait(false);
        await scan.EndAsync(cancellationToken).ConfigureAwait(false);
        return scan;
    }

    /// <summary>
    /// Tells the witness of books that it does not know as they are. Only of a store that was found whole: beside an account that is behind, what others were charged since shows by their marks, whatever the store's total says:
    /// its MAC does not cover whom it was charged for.
    /// </summary>
    private async Task TellBooksAsync(StoreId store, CancellationToken cancellationToken)
    {
        var marks = new MarkBatch(_witness);
        await ScanAsync(store, marks.AddAsync, cancellationToken).ConfigureAwait(false);
        await marks.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<IReadOnlyList<LedgerFault>> FaultsAsync(StoreScan scan, CancellationToken cancellationToken)
    {
        var counts = new SortedDictionary<LedgerFaultKind, long>();
        if (_witness is not null && !_isPaired)
            counts[LedgerFaultKind.WitnessLost] = 0;
        foreach (var book in scan.Store is null ? scan.Suspects : [scan.Store, .. scan.Suspects])
        {
            foreach (var fault in book.Faults)
                Count(fault);
            if (book.IsBehind && !book.IsSealed && await IsLostAsync(book.Mark!, cancellationToken).ConfigureAwait(false))
                Count(LedgerFaultKind.Behind);
        }
        foreach (var mark in scan.Missing)
        {
            if (await IsLostAsync(mark, cancellationToken).ConfigureAwait(false))
                Count(LedgerFaultKind.BookMissing);
        }
        if (scan is { Store: null, Books: > 0 })
            Count(LedgerFaultKind.BookMissing);
        // What was sealed beside another finding is none of its own.
        if (counts.Count == 0 && scan.Store is { IsSealed: true } own && await IsLostAsync(own.Mark!, cancellationToken).ConfigureAwait(false))
            Count(LedgerFaultKind.Behind);
        return [.. counts.Select(pair => new LedgerFault(pair.Key, pair.Value))];

        void Count(LedgerFaultKind kind) => counts[kind] = counts.GetValueOrDefault(kind) + 1;
    }

    /// <summary>Whether what the witness saw is not in the database: asked anew, since the snapshot may be older than the mark.</summary>
    private Task<bool> IsLostAsync(WitnessMark mark, CancellationToken cancellationToken) => WitnessInquiry.IsLostAsync(_books, mark, cancellationToken);

    private async Task SuspendAsync(StoreId store, string reason, CancellationToken cancellationToken)
    {
        await SealAsync(store, null, cancellationToken).ConfigureAwait(false);
        await _books.SuspendAsync(store, reason, cancellationToken).ConfigureAwait(false);
    }

    private Task SealAsync(StoreId store, WitnessMark? whole, CancellationToken cancellationToken) => _isPaired ? _seal!.TrySealAsync(store, whole, cancellationToken) : Task.CompletedTask;

    /// <summary>The store's own state beside accounts that are behind what the witness saw, or missing; null where there are none, or where that is evidence, which need not be of what the store lost.</summary>
    private static WitnessMark? WholeBesideLosses(StoreScan scan)
    {
        var lost = scan.Suspects.Where(suspect => suspect.IsBehind).Select(suspect => suspect.Mark!).Concat(scan.Missing).ToList();
        return scan.Store is { } own && lost.Count > 0 && !lost.Exists(mark => mark.IsEvidence) ? own.Book.ToMark(own.Mac) : null;
    }
}
