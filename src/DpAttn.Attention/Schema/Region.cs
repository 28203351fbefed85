namespace DpAttn.Attention;

/// <summary>
/// Where keys or queries may lie: a public statement of the owner, never derived from the rows. Either an l2 ball or a box.
/// What is declared is what is enforced: a box is checked as a box, coordinate by coordinate and exactly; a ball is checked
/// up to a relative tolerance of 2^-20 (unit vectors in float32 miss 1 by about 1e-7), and the analysis uses the larger radius.
/// </summary>
public sealed class Region
{
    /// <summary>Relative tolerance of the check of an l2 ball.</summary>
    public const double BallTolerance = 1.0 / (1 << 20);

    /// <summary>
    /// Radii, sides, corners and centres lie between 2^-100 and 2^100 in magnitude (0 allowed where it makes sense): squares of bounds then neither
    /// overflow nor vanish, and a check can never pass because its limit became infinite.
    /// </summary>
    public const double LargestMagnitude = 1267650600228229401496703205376.0;

    private const double SmallestSize = 1 / LargestMagnitude;

    // The computed squared norm differs from the true one by at most (d + 2) 2^-53 relatively, below 2^-30 for d up to 2^20.
    private const double BallCheckError = 1.0 / (1 << 30);

    private readonly double[] _centre;
    private readonly double[]? _low;
    private readonly double[]? _high;
    private readonly double[] _halfWidths;
    private readonly double _squaredLimit;

    private Region(double[] centre, double radius, double[]? low, double[]? high)
    {
        _centre = centre;
        _low = low;
        _high = high;
        Radius = radius;
        if (low is null)
        {
            var limit = radius * (1 + BallTolerance);
            _squaredLimit = limit * limit;
            BoundingRadius = limit * (1 + BallCheckError);
            _halfWidths = [];
        }
        else
        {
            _halfWidths = new double[centre.Length];
            var squares = 0.0;
            for (var j = 0; j < centre.Length; j++)
            {
                _halfWidths[j] = Math.BitIncrement(Math.Max(high![j] - centre[j], centre[j] - low[j]));
                squares += _halfWidths[j] * _halfWidths[j];
            }
            BoundingRadius = Math.Sqrt(squares) * (1 + BallCheckError);
            Radius = BoundingRadius;
        }
    }

    /// <summary>Coordinates.</summary>
    public int Dimension => _centre.Length;

    /// <summary>The centre, subtracted before the kernel is expanded.</summary>
    public ReadOnlySpan<double> Centre => _centre;

    /// <summary>The stated radius of a ball; the half diagonal of a box.</summary>
    public double Radius { get; }

    /// <summary>The l2 radius around the centre that no accepted vector leaves, tolerance and rounding included.</summary>
    public double BoundingRadius { get; }

    /// <summary>Half widths per coordinate of a box, rounded up; empty for a ball.</summary>
    public ReadOnlySpan<double> HalfWidths => _halfWidths;

    /// <summary>The lower corner of a box, as stated; empty for a ball.</summary>
    public ReadOnlySpan<double> Low => _low;

    /// <summary>The upper corner of a box, as stated; empty for a ball.</summary>
    public ReadOnlySpan<double> High => _high;

    /// <summary>True for a box, false for a ball.</summary>
    public bool IsBox => _low is not null;

    /// <summary>The l2 ball of a radius around a centre.</summary>
    /// <exception cref="ArgumentException">No coordinates, or a centre or a radius outside the range of <see cref="LargestMagnitude"/>.</exception>
    public static Region Ball(ReadOnlySpan<double> centre, double radius)
    {
        if (centre.IsEmpty)
            throw new ArgumentException("a region needs at least one coordinate", nameof(centre));
        foreach (var c in centre)
        {
            if (!(Math.Abs(c) <= LargestMagnitude))
                throw new ArgumentException("the centre of a ball must lie within +-2^100", nameof(centre));
        }
        if (!(radius >= SmallestSize && radius <= LargestMagnitude))
            throw new ArgumentOutOfRangeException(nameof(radius), radius, "the radius of a ball must be above 0, between 2^-100 and 2^100");
        return new Region(centre.ToArray(), radius, null, null);
    }

