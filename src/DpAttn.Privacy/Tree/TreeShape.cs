using System.Numerics;

namespace DpAttn.Privacy;

/// <summary>
/// The index arithmetic of a complete binary tree over m = 2^L leaves, apart from anything that is stored. The root is node 1, the children of
/// node k are 2k and 2k + 1, and leaf i is node m + i: a node's number never depends on what is stored, or where.
/// </summary>
public readonly record struct TreeShape
{
    /// <summary>The largest L: node numbers stay within 63 bits with room for what an address packs beside them.</summary>
    public const int LargestDepth = 40;

    /// <summary>A tree of 2^<paramref name="depth"/> leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 0 or above <see cref="LargestDepth"/>.</exception>
    public TreeShape(int depth)
    {
        if (depth is < 0 or > LargestDepth)
            throw new ArgumentOutOfRangeException(nameof(depth), depth, $"the depth of a tree must lie between 0 and {LargestDepth}");
        Depth = depth;
    }

    /// <summary>L.</summary>
    public int Depth { get; }

    /// <summary>lambda = L + 1: how many nodes every leaf lies under, itself included.</summary>
    public int Levels => Depth + 1;

    /// <summary>m = 2^L.</summary>
    public long Leaves => 1L << Depth;

    /// <summary>2m - 1. Nodes are numbered from 1 to this.</summary>
    public long Nodes => 2 * Leaves - 1;

    /// <summary>The smallest tree with at least so many leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1 or above 2^<see cref="LargestDepth"/>.</exception>
    public static TreeShape For(long leaves)
    {
        if (leaves is < 1 or > 1L << LargestDepth)
            throw new ArgumentOutOfRangeException(nameof(leaves), leaves, $"a tree has between 1 and 2^{LargestDepth} leaves");
        return new TreeShape(leaves == 1 ? 0 : BitOperations.Log2((ulong)leaves - 1) + 1);
    }

    /// <summary>The level of a node: 0 for the root, L for a leaf.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tree has no such node.</exception>
    public int LevelOf(long node) => BitOperations.Log2((ulong)Require(node));

    /// <summary>The node of a leaf.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tree has no such leaf.</exception>
    public long LeafNode(long leaf) => leaf >= 0 && leaf < Leaves
        ? Leaves + leaf
        : throw new ArgumentOutOfRangeException(nameof(leaf), leaf, $"leaves are numbered from 0 to {Leaves - 1}");

    /// <summary>The leaves below a node: [From, To).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tree has no such node.</exception>
    public (long From, long To) LeavesOf(long node)
    {
        var height = Depth - LevelOf(node);
        var from = (node << height) - Leaves;
        return (from, from + (1L << height));
    }

    /// <summary>The L + 1 nodes that hold a leaf, from the leaf up to the root.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tree has no such leaf.</exception>
    public long[] PathOf(long leaf)
    {
        var path = new long[Levels];
        var node = LeafNode(leaf);
        for (var i = 0; i < path.Length; i++, node >>= 1)
            path[i] = node;
        return path;
    }

    /// <summary>
    /// The fewest nodes that hold exactly the leaves [<paramref name="from"/>, <paramref name="to"/>), each leaf in one of them, from left to right:
    /// at most 2 log2 m (one for m = 1), none for an empty range.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves [0, m] or runs backwards.</exception>
    public IReadOnlyList<long> NodesOf(long from, long to)
    {
        if (from < 0 || from > to || to > Leaves)
            throw new ArgumentOutOfRangeException(nameof(from), $"a range of leaves must lie within [0, {Leaves}) and not run backwards; [{from}, {to}) does not");
        List<long> nodes = [], right = [];
        for (long low = from + Leaves, high = to + Leaves; low < high; low >>= 1, high >>= 1)
        {
            if ((low & 1) != 0)
                nodes.Add(low++);
            if ((high & 1) != 0)
                right.Add(--high);
        }
        right.Reverse();
        nodes.AddRange(right);
        return nodes;
    }

    /// <summary>The nodes of the first <paramref name="leaves"/> leaves: one per bit of that number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 0 or above m.</exception>
    public IReadOnlyList<long> NodesOfPrefix(long leaves) => NodesOf(0, leaves);

    /// <summary>
    /// The nodes that are complete once a leaf is, leaves filling from left to right, and were not before: the leaf, then each parent whose last
    /// leaf it is. In a growing tree these are released when the leaf closes; over all leaves each node comes once.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The tree has no such leaf.</exception>
    public IReadOnlyList<long> NodesCompletedBy(long leaf)
    {
        var node = LeafNode(leaf);
        List<long> nodes = [node];
        for (; (node & 1) != 0 && node > 1; node >>= 1)
            nodes.Add(node >> 1);
        return nodes;
    }

    /// <summary>
    /// The number, in this tree, of a node of the subtree below <paramref name="root"/> that counts itself from 1: a shard that holds a whole
    /// subtree numbers its nodes as if it were alone.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The tree or the subtree has no such node.</exception>
    public long NodeInSubtree(long root, long node)
    {
        var below = new TreeShape(Depth - LevelOf(root)).LevelOf(node);
        return (root << below) | (node - (1L << below));
    }

    private long Require(long node) => node >= 1 && node <= Nodes
        ? node
        : throw new ArgumentOutOfRangeException(nameof(node), node, $"nodes are numbered from 1 (the root) to {Nodes}");
}
