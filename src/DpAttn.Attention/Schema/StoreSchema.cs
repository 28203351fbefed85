namespace DpAttn.Attention;

/// <summary>
/// What is public about a store before any row arrives: shapes, bounds, kernel scale, adjacency and capacity. Every
/// sensitivity, noise and error bound is computed from it alone.
/// </summary>
public sealed class StoreSchema
{
    /// <summary>The largest key or value dimension.</summary>
    public const int LargestDimension = 1 << 16;

    /// <summary>A schema.</summary>
    /// <param name="keys">Where keys may lie; its dimension is d.</param>
    /// <param name="queries">Where queries may lie; the same d.</param>
    /// <param name="values">The bound of a value; its dimension is dv.</param>
    /// <param name="scale">The factor in exp(scale &lt;q, k&gt;), finite and above 0.</param>
    /// <param name="adjacency">Which row sets are neighbours.</param>
    /// <param name="capacity">Rows (replace-one) or slots (add-remove) at most.</param>
    /// <exception cref="ArgumentException">A dimension that differs, or a number outside its range.</exception>
    public StoreSchema(Region keys, Region queries, ValueBound values, double scale, Adjacency adjacency, long capacity)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(values);
        if (keys.Dimension > LargestDimension || values.Dimension > LargestDimension)
            throw new ArgumentException($"keys have {keys.Dimension} and values {values.Dimension} dimensions; at most {LargestDimension} are supported", nameof(keys));
        if (queries.Dimension != keys.Dimension)
            throw new ArgumentException($"queries have {queries.Dimension} dimensions, keys {keys.Dimension}", nameof(queries));
        if (!(scale > 0 && double.IsFinite(scale)))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "scale must be finite and above 0");
        if (!Enum.IsDefined(adjacency))
            throw new ArgumentOutOfRangeException(nameof(adjacency), adjacency, "adjacency must be replace-one or add-remove");
        if (capacity < 1)
            throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "a store needs at least one row slot");
        (Keys, Queries, Values, Scale, Adjacency, Capacity) = (keys, queries, values, scale, adjacency, capacity);
    }

    /// <summary>Where keys may lie.</summary>
    public Region Keys { get; }

    /// <summary>Where queries may lie.</summary>
    public Region Queries { get; }

    /// <summary>The bound of a value.</summary>
    public ValueBound Values { get; }

    /// <summary>The factor in exp(scale &lt;q, k&gt;).</summary>
    public double Scale { get; }

    /// <summary>Which row sets are neighbours.</summary>
    public Adjacency Adjacency { get; }

    /// <summary>Rows or slots at most.</summary>
    public long Capacity { get; }

    /// <summary>d.</summary>
    public int KeyDimension => Keys.Dimension;

    /// <summary>dv.</summary>
    public int ValueDimension => Values.Dimension;

    /// <summary>L = scale B_q B_k, the range of the kernel's exponent after centring.</summary>
    public double Interval => Scale * Queries.BoundingRadius * Keys.BoundingRadius * (1 + 1e-15);

    /// <summary>The largest l2 norm of a query before centring, at most.</summary>
    internal double LargestQueryNorm
    {
        get
        {
            var squares = 0.0;
            for (var j = 0; j < Queries.Dimension; j++)
            {
                var reach = Math.Abs(Queries.Centre[j]) + (Queries.IsBox ? Queries.HalfWidths[j] : 0);
                squares += reach * reach;
            }
            return (Math.Sqrt(squares) + (Queries.IsBox ? 0 : Queries.BoundingRadius)) * (1 + 1e-9);
        }
    }

    /// <summary>
    /// An upper bound of ln w(k) = scale &lt;c_q, k'&gt;: scale |c_q| B_k for a ball, scale sum_j |c_qj| h_j for a box.
    /// </summary>
    public double LargestLogWeight
    {
        get
        {
            var sum = 0.0;
            var centre = Queries.Centre;
            for (var j = 0; j < centre.Length; j++)
                sum += Keys.IsBox ? Math.Abs(centre[j]) * Keys.HalfWidths[j] : centre[j] * centre[j];
            return Scale * (Keys.IsBox ? sum : Math.Sqrt(sum) * Keys.BoundingRadius) * (1 + 1e-9);
        }
    }
}
