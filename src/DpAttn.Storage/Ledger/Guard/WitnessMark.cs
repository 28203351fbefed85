using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>What a witness remembers of a book: how far it had come, and what was spent there.</summary>
/// <param name="Store">The store.</param>
/// <param name="Account">The account; null for the store's own totals.</param>
/// <param name="Version">How often the book was changed. An account's is the sequence of its last entry.</param>
/// <param name="Spent">What was spent.</param>
/// <param name="Mac">32 bytes: of an account the MAC of its last entry, of a store that of its totals.</param>
public sealed record WitnessMark(StoreId Store, AccountId? Account, long Version, PrivacyAmount Spent, ReadOnlyMemory<byte> Mac)
{
    /// <summary>In place of a MAC: a state that never was, of what the witness saw before together with what was charged on a database that had gone back.</summary>
    internal static ReadOnlyMemory<byte> Evidence { get; } = Enumerable.Repeat((byte)0xEE, LedgerChain.Bytes).ToArray();

    /// <summary>The same where what the witness saw may have been written over before: then this need not be all that was lost.</summary>
    internal static ReadOnlyMemory<byte> PartOfEvidence { get; } = Enumerable.Repeat((byte)0xED, LedgerChain.Bytes).ToArray();

    /// <summary>Whether it is evidence, and no state.</summary>
    internal bool IsEvidence => IsWholeEvidence || IsPartOfEvidence;

    /// <summary>Whether it is evidence of all that was seen and added. Only what has this MAC is known to be.</summary>
    internal bool IsWholeEvidence => Mac.Span.SequenceEqual(Evidence.Span);

    /// <summary>Whether it is evidence that may be incomplete.</summary>
    internal bool IsPartOfEvidence => Mac.Span.SequenceEqual(PartOfEvidence.Span);

    internal string AccountName => Account?.Value ?? LedgerBook.StoreItself;

    /// <summary>Whether another mark is of the same state.</summary>
    internal bool IsSameState(WitnessMark other) => Version == other.Version && Spent == other.Spent && Mac.Span.SequenceEqual(other.Mac.Span);

    /// <summary>What was spent between an earlier state and this one.</summary>
    internal PrivacyAmount AddedTo(WitnessMark earlier)
    {
        // A difference of two amounts that are not negative fits; what somebody wrote may be.
        var (now, then) = (new WideAmount(Spent.MuSquared, Spent.Slack), new WideAmount(earlier.Spent.MuSquared, earlier.Spent.Slack));
        return new WideAmount(now.MuSquared - then.MuSquared, now.Slack - then.Slack).Max(PrivacyAmount.Zero);
    }
}
