using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// What a continual release fixes before its first row: the tree, the ladder, the arithmetic, the sampler, and which release it is. Every node's manifest begins with its digest.
/// </summary>
public sealed class ContinualFrame
{
    private readonly byte[] _digest;

    /// <summary>A frame.</summary>
    /// <param name="tree">A continual tree.</param>
    /// <param name="ladder">Its ladder.</param>
    /// <param name="release">32 bytes that name the release and the store's incarnation: a digest, or random bytes that are stored with it.</param>
    /// <exception cref="ArgumentException">The tree is not continual, the ladder was calibrated for something else, or not 32 bytes.</exception>
    public ContinualFrame(MomentTreeParameters tree, NoiseLadder ladder, ReadOnlySpan<byte> release)
    {
        ArgumentNullException.ThrowIfNull(tree);
        if (!tree.IsContinual)
            throw new ArgumentException("the tree's parameters do not state that rows keep arriving", nameof(tree));
        tree.RequireLadder(ladder);
        if (release.Length != ReleaseKey.Bytes)
            throw new ArgumentException($"the name of a release has {ReleaseKey.Bytes} bytes, not {release.Length}", nameof(release));
        (Tree, Ladder) = (tree, ladder);
        using var hash = new CanonicalHash($"dpattn continual frame {MomentAccumulator.ArithmeticVersion}");
        MomentManifest.Append(hash, tree, ladder);
        hash.Append(release);
        _digest = hash.Finish();
    }

    /// <summary>The tree.</summary>
    public MomentTreeParameters Tree { get; }

    /// <summary>The ladder.</summary>
    public NoiseLadder Ladder { get; }

    /// <summary>SHA-256 of all that is fixed.</summary>
    public ReadOnlySpan<byte> Digest => _digest;

    /// <summary>Whether a store is full with a block: then no slot can ever be filled after it.</summary>
    /// <exception cref="ArgumentException">The block is none of the tree's, or holds more slots than a block or the store has.</exception>
    public bool IsLast(BlockManifest block)
    {
        ArgumentNullException.ThrowIfNull(block);
        var capacity = Tree.Moments.Schema.Capacity;
        if (block.Block >= Tree.Tree.Leaves || block.Slots > Tree.BlockRows || block.FirstSlot > capacity - block.Slots)
            throw new ArgumentException($"block {block.Block} with {block.Slots} slots after {block.FirstSlot} does not fit {Tree.Tree.Leaves} blocks of {Tree.BlockRows} and a capacity of {capacity}", nameof(block));
        return block.FirstSlot + block.Slots == capacity || block.Block == Tree.Tree.Leaves - 1;
    }
}
