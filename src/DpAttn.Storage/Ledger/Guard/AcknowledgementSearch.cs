using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Looks through all entries of an account's book, in their order, for an authentic acknowledgement of what was seen of it: one behind its version at which no less was spent. A later charge excuses nothing. Its MAC
/// covers the entries before it as they stood, which need not be the MACs that stand in them: the chain is computed anew.
/// </summary>
internal sealed class AcknowledgementSearch(LedgerChain chain, string store, string account, WitnessMark seen)
{
    private static readonly string Acknowledgement = EntryRow.NameOf(LedgerEntryKind.Acknowledgement);
    private static readonly string Limit = EntryRow.NameOf(LedgerEntryKind.AccountLimit);

    private byte[] _head = LedgerChain.Beginning;
    private WideAmount _sum;

    /// <summary>Whether one was found.</summary>
    public bool IsFound { get; private set; }

    public void Entry(in EntryRow row, ReadOnlySpan<byte> stored)
    {
        _head = chain.OfEntry(store, account, _head, row);
        if (row.Kind != Limit)
            _sum += row.AccountAmount;
        IsFound |= row.Kind == Acknowledgement && row.Sequence > seen.Version && _sum.Holds(seen.Spent) && LedgerChain.Equal(stored, _head);
    }
}
