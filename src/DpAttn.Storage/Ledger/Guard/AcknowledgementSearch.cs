using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Looks through all entries of an account's book, in their order, for an authentic acknowledgement behind a version. Its MAC covers the entries before it as they stood, which need not be the MACs
/// that stand in them: the chain is computed anew.
/// </summary>
internal sealed class AcknowledgementSearch(LedgerChain chain, string store, string account, long version)
{
    private static readonly string Acknowledgement = EntryRow.NameOf(LedgerEntryKind.Acknowledgement);

    private byte[] _head = LedgerChain.Beginning;

    /// <summary>Whether one was found.</summary>
    public bool IsFound { get; private set; }

    public void Entry(in EntryRow row, ReadOnlySpan<byte> stored)
    {
        _head = chain.OfEntry(store, account, _head, row);
        IsFound |= row.Kind == Acknowledgement && row.Sequence > version && LedgerChain.Equal(stored, _head);
    }
}
