namespace DpAttn.Attention;

/// <summary>
/// The sum of the released nodes of a range of blocks: what <see cref="MomentAnswerer"/> answers from. Post-processing, so any number of ranges costs nothing more.
/// Its deviation is that of one node times the root of their number.
/// </summary>
public sealed class ReleasedRange
{
    private ReleasedRange(long from, long to, ReleasedMoments moments) => (From, To, Moments) = (from, to, moments);

    /// <summary>The first block.</summary>
    public long From { get; }

    /// <summary>The block after the last.</summary>
    public long To { get; }

    /// <summary>The summed integers; <see cref="ReleasedMoments.Slots"/> says how many rows they cover.</summary>
    public ReleasedMoments Moments { get; }

    /// <summary>Adds up a range: all its nodes, or nothing.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="extent">How far it is released.</param>
    /// <param name="from">The first block.</param>
    /// <param name="to">The block after the last.</param>
    /// <param name="read">Gives a released node of the tier that was opened; null if it cannot be had.</param>
    /// <exception cref="ArgumentOutOfRangeException">An empty range, or one that leaves what is released.</exception>
    /// <exception cref="ArgumentException">A node that is missing or another one, or nodes of different tiers or noise.</exception>
    public static ReleasedRange Of(MomentTreeParameters tree, TreeExtent extent, long from, long to, Func<long, ReleasedNode?> read)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(read);
        var nodes = tree.NodesOf(from, to, extent);
        ReleasedMoments? first = null;
        var values = new long[tree.Moments.Dimension];
        var slots = 0L;
        foreach (var node in nodes)
        {
            var released = read(node) ?? throw new ArgumentException($"node {node} of blocks [{from}, {to}) is missing: no sum of a part is answered", nameof(read));
            if (released.Node != node || !ReferenceEquals(released.Tree, tree))
                throw new ArgumentException($"node {released.Node} was given where node {node} of this tree belongs", nameof(read));
            first ??= released.Moments;
            if (released.Moments.Tier != first.Tier || released.Moments.Variance != first.Variance)
                throw new ArgumentException("nodes of different tiers or releases cannot be added", nameof(read));
            for (var i = 0; i < values.Length; i++)
                values[i] = checked(values[i] + released.Moments.Values[i]);
            slots += released.Moments.Slots;
        }
        return new ReleasedRange(from, to, new ReleasedMoments(tree.Moments, first!.Tier, first.Variance, slots, values, nodes.Count));
    }
}
