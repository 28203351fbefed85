using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// DPTreeDistance of the seed paper (arXiv 2407.14717, appendix F): the one-dimensional weighted l_p^p distance sum_i w_i |y - x_i|^p, p at least 1, weights of
/// any sign, from sums of weights over a grid. The paper claims O(n) for init, O(alpha^-1 log^2 n) for a query, a factor of 1 + alpha, and an additive error of
/// O(alpha^-1/2 epsilon^-1 R^p R_w log^1.5 n).
/// </summary>
/// <remarks>
/// <para><b>alpha above 0.</b> Each side of y is split into intervals of ratio at most 1 + alpha, one node of a <see cref="DpTree"/> each, O(log(m)/alpha) of them
/// in all; an interval between the distances a and b counts with (a^p + b^p)/2. Without noise the answer is within
/// <c>((1 + alpha)^p - 1)/2 sum_i |w_i| |y - x_i|^p</c> of the distance to the grid-rounded points, half of what the paper claims: |(a^p + b^p)/2 - t^p| is at most
/// (b^p - a^p)/2, and t is at least a.</para>
/// <para><b>alpha = 0, p = 2.</b> There is no tree: h^2 (y^2 W_0 - 2 y W_1 + W_2) from the three sums of w, w j and w j^2, j the grid step of a point. Exact.</para>
/// <para>Several columns of weights share one structure: a node is a vector.</para>
/// </remarks>
public sealed class DpTreeDistance
{
    private readonly ITreeValues _sums;

    /// <summary>A structure over sums, exact (private) or with noise.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="power">p, at least 1.</param>
    /// <param name="alpha">Above 0; or 0, with p = 2, for the exact variant.</param>
    /// <param name="sums">A tree over the grid's points; for alpha = 0 a tree of one node, the sums of w, w j and w j^2 side by side.</param>
    /// <exception cref="ArgumentException">Numbers outside their range, or sums of another shape.</exception>
    public DpTreeDistance(DistanceGrid grid, double power, double alpha, ITreeValues sums)
    {
        ArgumentNullException.ThrowIfNull(sums);
        RequireAlpha(power, alpha);
        if (sums.Shape != ShapeFor(grid, alpha))
            throw new ArgumentException($"the sums have {sums.Shape.Leaves} leaves; this distance needs {ShapeFor(grid, alpha).Leaves}", nameof(sums));
        if (alpha == 0 && sums.Width % 3 != 0)
            throw new ArgumentException("the exact variant needs the three sums of w, w j and w j^2 of every column", nameof(sums));
        (Grid, Power, Alpha, _sums) = (grid, power, alpha, sums);
    }

    /// <summary>The grid.</summary>
    public DistanceGrid Grid { get; }

    /// <summary>p.</summary>
    public double Power { get; }

    /// <summary>The ratio of an interval, minus 1; 0 for the exact variant.</summary>
    public double Alpha { get; }

    /// <summary>Columns of weights.</summary>
    public int Width => Alpha == 0 ? _sums.Width / 3 : _sums.Width;

    /// <summary>Init: the exact sums of weighted points, O(n + m). They are private.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="power">p.</param>
    /// <param name="alpha">As for the structure.</param>
    /// <param name="points">n numbers; those outside the grid's range go to its ends.</param>
    /// <param name="weights">n x width integers, point by point.</param>
    /// <param name="width">Columns of weights.</param>
    /// <exception cref="ArgumentException">Numbers outside their range, or another number of weights.</exception>
    /// <exception cref="OverflowException">A sum leaves 64 bits.</exception>
    public static ITreeValues Sum(DistanceGrid grid, double power, double alpha, ReadOnlySpan<double> points, ReadOnlySpan<long> weights, int width = 1)
    {
        RequireAlpha(power, alpha);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (weights.Length != (long)points.Length * width)
            throw new ArgumentException($"{points.Length} points of {width} columns need {(long)points.Length * width} weights, not {weights.Length}", nameof(weights));
        var shape = ShapeFor(grid, alpha);
        var orders = alpha == 0 ? 3 : 1;
        var leaves = new long[shape.Leaves * width * orders];
        for (var i = 0; i < points.Length; i++)
        {
            var cell = grid.CellOf(points[i]);
            var factor = 1L;
            for (var order = 0; order < orders; order++, factor *= grid.LowStep + cell)
            {
                var leaf = leaves.AsSpan((int)((alpha == 0 ? 0 : cell) * orders + order) * width, width);
                for (var c = 0; c < width; c++)
                    leaf[c] = checked(leaf[c] + factor * weights[i * width + c]);
            }
        }
        return TreeSums.Over(shape, width * orders, leaves);
    }

    /// <summary>Query: sum_i w_i |y - x_i|^p for every column, x_i the grid-rounded points.</summary>
    /// <param name="y">Any finite number.</param>
    /// <exception cref="ArgumentOutOfRangeException">NaN or infinity.</exception>
    public double[] Query(double y)
    {
        if (!double.IsFinite(y))
            throw new ArgumentOutOfRangeException(nameof(y), "a distance is measured from a finite number");
        var result = new double[Width];
        var place = y / Grid.Spacing;
        var unit = Raise(Grid.Spacing, Power);
        var sums = new long[_sums.Width];
        if (Alpha == 0)
        {
            _sums.Read(1, sums);
            for (var c = 0; c < result.Length; c++)
                result[c] = unit * (place * place * sums[c] - 2 * place * sums[Width + c] + sums[2 * Width + c]);
            return result;
        }
        List<DistanceInterval> intervals = [];
        DistanceIntervals.Collect(Grid.Shape, Alpha, place - Grid.LowStep, intervals);
        foreach (var interval in intervals)
        {
            _sums.Read(interval.Node, sums);
            var distance = unit * (Raise(interval.Near, Power) + Raise(interval.Far, Power)) / 2;
            for (var c = 0; c < result.Length; c++)
                result[c] += distance * sums[c];
        }
        return result;
    }

    private static TreeShape ShapeFor(DistanceGrid grid, double alpha) => alpha == 0 ? new TreeShape(0) : grid.Shape;

    private static void RequireAlpha(double power, double alpha)
    {
        if (!(power >= 1 && double.IsFinite(power)))
            throw new ArgumentOutOfRangeException(nameof(power), power, "p must be finite and at least 1");
        if (!(alpha >= 0 && double.IsFinite(alpha)))
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "alpha must be finite and at least 0");
        if (alpha == 0 && power != 2)
            throw new ArgumentException("the exact variant (alpha = 0) exists for p = 2 alone", nameof(alpha));
    }

    // Queries are post-processing: Math.Pow may differ in its last bit between machines without touching the guarantee.
    private static double Raise(double x, double power) => power == 2 ? x * x : power == 1 ? x : Math.Pow(x, power);
}
