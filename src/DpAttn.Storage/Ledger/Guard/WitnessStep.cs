using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>A change of a book as a witness is told of it.</summary>
/// <param name="From">The state that it follows; null for a book's first one, and where that is not known: it then rises over nothing.</param>
/// <param name="To">The state that it led to, of the same book.</param>
public sealed record WitnessStep(WitnessMark? From, WitnessMark To)
{
    /// <summary>
    /// Of a store's own book, what its accounts were charged with it. Its marks do not show that: they count slabs as well, and a charge from a slab leaves them as they are, so that such a step leads nowhere.
    /// </summary>
    internal PrivacyAmount Charged { get; init; }

    /// <summary>What it added to what was spent; nothing where that is not known.</summary>
    internal PrivacyAmount Added => To.Account is null ? Charged : From is null ? PrivacyAmount.Zero : To.AddedTo(From);

    /// <summary>Whether it may take the place of what a witness has of the book.</summary>
    internal bool RisesOver(WitnessMark? known) => known is null || (From is not null && known.IsSameState(From) && known.Version < To.Version && known.Spent.FitsIn(To.Spent));
}
