namespace DpAttn.Attention;

/// <summary>The public bound of a row's value: an l2 ball around the origin, or |v_j| at most R in every column.</summary>
public sealed class ValueBound
{
    private readonly Region _region;

    private ValueBound(Region region, double largestEntry) => (_region, LargestEntry) = (region, largestEntry);

    /// <summary>Columns.</summary>
    public int Dimension => _region.Dimension;

    /// <summary>B_v: the l2 radius that no accepted value leaves, tolerance included.</summary>
    public double BoundingRadius => _region.BoundingRadius;

    /// <summary>The largest magnitude of one column, tolerance included.</summary>
    public double LargestEntry { get; }

    /// <summary>Whether columns are bounded one by one.</summary>
    public bool IsBox => _region.IsBox;

    /// <summary>The stated l2 radius, or the stated bound of a column.</summary>
    public double Stated => IsBox ? LargestEntry : _region.Radius;

    /// <summary>Values of an l2 norm of at most <paramref name="radius"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No columns, or a radius that is not between 2^-100 and 2^100.</exception>
    public static ValueBound Ball(int dimension, double radius)
    {
        var region = Region.Ball(dimension, radius);
        return new ValueBound(region, region.BoundingRadius);
    }

    /// <summary>Values with every column in [-bound, bound]; then B_v = sqrt(columns) bound.</summary>
    /// <exception cref="ArgumentException">No columns, or a bound that is not between 2^-101 and 2^100.</exception>
    public static ValueBound Box(int dimension, double bound) => new(Region.Box(dimension, -bound, bound), bound);

    /// <summary>Moves an estimate to the nearest value that the bound allows: in a box column by column, in a ball towards its centre.</summary>
    internal void ClipEstimate(Span<double> estimate)
    {
        if (IsBox)
        {
            foreach (ref var x in estimate)
                x = Math.Clamp(x, -LargestEntry, LargestEntry);
        }
        else if (!BallCheck.Holds(estimate, BoundingRadius * BoundingRadius))
        {
            BallCheck.Clip(estimate, BoundingRadius);
        }
    }

    internal RegionFault TryCheck(Span<double> value, bool clip) => _region.TryCentre(value, clip);

    /// <summary>The stated bound in words.</summary>
    public override string ToString() => IsBox ? $"[-{LargestEntry:G6}, {LargestEntry:G6}] in every column" : $"the l2 ball of radius {_region.Radius:G6}";

    internal string Describe(RegionFault fault) => fault.Describe(ToString(), DescribeCoordinate);

    internal string DescribeCoordinate(int j) => _region.IsBox ? _region.DescribeCoordinate(j) : ToString();
}
