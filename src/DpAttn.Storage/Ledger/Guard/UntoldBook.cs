namespace DpAttn.Storage;

/// <summary>What a process has committed of one book and its witness was not told yet.</summary>
/// <param name="From">The state that all of it follows; null where that is not known, or where it is not one chain of changes.</param>
/// <param name="First">The first state.</param>
/// <param name="Last">The latest one.</param>
internal sealed record UntoldBook(WitnessMark? From, WitnessMark First, WitnessMark Last)
{
    public static UntoldBook Of(WitnessStep step) => new(step.From, step.To, step.To);

    /// <summary>
    /// Both together. Changes that follow each other are one; where others lie between them, by another process or on a database that has gone back, nobody here knows what they all
    /// follow, and the witness must not be told it without a look.
    /// </summary>
    public UntoldBook With(UntoldBook other)
    {
        if (other.From is not null && other.From.IsSameState(Last))
            return this with { Last = other.Last };
        if (From is not null && From.IsSameState(other.Last))
            return other with { Last = Last };
        if (other.From is null && other.Last.IsSameState(Last))
            return this;
        return new(null, First.Version <= other.First.Version ? First : other.First, Last.Version >= other.Last.Version ? Last : other.Last);
    }
}