    /// <summary>The l2 ball around the origin.</summary>
    /// <exception cref="ArgumentException">As <see cref="Ball(ReadOnlySpan{double}, double)"/>.</exception>
    public static Region Ball(int dimension, double radius)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        return Ball(new double[dimension], radius);
    }

    /// <summary>The box of all vectors between two corners, both included.</summary>
    /// <exception cref="ArgumentException">No coordinates, lengths that differ, or a corner or a side outside the range of <see cref="LargestMagnitude"/>.</exception>
    public static Region Box(ReadOnlySpan<double> low, ReadOnlySpan<double> high)
    {
        if (low.IsEmpty || low.Length != high.Length)
            throw new ArgumentException($"a box needs two corners of the same dimension, not {low.Length} and {high.Length}", nameof(high));
        var centre = new double[low.Length];
        for (var j = 0; j < centre.Length; j++)
        {
            if (!(low[j] >= -LargestMagnitude && high[j] <= LargestMagnitude && high[j] - low[j] >= SmallestSize))
                throw new ArgumentException($"box, coordinate {j}: the lower corner must be below the upper one, by at least 2^-100, and both within +-2^100", nameof(low));
            centre[j] = low[j] / 2 + high[j] / 2;
        }
        return new Region(centre, 0, low.ToArray(), high.ToArray());
    }

    /// <summary>The box [low, high] in every coordinate.</summary>
    /// <exception cref="ArgumentException">As <see cref="Box(ReadOnlySpan{double}, ReadOnlySpan{double})"/>.</exception>
    public static Region Box(int dimension, double low, double high)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        return Box(Enumerable.Repeat(low, dimension).ToArray(), Enumerable.Repeat(high, dimension).ToArray());
    }

    /// <summary>
    /// Replaces a vector by its offset from the centre, after the check. With <paramref name="clip"/> a vector outside is
    /// moved to the nearest point inside first; NaN and infinity are refused all the same.
    /// </summary>
    /// <param name="vector">The vector; on return its centred form, which is the only form that is used afterwards.</param>
    /// <param name="clip">Whether to clip.</param>
    /// <returns>What is wrong, or <see cref="RegionFault.None"/>.</returns>
    internal RegionFault TryCentre(Span<double> vector, bool clip)
    {
        for (var j = 0; j < vector.Length; j++)
        {
            if (!double.IsFinite(vector[j]))
                return RegionFault.NotFinite(j);
        }
        return IsBox ? TryCentreInBox(vector, clip) : TryCentreInBall(vector, clip);
    }

    private RegionFault TryCentreInBox(Span<double> vector, bool clip)
    {
        for (var j = 0; j < vector.Length; j++)
        {
            var x = vector[j];
            if (!(x >= _low![j] && x <= _high![j]))
            {
                if (!clip)
                    return RegionFault.Outside(j);
                x = Math.Clamp(x, _low[j], _high![j]);
            }
            vector[j] = x - _centre[j];
        }
        return RegionFault.None;
    }

    private RegionFault TryCentreInBall(Span<double> vector, bool clip)
    {
        for (var j = 0; j < vector.Length; j++)
            vector[j] -= _centre[j];
        if (BallCheck.Holds(vector, _squaredLimit))
            return RegionFault.None;
        if (!clip)
            return RegionFault.Outside();
        BallCheck.Clip(vector, Radius);
        return BallCheck.Holds(vector, _squaredLimit) ? RegionFault.None : RegionFault.Outside();
    }

    /// <summary>The stated bound in words, for error messages and statements.</summary>
    public override string ToString() => IsBox ? BoxToString() : $"the l2 ball of radius {Radius:G6} around its centre";

    /// <summary>The stated bound of one coordinate, for error messages.</summary>
    internal string Describe(RegionFault fault) => fault.Describe(ToString(), DescribeCoordinate);

    internal string DescribeCoordinate(int j) => IsBox ? $"[{_low![j]:G6}, {_high![j]:G6}]" : ToString();

    private string BoxToString() => $"the box {DescribeCoordinate(0)}{(Dimension > 1 ? $" x ... ({Dimension} coordinates)" : "")}";
}
