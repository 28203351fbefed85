namespace DpAttn.Attention;

/// <summary>
/// The exact integer sums of some rows on the public grid: what a shard holds. They are private: they never leave the mechanism without noise.
/// Copies differ only in their noise, so the sums are kept once.
/// </summary>
/// <remarks>
/// <para><b>Layout.</b> A vector of dv + 1 columns each: the sum of weights, that of w |P|^2, then for every feature but the constant its m grid points; in the exact variant the sum
/// of weights, then one sum of w x per feature. Weights are the integers of (gamma, v).</para>
/// <para>Adding a row costs one vector addition per feature; adding sums of other rows is exact, in any order.</para>
/// </remarks>
public sealed class DistanceTreeSums
{
    /// <summary>
    /// The version of the arithmetic from a row to its integers. It ends the domain of every digest that the noise is bound to: another bit of any row's integers is a new
    /// number, else one secret would put the same noise on two sums of the same rows, and their difference would be bare. The frozen digests of sums in the tests are kept by
    /// this number: whoever changes a bit has to raise it to pass them.
    /// </summary>
    internal const int ArithmeticVersion = 1;

    internal DistanceTreeSums(DistanceTreeParameters parameters, long[] numbers, long slots) => (Parameters, Numbers, Slots) = (parameters, numbers, slots);

    /// <summary>The parameters that the sums were made with.</summary>
    public DistanceTreeParameters Parameters { get; }

    /// <summary>The slots that were summed, null ones included: a public count.</summary>
    public long Slots { get; private set; }

    /// <summary>The sums themselves, <see cref="SizeFor"/> of them: to be stored beside the rows, and nowhere else.</summary>
    internal long[] Numbers { get; }

    /// <summary>How many integers the sums of a schema are.</summary>
    public static int SizeFor(DistanceTreeParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return checked((int)(LeafStart(parameters) + (long)(parameters.Features - 1) * LeavesPerFeature(parameters) * parameters.Columns));
    }

    /// <summary>The sums of no rows.</summary>
    public static DistanceTreeSums Empty(DistanceTreeParameters parameters) => new(parameters, new long[SizeFor(parameters)], 0);

    /// <summary>Sums that were stored.</summary>
    /// <exception cref="ArgumentException">Another number of integers, or more slots than the capacity.</exception>
    internal static DistanceTreeSums FromNumbers(DistanceTreeParameters parameters, long[] numbers, long slots)
    {
        if (numbers.Length != SizeFor(parameters))
            throw new ArgumentException($"the sums of this mechanism are {SizeFor(parameters)} integers, not {numbers.Length}", nameof(numbers));
        ArgumentOutOfRangeException.ThrowIfNegative(slots);
        RequireCapacity(parameters, slots);
        return new DistanceTreeSums(parameters, numbers, slots);
    }

    /// <summary>The exact sums of a row set.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="rows">The rows; all of them are checked before the result exists, so a bad row changes nothing.</param>
    /// <param name="clip">Whether rows out of bounds are moved to the nearest point inside instead of being refused.</param>
    /// <param name="threads">How many threads sum; the result does not depend on it.</param>
    /// <param name="progress">Told the number of rows done.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="RowRejectedException">A row breaks the bounds.</exception>
    /// <exception cref="ArgumentException">Dimensions differ from the schema's, null slots under replace-one, or more rows than the capacity.</exception>
    public static DistanceTreeSums Sum(
        DistanceTreeParameters parameters,
        RowSet rows,
        bool clip = false,
        int threads = 1,
        IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var total = Empty(parameters);
        total.AddRows(rows, clip, threads, progress, cancellationToken);
        return total;
    }

    /// <summary>Adds rows in place. Sums that this throws on are of no further use.</summary>
    /// <exception cref="RowRejectedException">A row breaks the bounds.</exception>
    /// <exception cref="ArgumentException">As for <see cref="Sum"/>.</exception>
    public static void AddTo(DistanceTreeSums total, RowSet rows, bool clip = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(total);
        total.AddRows(rows, clip, 1, null, cancellationToken);
    }

    /// <summary>Adds the sums of other rows: exact, so the order and the grouping of parts never matter.</summary>
    /// <exception cref="ArgumentException">Other parameters, or more slots than the capacity.</exception>
    public void Add(DistanceTreeSums part)
    {
        ArgumentNullException.ThrowIfNull(part);
        if (!ReferenceEquals(part.Parameters, Parameters))
            throw new ArgumentException("sums of different parameters cannot be added", nameof(part));
        RequireCapacity(Parameters, Slots + part.Slots);
        for (var i = 0; i < Numbers.Length; i++)
            Numbers[i] = checked(Numbers[i] + part.Numbers[i]);
        Slots += part.Slots;
    }

    /// <summary>Where the first feature's numbers begin.</summary>
    internal static long LeafStart(DistanceTreeParameters parameters) => (parameters.IsExact ? 1 : 2) * parameters.Columns;

    internal static int LeavesPerFeature(DistanceTreeParameters parameters) => parameters.IsExact ? 1 : parameters.GridCells;

    private void AddRows(RowSet rows, bool clip, int threads, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        RowCheck.RequireShape(Parameters.Schema, rows);
        RequireCapacity(Parameters, Slots + rows.Count);
        new DistanceTreeAccumulator(Parameters, clip, threads).AddAll(rows, Numbers, progress, cancellationToken);
        Slots += rows.Count;
    }

    private static void RequireCapacity(DistanceTreeParameters parameters, long slots)
    {
        if (slots > parameters.Schema.Capacity)
            throw new ArgumentException($"{slots} rows exceed the store's capacity of {parameters.Schema.Capacity}");
    }
}
