namespace DpAttn.Attention;

/// <summary>
/// The exact integer moment matrix of some rows, r x (dv + 1), row-major by feature; column 0 belongs to the denominator.
/// It is private: it never leaves the mechanism without noise.
/// </summary>
public sealed class MomentMatrix
{
    internal MomentMatrix(MomentParameters parameters, long[] sums, long slots) => (Parameters, Sums, Slots) = (parameters, sums, slots);

    /// <summary>The parameters that the sums were made with.</summary>
    public MomentParameters Parameters { get; }

    /// <summary>The slots that were summed, null ones included: a public count.</summary>
    public long Slots { get; private set; }

    internal long[] Sums { get; }

    /// <summary>The matrix of no rows.</summary>
    public static MomentMatrix Empty(MomentParameters parameters) => new(parameters, new long[parameters.Dimension], 0);

    /// <summary>Adds the sums of other rows: exact, so the order and the grouping of parts never matter.</summary>
    /// <exception cref="ArgumentException">Other parameters, or more slots than the capacity.</exception>
    public void Add(MomentMatrix part)
    {
        ArgumentNullException.ThrowIfNull(part);
        if (!ReferenceEquals(part.Parameters, Parameters))
            throw new ArgumentException("moment matrices of different parameters cannot be added", nameof(part));
        RequireCapacity(Parameters, Slots + part.Slots);
        for (var i = 0; i < Sums.Length; i++)
            Sums[i] = checked(Sums[i] + part.Sums[i]);
        Slots += part.Slots;
    }

    internal void AddSlots(long slots) => Slots += slots;

    internal static void RequireCapacity(MomentParameters parameters, long slots)
    {
        if (slots > parameters.Schema.Capacity)
            throw new ArgumentException($"{slots} rows exceed the store's capacity of {parameters.Schema.Capacity}");
    }
}
