using DpAttn.Attention;
using DpAttn.Contracts;

namespace DpAttn.Cli.Files;

/// <summary>
/// The bounds that a store states, checked on the owner's machine before anything is sent, with the server's own check: a file with one row
/// out of bounds is refused whole, and never half loaded.
/// </summary>
internal sealed class StoreBounds
{
    private const int MostNudges = 16;

    private readonly Region _keys;
    private readonly ValueBound _values;
    private readonly double[] _origin;
    private readonly double[] _key;
    private readonly double[] _value;
    private readonly bool _clip;

    /// <exception cref="RowFileException">Dimensions that are not the store's.</exception>
    public StoreBounds(StoreDescription store, RowFile file, bool clip)
    {
        var definition = store.Definition;
        if (file.KeyDimension != definition.KeyDimension || file.ValueDimension != definition.ValueDimension)
            throw new RowFileException(file.Name, $"keys have {file.KeyDimension} and values {file.ValueDimension} columns; store '{store.Name}' has {definition.KeyDimension} and {definition.ValueDimension}");
        _keys = ToRegion(definition.Keys, definition.KeyDimension);
        _values = definition.Values switch
        {
            { Radius: { } radius } => ValueBound.Ball(definition.ValueDimension, radius),
            { Entry: { } entry } => ValueBound.Box(definition.ValueDimension, entry),
            _ => throw new ArgumentException($"store '{store.Name}' states no bound of its values"),
        };
        (_key, _value, _origin, _clip) = (new double[file.KeyDimension], new double[file.ValueDimension], new double[file.ValueDimension], clip);
    }

    /// <summary>Checks a block, or moves what is out of bounds to the nearest point inside.</summary>
    /// <param name="name">What messages call the file.</param>
    /// <param name="block">The rows.</param>
    /// <param name="firstRow">The number of the first.</param>
    /// <returns>How many rows were moved.</returns>
    /// <exception cref="RowFileException">A row out of bounds, by its number and the bound.</exception>
    public int Apply(string name, RowBlock block, long firstRow)
    {
        var moved = 0;
        for (var i = 0; i < block.Count; i++)
        {
            var isMoved = Apply(name, "key", firstRow + i, block.Key(i).Span, _key, _keys.Centre, _keys.TryCentre, _keys.DescribeCoordinate, _keys.ToString());
            isMoved |= Apply(name, "value", firstRow + i, block.Value(i).Span, _value, _origin, _values.TryCheck, _values.DescribeCoordinate, _values.ToString());
            moved += isMoved ? 1 : 0;
        }
        return moved;
    }

    private delegate RegionFault Check(Span<double> vector, bool clip);

    private bool Apply(string name, string what, long row, Span<float> numbers, double[] buffer, ReadOnlySpan<double> centre, Check check, Func<int, string> describe, string region)
    {
        Widen(numbers, buffer);
        var fault = check(buffer, false);
        if (fault.Kind == RegionFaultKind.None)
            return false;
        if (fault.Kind == RegionFaultKind.NotFinite)
            throw new RowFileException(name, $"{what} of row {row}: coordinate {fault.Coordinate} is NaN, infinite, or too large for float32");
        if (_clip && TryClip(numbers, buffer, centre, check))
            return true;
        throw new RowFileException(name, $"{what} of row {row}: {fault.Describe(region, describe)}{(_clip ? ", also after clipping in float32" : "; --clip moves it to the nearest point inside")}");
    }

    private static bool TryClip(Span<float> numbers, double[] buffer, ReadOnlySpan<double> centre, Check check)
    {
        Widen(numbers, buffer);
        if (check(buffer, true).Kind != RegionFaultKind.None)
            return false;
        for (var j = 0; j < numbers.Length; j++)
            numbers[j] = (float)(centre[j] + buffer[j]);
        // Rounding may have moved it out again by a hair: go towards the centre by a float at least, and by more each time.
        for (var i = 0; i < MostNudges; i++)
        {
            Widen(numbers, buffer);
            if (check(buffer, false).Kind == RegionFaultKind.None)
                return true;
            for (var j = 0; j < numbers.Length; j++)
                numbers[j] = TowardsCentre(numbers[j], centre[j], Math.ScaleB(1, i - 26));
        }
        return false;
    }

    private static float TowardsCentre(float number, double centre, double share)
    {
        var shrunk = (float)(number + share * (centre - number));
        return number > centre ? Math.Min(shrunk, MathF.BitDecrement(number)) : number < centre ? Math.Max(shrunk, MathF.BitIncrement(number)) : number;
    }

    private static Region ToRegion(RegionBound bound, int dimension) => bound switch
    {
        { Ball: { Centre: { } centre } ball } => Region.Ball([.. centre], ball.Radius),
        { Ball: { } ball } => Region.Ball(dimension, ball.Radius),
        { Box: { } box } => Region.Box(Spread(box.Low, dimension), Spread(box.High, dimension)),
        _ => throw new ArgumentException("the store states no bound of its keys"),
    };

    private static double[] Spread(IReadOnlyList<double> corner, int dimension) =>
        corner.Count == 1 ? [.. Enumerable.Repeat(corner[0], dimension)] : [.. corner];

    private static void Widen(ReadOnlySpan<float> from, Span<double> to)
    {
        for (var j = 0; j < to.Length; j++)
            to[j] = from[j];
    }
}
