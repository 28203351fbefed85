using DpAttn.Attention;

namespace DpAttn.Cluster;

/// <summary>
/// Turns exact sums of blocks, pushed from left to right, into those of all nodes above them, each as soon as its last block is in: the order of <see cref="MomentTreeSums"/>, for blocks that
/// have to be waited for. It holds the complete left children whose sibling is not: one matrix per level at most.
/// </summary>
internal sealed class NodeClimb(MomentTreeParameters tree, long blocks)
{
    private readonly Dictionary<long, MomentMatrix> _waiting = [];
    private long _next;

    /// <summary>The nodes that are complete with the next block, from its leaf upward.</summary>
    /// <param name="leaf">The block's sums, which are used up.</param>
    /// <returns>To be looked at one after another: a node's sums become its parent's.</returns>
    /// <exception cref="InvalidOperationException">All blocks were pushed.</exception>
    public IEnumerable<MomentNode> Push(MomentMatrix leaf)
    {
        if (_next == blocks)
            throw new InvalidOperationException($"the release has {blocks} blocks");
        return Climb(tree.Tree.LeafNode(_next++), leaf);
    }

    private IEnumerable<MomentNode> Climb(long node, MomentMatrix sums)
    {
        var isLast = _next == blocks;
        while (true)
        {
            yield return new MomentNode(node, sums);
            if (node == 1)
                yield break;
            if ((node & 1) == 0 && !isLast)
            {
                _waiting.Add(node, sums);
                yield break;
            }
            // A left child that the last block completes has nothing beside it.
            if ((node & 1) != 0)
            {
                _waiting.Remove(node - 1, out var left);
                left!.Add(sums);
                sums = left;
            }
            node >>= 1;
        }
    }
}
