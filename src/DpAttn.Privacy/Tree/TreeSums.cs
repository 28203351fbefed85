namespace DpAttn.Privacy;

/// <summary>
/// The exact integer sums of every node of a tree, a vector per node. They are private: numbers leave only through a <see cref="DpTree"/> with
/// noise. Integer sums do not depend on the order, so partial sums of shards may be added in any.
/// </summary>
public sealed class TreeSums : ITreeValues
{
    private readonly long[] _sums;

    /// <summary>The sums of nothing.</summary>
    /// <exception cref="ArgumentException">A width below 1, or more numbers than one array can hold.</exception>
    public TreeSums(TreeShape shape, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        var length = (UInt128)(shape.Nodes + 1) * (UInt128)width;
        if (length > (UInt128)Array.MaxLength)
            throw new ArgumentException($"a tree of {shape.Leaves} leaves with {width} numbers each takes {length} numbers; one array holds at most {Array.MaxLength}", nameof(shape));
        (Shape, Width, _sums) = (shape, width, new long[(int)length]);
    }

    /// <inheritdoc/>
    public TreeShape Shape { get; }

    /// <inheritdoc/>
    public int Width { get; }

    /// <summary>The sums over an array: O(m) additions of vectors.</summary>
    /// <param name="shape">The tree.</param>
    /// <param name="width">Integers per leaf.</param>
    /// <param name="leaves">m x width integers, leaf by leaf.</param>
    /// <exception cref="ArgumentException">Another number of integers.</exception>
    /// <exception cref="OverflowException">A sum leaves 64 bits, which the caller's schema has to make impossible.</exception>
    public static TreeSums Over(TreeShape shape, int width, ReadOnlySpan<long> leaves)
    {
        var tree = new TreeSums(shape, width);
        var expected = shape.Leaves * width;
        if (leaves.Length != expected)
            throw new ArgumentException($"{shape.Leaves} leaves of {width} integers take {expected}, not {leaves.Length}", nameof(leaves));
        leaves.CopyTo(tree._sums.AsSpan((int)expected));
        for (var node = shape.Leaves - 1; node >= 1; node--)
        {
            ReadOnlySpan<long> left = tree.Vector(2 * node), right = tree.Vector(2 * node + 1);
            var sum = tree.Vector(node);
            for (var i = 0; i < width; i++)
                sum[i] = checked(left[i] + right[i]);
        }
        return tree;
    }

    /// <summary>Adds a vector to a leaf and to every node above it: O(log m).</summary>
    /// <exception cref="ArgumentException">No such leaf, or another width.</exception>
    /// <exception cref="OverflowException">A sum leaves 64 bits, which the caller's schema has to make impossible.</exception>
    public void AddToLeaf(long leaf, ReadOnlySpan<long> values)
    {
        RequireWidth(values.Length);
        for (var node = Shape.LeafNode(leaf); node >= 1; node >>= 1)
        {
            var sum = Vector(node);
            for (var i = 0; i < sum.Length; i++)
                sum[i] = checked(sum[i] + values[i]);
        }
    }

    /// <summary>Adds the sums of other rows.</summary>
    /// <exception cref="ArgumentException">Another tree.</exception>
    /// <exception cref="OverflowException">A sum leaves 64 bits, which the caller's schema has to make impossible.</exception>
    public void Add(TreeSums part)
    {
        ArgumentNullException.ThrowIfNull(part);
        if (part.Shape != Shape || part.Width != Width)
            throw new ArgumentException("sums of trees of different shapes cannot be added", nameof(part));
        for (var i = 0; i < _sums.Length; i++)
            _sums[i] = checked(_sums[i] + part._sums[i]);
    }

    /// <inheritdoc/>
    public void Read(long node, Span<long> destination)
    {
        _ = Shape.LevelOf(node);
        RequireWidth(destination.Length);
        Vector(node).CopyTo(destination);
    }

    private Span<long> Vector(long node) => _sums.AsSpan((int)(node * Width), Width);

    private void RequireWidth(int width)
    {
        if (width != Width)
            throw new ArgumentException($"a node of this tree has {Width} integers, not {width}");
    }
}
