using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>A book of which the witness has another mark than the one that this process's changes follow.</summary>
/// <param name="Seen">What the witness has.</param>
/// <param name="Own">What it was not told because of that.</param>
internal sealed record WitnessConflict(WitnessMark Seen, UntoldBook Own)
{
    /// <summary>Whether both were looked for in the database.</summary>
    public bool IsSought { get; init; }

    /// <summary>Whether what the witness saw, or what this process committed, was not there.</summary>
    public bool IsLost { get; init; }

    /// <summary>Whether what the witness has was not there, and is known to be whole: otherwise it may be of the way on which the database went on.</summary>
    public bool IsSeenLost { get; init; }

    /// <summary>What of this process's changes the witness has been told as evidence.</summary>
    public UntoldBook? Told { get; init; }

    /// <summary>With what was committed since.</summary>
    public WitnessConflict With(UntoldBook book) => this with { Own = Own.With(book), IsSought = false };

    /// <summary>
    /// A mark of what is not in the database: ahead of whatever is there, so that every verification finds it. What this process added stands on top of what the witness saw, since it need not be part of that: it
    /// was charged after the database had gone back, or was lost with it. Where it was part of it, it is counted twice, and never not at all. It is no state that ever was; the next acknowledgement goes on from it.
    /// </summary>
    public WitnessMark Evidence()
    {
        var counted = Told?.Added ?? PrivacyAmount.Zero;
        var spent = default(WideAmount) + Seen.Spent + (Own.Added - counted);
        return Own.Last with
        {
            Version = Math.Max(Seen.Version, Own.Last.Version) + 1,
            Spent = spent.Max(Own.First.Spent, Own.Last.Spent),
            Mac = Seen.IsEvidence ? Seen.Mac : IsSeenLost ? WitnessMark.Evidence : WitnessMark.PartOfEvidence,
        };
    }
}
