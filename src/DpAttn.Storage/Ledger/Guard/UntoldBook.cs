using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>What a process has committed of one book and its witness was not told yet.</summary>
/// <param name="From">The state that all of it follows; null where that is not known, or where it is not one chain of changes.</param>
/// <param name="Last">The latest state.</param>
/// <param name="Changes">The changes.</param>
internal sealed record UntoldBook(WitnessMark? From, WitnessMark Last, UntoldChanges Changes)
{
    /// <summary>The first state.</summary>
    public WitnessMark First => Changes.First;

    /// <summary>What its changes added to what was spent: theirs alone, whatever others changed between them.</summary>
    public PrivacyAmount Added => Changes.Added;

    public static UntoldBook Of(WitnessStep step) => new(step.From, step.To, new UntoldChanges(step));

    /// <summary>
    /// Both together. Changes that follow each other are one; where others lie between them, by another process or on a database that has gone back, nobody here knows what they all
    /// follow, and the witness must not be told it without a look.
    /// </summary>
    public UntoldBook With(UntoldBook other)
    {
        var changes = Changes.With(other.Changes);
        if (other.From is not null && other.From.IsSameState(Last))
            return new(From, other.Last, changes);
        if (From is not null && From.IsSameState(other.Last))
            return new(other.From, Last, changes);
        if (other.From is null && other.Last.IsSameState(Last))
            return this with { Changes = changes };
        return new(null, Last.Version >= other.Last.Version ? Last : other.Last, changes);
    }

    /// <summary>
    /// What is left of it after a state that the witness has; null where that is beyond all of it. A look has found the changes up to that in the database, or acknowledged: they are settled, and neither
    /// looked for nor added once more.
    /// </summary>
    public UntoldBook? After(WitnessMark seen) => Last.Version > seen.Version && Changes.After(seen.Version) is { } changes ? new(seen, Last, changes) : null;
}
