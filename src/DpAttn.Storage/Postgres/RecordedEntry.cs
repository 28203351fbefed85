namespace DpAttn.Storage;

/// <summary>An entry that was found under a request, as it stands in the database.</summary>
/// <param name="Row">The entry.</param>
/// <param name="Mac">The MAC that stands in it.</param>
/// <param name="Previous">The MAC of the entry before it.</param>
internal sealed record RecordedEntry(EntryRow Row, byte[] Mac, byte[] Previous)
{
    /// <summary>Requires that it was written in a book.</summary>
    /// <exception cref="StorageCorruptException">It was not.</exception>
    public void Require(LedgerChain chain, string store, string account) => chain.RequireEntry(store, account, Previous, Row, Mac);
}
