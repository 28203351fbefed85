using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// What an acknowledgement writes, from what a scan found: every book that is not what it was goes on from the largest of what the database states, what the
/// witness saw (with what the processes added to it as evidence) and what the entries sum to; one that went another way of which nobody gave evidence, from both ways together. What its accounts are charged, the store is
/// charged as well. It never refunds; what is spent may stand above the limit, and then nothing more can be charged: no account goes on
/// holding a slab, and one of a book that is not what it was counts as used.
/// </summary>
internal static class AcknowledgementPlan
{
    /// <summary>The books to write: those with faults, those that are missing, and always the store's own.</summary>
    public static IReadOnlyList<AcknowledgedBook> Of(StoreId store, StoreScan scan, LedgerChain chain, DateTimeOffset now)
    {
        var storeMark = scan.Missing.Find(mark => mark.Account is null);
        var books = new List<AcknowledgedBook>();
        // What their accounts are charged for what was lost, the store is charged as well: others may have been charged since, and the mark of the store's total counts them once.
        var sum = scan.StoreSum;
        foreach (var suspect in scan.Suspects)
            Add(OfBook(suspect, suspect.AccountSum, suspect.Tiers, chain, now, ofStore: sum));
        foreach (var mark in scan.Missing)
        {
            if (mark.Account is { } account)
                Add(OfBook(new BookScan(chain, LedgerBook.Empty(0, store.Value, account.Value), [], mark), default, new Dictionary<string, long>(), chain, now, isMissing: true, ofStore: sum));
        }
        // What the accounts' entries added; what is put on top of it is the store's own entry.
        var tiers = scan.Store is null ? scan.Tiers : BookScan.Merge(scan.Store.Tiers, scan.Tiers);
        // A store that the catalog may have forgotten too: its books stay, closed.
        var own = scan.Store ?? new BookScan(chain, LedgerBook.Empty(0, store.Value, LedgerBook.StoreItself).Close(), [], storeMark);
        // Of a total that slabs may have been given back to, the mark is the highest it ever was: it counts where the witness saw something that is not there.
        var usesMark = own.Faults.Count > 0 || own.IsBehind || scan.Missing.Count > 0 || scan.Suspects.Any(suspect => suspect.IsDisowned);
        // All slabs are taken back with it: others may have been charged from the same units since the copy, which the mark counts once.
        books.Add(OfBook(own, sum, tiers, chain, now, isMissing: scan.Store is null, usesMark, scan.Unused));
        return books;

        void Add(AcknowledgedBook book)
        {
            books.Add(book);
            sum += book.Entries[0].Row.StoreAmount;
        }
    }

    private static AcknowledgedBook OfBook(BookScan found, WideAmount sum, IReadOnlyDictionary<string, long> tiers, LedgerChain chain, DateTimeOffset now, bool isMissing = false, bool usesMark = true, PrivacyAmount unused = default, WideAmount ofStore = default)
    {
        var book = found.Book;
        var marked = found.Mark?.Spent ?? PrivacyAmount.Zero;
        var stated = book.Spent - unused;
        var spent = usesMark ? sum.Max(stated, marked) : sum.Max(stated);
        // Nothing here shows how much of what the witness saw, before the two ways parted, the entries hold as well.
        if (!book.IsOfStore && found.Faults.Contains(LedgerFaultKind.OtherHistory))
            spent = (sum + marked).Max(stated);
        var difference = new PrivacyAmount(Difference(spent.MuSquared, sum.MuSquared), Difference(spent.Slack, sum.Slack));
        var sequence = Math.Max(found.LastSequence, found.IsAuthentic ? book.Sequence : 0);
        if (!book.IsOfStore)
            sequence = Math.Max(sequence, found.Mark?.Version ?? 0);
        var row = new EntryRow(
            ++sequence,
            EntryRow.NameOf(LedgerEntryKind.Acknowledgement),
            Request: null,
            Fingerprint: null,
            Release: null,
            Tier: null,
            StatedEpsilon: null,
            StatedDelta: null,
            book.IsOfStore ? PrivacyAmount.Zero : difference,
            // At most what fits the store's row.
            book.IsOfStore ? difference : new PrivacyAmount(Math.Min(difference.MuSquared, Difference(long.MaxValue, ofStore.MuSquared)), Math.Min(difference.Slack, Difference(long.MaxValue, ofStore.Slack))),
            Timestamp.ToMicroseconds(now));
        var mac = chain.OfEntry(book.Store, book.Account, found.Head, row);
        var entries = new List<(EntryRow Row, byte[] Mac)> { (row, mac) };

        var after = WithLimit(book, found);
        if ((found.Limit is { } limit ? found.LimitOf(limit) : PrivacyAmount.Zero) != after.Limit)
        {
            row = row with
            {
                Sequence = ++sequence,
                Kind = EntryRow.NameOf(book.IsOfStore ? LedgerEntryKind.StoreLimit : LedgerEntryKind.AccountLimit),
                StatedEpsilon = after.StatedEpsilon,
                StatedDelta = after.StatedDelta,
                AccountAmount = book.IsOfStore ? PrivacyAmount.Zero : after.Limit,
                StoreAmount = book.IsOfStore ? after.Limit : PrivacyAmount.Zero,
            };
            entries.Add((row, mac = chain.OfEntry(book.Store, book.Account, mac, row)));
        }
        after = after with
        {
            Spent = spent,
            // What the witness is told of a store never falls.
            Reserved = book.IsOfStore ? Above(spent, marked, found.IsAuthentic ? book.Highest : PrivacyAmount.Zero) : PrivacyAmount.Zero,
            Sequence = sequence,
            IsClosed = book.IsOfStore && book.IsClosed,
            Version = book.IsOfStore ? Math.Max(found.IsAuthentic ? book.Version : 0, found.Mark?.Version ?? 0) + 1 : sequence,
            Head = mac,
        };
        return new AcknowledgedBook(isMissing ? null : book, isMissing ? null : found.Mac, after, entries, tiers);
    }

    /// <summary>The limit of a book that was changed by hand is the smaller of what stands there and what its last entry set; an owner can raise it again.</summary>
    private static LedgerBook WithLimit(LedgerBook book, BookScan found)
    {
        if (found.IsAuthentic || found.Limit is not { StatedEpsilon: { } epsilon, StatedDelta: { } delta } entry || book.Limit.FitsIn(found.LimitOf(entry)))
            return book;
        return book with { StatedEpsilon = epsilon, StatedDelta = delta, Limit = found.LimitOf(entry) };
    }

    private static PrivacyAmount Above(PrivacyAmount spent, PrivacyAmount marked, PrivacyAmount highest) =>
        new(Math.Max(0, Math.Max(marked.MuSquared, highest.MuSquared) - spent.MuSquared), Math.Max(0, Math.Max(marked.Slack, highest.Slack) - spent.Slack));

    private static long Difference(long larger, Int128 sum) => (long)Int128.Clamp(larger - sum, 0, long.MaxValue);
}
