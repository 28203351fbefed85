namespace DpAttn.Attention;

/// <summary>
/// Exact sums of the nodes of a tree as a stream, from the leaves upward: for a process that holds all rows, or a shard that holds a whole subtree, or any
/// blocks or parts of blocks. Integer sums are exact, so streams of shards merge to the same bits as one stream of all rows.
/// </summary>
/// <remarks>
/// Nodes come in post-order (by their last block; of those that end together, the deeper first), so a parent follows its children and the root is last.
/// <b>Memory:</b> the nodes above the block at hand are the only ones that are open, so a stream holds at most one matrix per level, and the one that it hands on; a
/// merge holds one more per part.
/// </remarks>
public static class MomentTreeSums
{
    /// <summary>Every node that holds any of the pieces, with the exact sums of the pieces' rows.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="pieces">Rows by block, blocks never falling; several pieces may belong to one block.</param>
    /// <param name="clip">As for <see cref="MomentAccumulator.Sum"/>.</param>
    /// <param name="threads">How many threads sum a piece; no sum depends on it.</param>
    /// <param name="cancellationToken">Stops between blocks of rows.</param>
    /// <exception cref="RowRejectedException">A row breaks the bounds. What came before is exact, but nothing of a stream that failed may be released.</exception>
    /// <exception cref="ArgumentException">Blocks out of order, more rows than a block or the store holds, or as for <see cref="MomentAccumulator.Sum"/>.</exception>
    public static IEnumerable<MomentNode> Of(
        MomentTreeParameters tree, IEnumerable<BlockPiece> pieces, bool clip = false, int threads = 1, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(pieces);
        return Leaves(tree, Sums(tree, pieces, clip, threads, cancellationToken));
    }

