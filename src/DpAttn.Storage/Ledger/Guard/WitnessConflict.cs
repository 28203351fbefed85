namespace DpAttn.Storage;

/// <summary>A book of which the witness has another mark than the one that this process's changes follow.</summary>
/// <param name="Seen">What the witness has.</param>
/// <param name="Own">What it was not told because of that.</param>
internal sealed record WitnessConflict(WitnessMark Seen, UntoldBook Own)
{
    /// <summary>Whether what this process committed was looked for in the database.</summary>
    public bool IsOwnSought { get; init; }

    /// <summary>Whether it was not there, and the witness is still to be told so.</summary>
    public bool IsOwnLost { get; init; }

    /// <summary>With what was committed since.</summary>
    public WitnessConflict With(UntoldBook book) => this with { Own = Own.With(book) };

    /// <summary>
    /// A mark of what was committed and is not in the database: ahead of whatever is there, so that every verification finds it, and with no less spent than anybody saw. It is no state that ever was; the
    /// next acknowledgement goes on from it.
    /// </summary>
    public WitnessMark Evidence()
    {
        var spent = default(WideAmount) + Seen.Spent;
        return Own.Last with { Version = Math.Max(Seen.Version, Own.Last.Version) + 1, Spent = spent.Max(Own.First.Spent, Own.Last.Spent) };
    }
}
