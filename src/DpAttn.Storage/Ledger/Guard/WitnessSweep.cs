using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Compares books with their marks, some at each call, round and round: rows only, no entries. Finds what a process committed that died before it told the witness, and tells it; and books that have
/// gone back and that nobody has touched since. A store that is suspended is left as it is.
/// </summary>
internal sealed class WitnessSweep(ILedgerBooks books, ILedgerWitness witness, Func<StoreId, string, CancellationToken, Task> suspend)
{
    /// <summary>How many books are compared at once.</summary>
    public const int BooksAtOnce = 5000;

    private const int Page = 500;

    private (StoreId Store, string Account)? _at;
    private WitnessStep? _ofStore;
    private StoreId? _last;
    private bool _isOfWitness;

    /// <summary>Compares some more.</summary>
    /// <exception cref="StorageException">The database or the witness cannot be read; the next call goes on at the same place.</exception>
    public async Task GoOnAsync(CancellationToken cancellationToken)
    {
        for (var left = BooksAtOnce; left > 0;)
        {
            if (_at is not { } at)
            {
                var next = await NextStoreAsync(cancellationToken).ConfigureAwait(false);
                // Once around is enough.
                if (next is not { } store)
                    return;
                left--;
                if (_isOfWitness && await books.ReadMarkAsync(store, null, cancellationToken).ConfigureAwait(false) is not null)
                    continue;
                if (await books.ReadSuspensionAsync(store, cancellationToken).ConfigureAwait(false) is not null)
                    continue;
                left -= await CompareAsync(store, null, cancellationToken).ConfigureAwait(false);
            }
            // Somebody may have closed it between two pages: what is wrong there is for the acknowledgement to find.
            else if (await books.ReadSuspensionAsync(at.Store, cancellationToken).ConfigureAwait(false) is not null)
            {
                _at = null;
                left--;
            }
            else
            {
                left -= await CompareAsync(at.Store, at.Account, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The next store that has books, then those that only the witness knows; null once after each time around.</summary>
    private async Task<StoreId?> NextStoreAsync(CancellationToken cancellationToken)
    {
        do
        {
            var found = await (_isOfWitness ? witness.ListStoresAsync(_last, 1, cancellationToken) : books.ListStoresAsync(_last, 1, cancellationToken)).ConfigureAwait(false);
            _last = found is [var next] ? next : null;
            if (_last is not null)
                return _last;
            _isOfWitness = !_isOfWitness;
        }
        while (_isOfWitness);
        return null;
    }

    /// <summary>Compares a page of a store's books.</summary>
    private async Task<int> CompareAsync(StoreId store, string? after, CancellationToken cancellationToken)
    {
        var page = await books.ListMarksAsync(store, after, Page, cancellationToken).ConfigureAwait(false);
        var isLast = page.Count < Page;
        var marks = (await MarksAsync(store, after, isLast ? null : page[^1].Mark.AccountName, cancellationToken).ConfigureAwait(false)).ToDictionary(mark => mark.AccountName);
        var steps = new List<WitnessStep>();
        LedgerFaultKind? fault = null;
        foreach (var (book, isAuthentic) in page)
        {
            marks.Remove(book.AccountName, out var seen);
            if (!isAuthentic)
                fault = LedgerFaultKind.TotalChanged;
            else if (seen is not null && !seen.IsSameState(book) && await WitnessInquiry.IsLostAsync(books, seen, cancellationToken).ConfigureAwait(false))
                fault ??= LedgerFaultKind.Behind;
            else if (seen is null || seen.Version < book.Version)
                steps.Add(new WitnessStep(seen, book));
        }
        // Of a store's total an older state cannot be asked for: what is seen of it is of this database where that is so of all its accounts.
        if (after is null)
            _ofStore = steps is [{ To.Account: null } own, ..] ? own : null;
        steps.RemoveAll(step => step.To.Account is null);
        if (isLast && _ofStore is { } last)
            steps.Add(last);
        // Books that the page does not have: made meanwhile, or lost.
        foreach (var seen in marks.Values)
        {
            if (await WitnessInquiry.IsLostAsync(books, seen, cancellationToken).ConfigureAwait(false))
                fault ??= LedgerFaultKind.BookMissing;
        }
        if (fault is { } kind)
        {
            await suspend(store, new LedgerFault(kind, 1).Text, cancellationToken).ConfigureAwait(false);
            _at = null;
            return page.Count;
        }
        // Where another process has told more meanwhile, that stands.
        if (steps.Count > 0)
            await witness.RaiseAsync(steps, cancellationToken).ConfigureAwait(false);
        _at = isLast ? null : (store, page[^1].Mark.AccountName);
        return page.Count;
    }

    private async Task<List<WitnessMark>> MarksAsync(StoreId store, string? after, string? last, CancellationToken cancellationToken)
    {
        var cursor = new WitnessCursor(witness, store, after);
        var found = new List<WitnessMark>();
        while (await cursor.PeekAsync(cancellationToken).ConfigureAwait(false) is { } mark && (last is null || string.CompareOrdinal(mark.AccountName, last) <= 0))
        {
            found.Add(mark);
            cursor.Take();
        }
        return found;
    }
}
