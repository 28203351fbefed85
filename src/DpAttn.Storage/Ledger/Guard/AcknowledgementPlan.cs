using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// What an acknowledgement writes, from what a scan found: every book that is not what it was goes on from the largest of what the database states, what the
/// witness saw (with what the processes added to it as evidence) and what the entries sum to; one that went another way of which nobody gave evidence, from both ways together. What its accounts are charged, the store is
/// charged as well, as far as it can have lost it: of a tier that many opened it paid once. It never refunds; what is spent may stand above the limit, and then nothing more can be charged: no account goes on
/// holding a slab, and one of a book that is not what it was counts as used.
/// </summary>
internal static class AcknowledgementPlan
{
    /// <summary>The books to write: those with faults, those that are missing, and always the store's own.</summary>
    public static IReadOnlyList<AcknowledgedBook> Of(StoreId store, StoreScan scan, LedgerChain chain, DateTimeOffset now)
    {
        var storeMark = scan.Missing.Find(mark => mark.Account is null);
        // A store that the catalog may have forgotten too: its books stay, closed.
        var own = scan.Store ?? new BookScan(chain, LedgerBook.Empty(0, store.Value, LedgerBook.StoreItself).Close(), [], storeMark);
        var books = new List<AcknowledgedBook>();
        // What their accounts are charged for what was lost, the store is charged as well: others may have been charged since, and the mark of the store's total counts them once.
        var sum = scan.StoreSum;
        var room = Room(own, scan);
        foreach (var suspect in scan.Suspects)
            Add(suspect, OfBook(suspect, suspect.AccountSum, suspect.Tiers, chain, now, room: RoomFor(suspect)));
        foreach (var mark in scan.Missing)
        {
            if (mark.Account is { } account)
            {
                var missing = new BookScan(chain, LedgerBook.Empty(0, store.Value, account.Value), [], mark);
                Add(missing, OfBook(missing, default, new Dictionary<string, long>(), chain, now, isMissing: true, room: RoomFor(missing)));
            }
        }
        // What the accounts' entries added; what is put on top of it is the store's own entry.
        var tiers = scan.Store is null ? scan.Tiers : BookScan.Merge(scan.Store.Tiers, scan.Tiers);
        // Of a total that slabs may have been given back to, the mark is the highest it ever was: it counts where the witness saw something that is not there.
        var usesMark = own.Faults.Count > 0 || own.IsBehind || scan.Missing.Count > 0 || scan.Suspects.Any(suspect => suspect.IsDisowned);
        // All slabs are taken back with it: others may have been charged from the same units since the copy, which the mark counts once.
        books.Add(OfBook(own, sum, tiers, chain, now, isMissing: scan.Store is null, usesMark, scan.Unused));
        return books;

        // At most what fits the store's row.
        PrivacyAmount RoomFor(BookScan found) => room is { } left && IsBounded(own, found) ? left : new(Difference(long.MaxValue, sum.MuSquared), Difference(long.MaxValue, sum.Slack));

        void Add(BookScan found, AcknowledgedBook book)
        {
            books.Add(book);
            var amount = book.Entries[0].Row.StoreAmount;
            sum += amount;
            if (room is { } left && IsBounded(own, found))
                room = left - amount;
        }
    }

    /// <summary>
    /// What a store can have lost beyond what its accounts' entries hold; null where that is not known. Evidence that is whole is of all that it was charged before its database went back, its slabs counted
    /// as used, and of what the processes were charged on the older copy; what they have not told stands in the entries. Any other mark may have been written over by the way on which the database went on, or
    /// be that of a program that counted less, and shows nothing.
    /// </summary>
    private static PrivacyAmount? Room(BookScan own, StoreScan scan)
    {
        if (own.Mark is not { IsWholeEvidence: true } mark || !own.IsBehind)
            return null;
        var most = (scan.Unseen + mark.Spent).Max();
        return new(Difference(most.MuSquared, scan.StoreSum.MuSquared), Difference(most.Slack, scan.StoreSum.Slack));
    }

    /// <summary>Whether what an account lost is part of that: what is merely behind. Evidence that came when the store's total was acknowledged already is not, nor what a program told that counts no charges from slabs.</summary>
    private static bool IsBounded(BookScan own, BookScan found) => found is { Faults.Count: 0, IsBehind: true, HasUnsealedEvidence: false } && (own.IsBehind || !found.Mark!.IsEvidence);

    private static AcknowledgedBook OfBook(BookScan found, WideAmount sum, IReadOnlyDictionary<string, long> tiers, LedgerChain chain, DateTimeOffset now, bool isMissing = false, bool usesMark = true, PrivacyAmount unused = default, PrivacyAmount room = default)
    {
        var book = found.Book;
        var marked = found.Mark?.Spent ?? PrivacyAmount.Zero;
        var stated = book.Spent - unused;
        var spent = usesMark ? sum.Max(stated, marked) : sum.Max(stated);
        // Nothing here shows how much of what the witness saw, before the two ways parted, the entries hold as well.
        if (!book.IsOfStore && found.WentAnotherWay)
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
            book.IsOfStore ? difference : new PrivacyAmount(Math.Min(difference.MuSquared, room.MuSquared), Math.Min(difference.Slack, room.Slack)),
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
