using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>What a process has committed of one book and its witness was not told yet.</summary>
/// <param name="From">The state that all of it follows; null where that is not known, or where it is not one chain of changes.</param>
/// <param name="First">The first state.</param>
/// <param name="Last">The latest one.</param>
internal sealed record UntoldBook(WitnessMark? From, WitnessMark First, WitnessMark Last)
{
    /// <summary>
    /// What its changes added to what was spent: theirs alone, whatever others changed between them. Of an account: a store's total holds slabs beside what is spent, and an acknowledgement charges
    /// the store what its accounts are charged.
    /// </summary>
    public PrivacyAmount Added { get; init; }

    public static UntoldBook Of(WitnessStep step) => new(step.From, step.To, step.To) { Added = step is { From: { } from, To.Account: not null } ? step.To.AddedTo(from) : default };

    /// <summary>
    /// Both together. Changes that follow each other are one; where others lie between them, by another process or on a database that has gone back, nobody here knows what they all
    /// follow, and the witness must not be told it without a look.
    /// </summary>
    public UntoldBook With(UntoldBook other) => Joined(other) with { Added = (default(WideAmount) + Added + other.Added).Max() };

    /// <summary>What is left of it after a state that the witness has, which may be beyond some of these changes.</summary>
    public UntoldBook After(WitnessMark seen)
    {
        var left = Last.AddedTo(seen);
        return this with { From = seen, Added = new(Math.Min(Added.MuSquared, left.MuSquared), Math.Min(Added.Slack, left.Slack)) };
    }

    private UntoldBook Joined(UntoldBook other)
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