    /// <summary>Every node above some leaves.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="leaves">Exact sums of leaves or of parts of them, from left to right; they are used up.</param>
    /// <exception cref="ArgumentException">Leaves out of order, no leaves, or more rows than a block or the store holds.</exception>
    public static IEnumerable<MomentNode> Over(MomentTreeParameters tree, IEnumerable<MomentNode> leaves)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(leaves);
        return Leaves(tree, leaves);
    }

    /// <summary>The rows of a set, cut into blocks in slot order.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="firstSlot">The slot of the first one.</param>
    public static IEnumerable<BlockPiece> Cut(MomentTreeParameters tree, RowSet rows, long firstSlot = 0)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(firstSlot);
        return Pieces(tree, rows, firstSlot);
    }

    /// <summary>Adds streams of several shards: each node that any of them has, once, with the sums of all.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="parts">Streams in post-order, such as those of this class; their matrices are used up.</param>
    /// <exception cref="ArgumentException">A stream that is not in post-order, other parameters, or more rows than a node or the store holds.</exception>
    public static IEnumerable<MomentNode> Merge(MomentTreeParameters tree, IReadOnlyList<IEnumerable<MomentNode>> parts)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(parts);
        return Merged(tree, parts);
    }

    private static IEnumerable<BlockPiece> Pieces(MomentTreeParameters tree, RowSet rows, long firstSlot)
    {
        for (var start = 0; start < rows.Count;)
        {
            var slot = firstSlot + start;
            var count = (int)Math.Min(rows.Count - start, tree.BlockRows - slot % tree.BlockRows);
            yield return new BlockPiece(slot / tree.BlockRows, rows.Slice(start, count));
            start += count;
        }
    }

    private static IEnumerable<MomentNode> Sums(MomentTreeParameters tree, IEnumerable<BlockPiece> pieces, bool clip, int threads, CancellationToken cancellationToken)
    {
        // Small pieces share one set of strips, which are far larger than such a piece.
        MomentAccumulator? shared = null;
        foreach (var (block, rows) in pieces)
        {
            var sums = rows.Count > MomentAccumulator.BlockRows
                ? MomentAccumulator.Sum(tree.Moments, rows, clip, threads, cancellationToken: cancellationToken)
                : (shared ??= new MomentAccumulator(tree.Moments, clip)).SumOf(rows, cancellationToken);
            yield return new MomentNode(tree.Tree.LeafNode(block), sums);
        }
    }

    private static IEnumerable<MomentNode> Leaves(MomentTreeParameters tree, IEnumerable<MomentNode> leaves)
    {
        // The open nodes on the way from the root to the block at hand, by level.
        var open = new MomentMatrix?[tree.Tree.Levels];
        long at = 0;
        foreach (var (leaf, sums) in leaves)
        {
            if (tree.Tree.LevelOf(leaf) != tree.Tree.Depth || leaf < at)
                throw new ArgumentException("a stream of sums needs leaves from left to right", nameof(leaves));
            if (at != 0 && leaf != at)
            {
                foreach (var done in Close(tree, open, at, leaf))
                    yield return done;
            }
            at = leaf;
            Add(tree, ref open[^1], leaf, sums);
        }
        if (at == 0)
            throw new ArgumentException("a stream of sums needs at least one leaf", nameof(leaves));
        foreach (var done in Close(tree, open, at, next: 0))
            yield return done;
    }

    /// <summary>Closes the open nodes that do not hold the next leaf (0: none is left), from the leaf upward.</summary>
    private static IEnumerable<MomentNode> Close(MomentTreeParameters tree, MomentMatrix?[] open, long leaf, long next)
    {
        for (int level = tree.Tree.Depth, height = 0; level >= 0 && leaf >> height != next >> height; level--, height++)
        {
            var sums = open[level]!;
            open[level] = null;
            if (level > 0)
            {
                ref var parent = ref open[level - 1];
                parent ??= MomentMatrix.Empty(tree.Moments);
                parent.Add(sums);
            }
            yield return new MomentNode(leaf >> height, sums);
        }
    }

    private static IEnumerable<MomentNode> Merged(MomentTreeParameters tree, IReadOnlyList<IEnumerable<MomentNode>> parts)
    {
        var heads = parts.Select(part => part.GetEnumerator()).ToList();
        try
        {
            var live = heads.Where(head => head.MoveNext()).ToList();
            while (live.Count > 0)
            {
                var node = live.Select(head => head.Current.Node).MinBy(n => PostOrder(tree, n));
                MomentMatrix? total = null;
                for (var i = live.Count - 1; i >= 0; i--)
                {
                    if (live[i].Current.Node != node)
                        continue;
                    Add(tree, ref total, node, live[i].Current.Sums);
                    if (!live[i].MoveNext())
                        live.RemoveAt(i);
                    else if (PostOrder(tree, live[i].Current.Node).CompareTo(PostOrder(tree, node)) <= 0)
                        throw new ArgumentException($"node {live[i].Current.Node} came after node {node}: a stream to merge is in post-order", nameof(parts));
                }
                yield return new MomentNode(node, total!);
            }
        }
        finally
        {
            heads.ForEach(head => head.Dispose());
        }
    }

    private static (long End, int Above) PostOrder(MomentTreeParameters tree, long node) => (tree.Tree.LeavesOf(node).To, -tree.Tree.LevelOf(node));

    /// <summary>The first matrix is taken over, others are added to it.</summary>
    private static void Add(MomentTreeParameters tree, ref MomentMatrix? total, long node, MomentMatrix sums)
    {
        var (from, to) = tree.Tree.LeavesOf(node);
        if (!ReferenceEquals(sums.Parameters, tree.Moments))
            throw new ArgumentException("moment matrices of different parameters cannot be added", nameof(sums));
        if (sums.Slots + (total?.Slots ?? 0) > (to - from) * (Int128)tree.BlockRows)
            throw new ArgumentException($"blocks [{from}, {to}) would hold more than {tree.BlockRows} slots each", nameof(sums));
        if (total is null)
            total = sums;
        else
            total.Add(sums);
    }
}
