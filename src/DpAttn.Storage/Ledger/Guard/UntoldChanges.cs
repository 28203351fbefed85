using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>Changes of a book, at least one and in no order. Kept one by one, since a witness may have seen some of them already; never changed.</summary>
internal sealed class UntoldChanges
{
    private readonly WitnessStep _step;
    private readonly UntoldChanges? _others;
    private readonly int _count;

    public UntoldChanges(WitnessStep step)
        : this(step, step.To, null)
    {
    }

    private UntoldChanges(WitnessStep step, WitnessMark first, UntoldChanges? others)
    {
        (_step, First, _others) = (step, first, others);
        _count = 1 + (others?._count ?? 0);
        Added = (default(WideAmount) + step.Added + (others?.Added ?? PrivacyAmount.Zero)).Max();
    }

    /// <summary>The earliest state that one of them led to; of two of one version, which are of two ways, the one that was known first.</summary>
    public WitnessMark First { get; }

    /// <summary>What all of them added.</summary>
    public PrivacyAmount Added { get; }

    /// <summary>These and later ones.</summary>
    public UntoldChanges With(UntoldChanges others)
    {
        var first = First.Version <= others.First.Version ? First : others.First;
        var (all, rest) = _count < others._count ? (others, this) : (this, others);
        for (var next = rest; next is not null; next = next._others)
            all = new(next._step, first, all);
        return all;
    }

    /// <summary>Those that led beyond a version; null where none did.</summary>
    public UntoldChanges? After(long version)
    {
        UntoldChanges? left = null;
        for (var next = this; next is not null; next = next._others)
        {
            if (next._step.To.Version > version)
                left = new(next._step, Earlier(next._step.To, left), left);
        }
        return left;

        WitnessMark Earlier(WitnessMark one, UntoldChanges? others) => First.Version > version ? First : others is null || one.Version <= others.First.Version ? one : others.First;
    }

    /// <summary>Whether one of them made, or followed, another state of the same version: then it is of another way.</summary>
    public bool Contradict(WitnessMark seen)
    {
        for (var next = this; next is not null; next = next._others)
        {
            if (IsOther(next._step.To) || (next._step.From is { } from && IsOther(from)))
                return true;
        }
        return false;

        bool IsOther(WitnessMark known) => known.Version == seen.Version && !known.IsSameState(seen);
    }
}
