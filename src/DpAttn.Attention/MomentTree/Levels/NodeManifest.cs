using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>What one node of a continual release holds, and so what its noise is bound to.</summary>
/// <remarks>
/// <para><b>Derivation.</b> With H = SHA-256 over length-prefixed fields, and for the 1 that ends each domain <see cref="MomentAccumulator.ArithmeticVersion"/>:</para>
/// <code>
/// frame  = H("dpattn continual frame 1", schema, kernel, lattice, ladder, sampler version, tree, name of the release)
/// leaf   = H("dpattn node manifest 1", frame, node, slots, "block",  block, first slot, slots, digest of its frozen rows)
/// inner  = H("dpattn node manifest 1", frame, node, slots, "joined", left child's digest, right child's digest)
/// key    = HKDF-SHA256(release secret, salt = the node's digest)            (<see cref="ReleaseKey.Derive"/>)
/// noise  = sampler(key, address = (mechanism, tier, node, block of values, variance))
/// </code>
/// <para><b>Why per node.</b> The release's secret is older than most of its rows, so a key of the release alone would put the same noise on whatever rows a resumed or second process
/// believes a node to hold. A node's digest names all rows below it, by way of its blocks' manifests: the same noise never meets two data sets, and two
/// nodes never share a key. Each block's manifest is frozen (inserted if absent) before a node above it is noised, so there is one digest per node ever, hence one noise value
/// per address; a process that believed another one computes noise that is discarded when it loses the insertion.</para>
/// <para>The digest names the rows as salted or unsalted as the blocks' digests do: see <see cref="BlockManifest"/>.</para>
/// </remarks>
public sealed class NodeManifest
{
    private readonly ContinualFrame _frame;
    private readonly byte[] _digest;

    private NodeManifest(ContinualFrame frame, long node, long slots, byte[] digest) => (_frame, Node, Slots, _digest) = (frame, node, slots, digest);

    /// <summary>The node.</summary>
    public long Node { get; }

    /// <summary>The slots below it: a public count.</summary>
    public long Slots { get; }

    /// <summary>Names everything that the node's noise may meet.</summary>
    public ReadOnlySpan<byte> Digest => _digest;

    /// <summary>The manifest of a leaf.</summary>
    /// <exception cref="ArgumentException">The block does not fit the tree.</exception>
    public static NodeManifest Of(ContinualFrame frame, BlockManifest block)
    {
        ArgumentNullException.ThrowIfNull(frame);
        _ = frame.IsLast(block);
        var node = frame.Tree.Tree.LeafNode(block.Block);
        using var hash = Begin(frame, node, block.Slots);
        hash.Append("block");
        hash.Append(block.Block);
        hash.Append(block.FirstSlot);
        hash.Append(block.Slots);
        hash.Append(block.Rows);
        return new NodeManifest(frame, node, block.Slots, hash.Finish());
    }

    /// <summary>The manifest of a parent.</summary>
    /// <param name="left">Its left child.</param>
    /// <param name="right">Its right child; null where the store is full and no slot lies there.</param>
    /// <exception cref="ArgumentException">They are not the two children of one node of one release.</exception>
    public static NodeManifest Of(NodeManifest left, NodeManifest? right)
    {
        ArgumentNullException.ThrowIfNull(left);
        if (left.Node < 2 || (left.Node & 1) != 0 || (right is not null && (right.Node != left.Node + 1 || !ReferenceEquals(right._frame, left._frame))))
            throw new ArgumentException("a node joins its left and its right child of one release", nameof(left));
        var (node, slots) = (left.Node >> 1, left.Slots + (right?.Slots ?? 0));
        using var hash = Begin(left._frame, node, slots);
        hash.Append("joined");
        hash.Append(left.Digest);
        hash.Append(right is null ? [] : right.Digest);
        return new NodeManifest(left._frame, node, slots, hash.Finish());
    }

    /// <summary>The key of the node's noise.</summary>
    /// <param name="secret">The release's 32 secret bytes; they are kept until its last node is released.</param>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public ReleaseKey Key(ReadOnlySpan<byte> secret) => ReleaseKey.Derive(secret, _digest);

    private static CanonicalHash Begin(ContinualFrame frame, long node, long slots)
    {
        var hash = new CanonicalHash($"dpattn node manifest {MomentAccumulator.ArithmeticVersion}");
        hash.Append(frame.Digest);
        hash.Append(node);
        hash.Append(slots);
        return hash;
    }
}
