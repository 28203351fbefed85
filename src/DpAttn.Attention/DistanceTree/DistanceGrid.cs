using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The public grid of one coordinate: m = 2^L points, whole multiples j h of one spacing, over a public range. A number is rounded to the nearest
/// point, half to even, by IEEE division and rounding alone: the same on every machine.
/// </summary>
public readonly record struct DistanceGrid
{
    /// <summary>The deepest grid: 65,536 points.</summary>
    public const int LargestDepth = 16;

    private readonly long _lowStep;
    private readonly long _highStep;

    private DistanceGrid(TreeShape shape, double spacing, double low, double high)
    {
        (Shape, Spacing) = (shape, spacing);
        (_lowStep, _highStep) = (StepOf(low), StepOf(high));
    }

    /// <summary>The tree over the points.</summary>
    public TreeShape Shape { get; }

    /// <summary>h.</summary>
    public double Spacing { get; }

    /// <summary>The smallest j that a number in the range is rounded to. Point 0 of the tree is this one.</summary>
    public long LowStep => _lowStep;

    /// <summary>The largest j that a number in the range is rounded to, at most <see cref="LowStep"/> + m - 1.</summary>
    public long HighStep => _highStep;

    /// <summary>The largest |j| of a rounded number.</summary>
    public long LargestStep => Math.Max(Math.Abs(_lowStep), Math.Abs(_highStep));

    /// <summary>
    /// The grid of 2^<paramref name="depth"/> points over a range: h = (high - low)/(m - 1) for a range that begins or ends at 0, whose ends are points then, and
    /// (high - low)/(m - 2) for any other, whose ends lie between points. A number of the range is moved by at most h/2.
    /// </summary>
    /// <exception cref="ArgumentException">An empty or infinite range, one too narrow for its distance from 0, or a depth outside 2 to 16.</exception>
    public static DistanceGrid Over(double low, double high, int depth)
    {
        if (depth is < 2 or > LargestDepth)
            throw new ArgumentOutOfRangeException(nameof(depth), depth, $"a grid has between 2^2 and 2^{LargestDepth} points");
        if (!(low < high && double.IsFinite(high - low)))
            throw new ArgumentException("the range of a grid must be finite and not empty", nameof(high));
        var shape = new TreeShape(depth);
        var spacing = (high - low) / (shape.Leaves - (low == 0 || high == 0 ? 1 : 2));
        // Steps are integers within 2^40: squares of distances stay exact in doubles.
        if (!(spacing > 0 && Math.Max(Math.Abs(low), Math.Abs(high)) / spacing <= 1L << 26))
            throw new ArgumentException("the range of a grid is too narrow for its distance from 0", nameof(low));
        return new DistanceGrid(shape, spacing, low, high);
    }

    /// <summary>The nearest multiple of h, inside the range or not.</summary>
    public long StepOf(double x) => (long)Math.Round(x / Spacing);

    /// <summary>The point of the tree that a number is rounded to, counted from 0; numbers outside go to the nearest end.</summary>
    public long CellOf(double x) => Math.Clamp(StepOf(x), _lowStep, _highStep) - _lowStep;

    /// <summary>The number at a point of the tree.</summary>
    public double PointOf(long cell) => (_lowStep + cell) * Spacing;
}
