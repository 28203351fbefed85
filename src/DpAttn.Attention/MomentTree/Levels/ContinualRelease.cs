using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// A release that grows: rows keep arriving, a block closes on a public event, and the nodes whose last row is in then are released, and never again. Opening one of its tiers is
/// charged once and pays for all its nodes, also those still to come: the ladder is calibrated for all nodes of a full tree.
/// </summary>
/// <remarks>
/// <para><b>Order of writes.</b> (1) the block's manifest, inserted if absent; (2) every tier of every node that it completes, inserted if absent; (3) the next block's manifest, only
/// after all of (2). So a crash leaves at most the nodes of the last block missing, opening releases them, and no node is ever computed from rows that were not frozen first.</para>
/// <para><b>Two processes</b> may do this at once: manifests and nodes are the first writer's. What the other computed is the same integers, since noise is a function of the node's
/// manifest (<see cref="NodeManifest"/>); if it ever is not, this class stops rather than hand out two values.</para>
/// <para><b>Memory.</b> One exact matrix per level of the tree at most, that of the complete left neighbours that wait for their sibling, besides the manifests of all blocks (some 150
/// bytes each). One instance is for one caller at a time.</para>
/// </remarks>
public sealed class ContinualRelease
{
    private readonly ContinualFrame _frame;
    private readonly IContinualStore _store;
    private readonly Func<NodeManifest, INoiseSource> _noise;
    private readonly DrawOn _drawOn;
    private readonly List<BlockManifest> _blocks = [];

    // Complete nodes whose sibling to the right is not; exact sums where this process has them.
    private readonly Dictionary<long, (NodeManifest Manifest, MomentMatrix? Exact)> _waiting = [];

    private ContinualRelease(ContinualFrame frame, IContinualStore store, Func<NodeManifest, INoiseSource> noise, DrawOn? drawOn) =>
        (_frame, _store, _noise, _drawOn) = (frame, store, noise, drawOn ?? ((draw, _) => Task.FromResult(draw())));

    /// <summary>Where noise is drawn: a node may take seconds, which belong on threads of their own in a process that answers.</summary>
    internal delegate Task<IReadOnlyList<ReleasedNode>> DrawOn(Func<IReadOnlyList<ReleasedNode>> draw, CancellationToken cancellationToken);

    /// <summary>The blocks that are closed and released: what may be answered from.</summary>
    public TreeExtent Extent { get; private set; }

    /// <summary>The slots in them: the rows that a prefix of all blocks covers.</summary>
    public long Slots { get; private set; }

    /// <summary>Opens a release, new or stored, and releases what a crash left missing.</summary>
    /// <param name="frame">What was fixed before the first row.</param>
    /// <param name="secret">The release's 32 secret bytes, kept until the store is full or closed for ever.</param>
    /// <param name="store">Where it is kept.</param>
    /// <param name="threads">How many threads draw noise; no value depends on it.</param>
    /// <param name="cancellationToken">Stops between steps; each may be repeated.</param>
    /// <exception cref="InvalidDataException">Stored blocks or nodes that do not belong together.</exception>
    public static Task<ContinualRelease> OpenAsync(
        ContinualFrame frame, ReadOnlyMemory<byte> secret, IContinualStore store, int threads = 1, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(store);
        return OpenAsync(frame, store, manifest => new KeyedNoise(manifest.Key(secret.Span), threads), cancellationToken);
    }

    /// <summary>The same with noise from where the caller says: the service's seam, through which its tests record and replay.</summary>
    internal static async Task<ContinualRelease> OpenAsync(
        ContinualFrame frame, IContinualStore store, Func<NodeManifest, INoiseSource> noise, CancellationToken cancellationToken, DrawOn? drawOn = null)
    {
        var release = new ContinualRelease(frame, store, noise, drawOn);
        BlockManifest? last = null;
        await foreach (var block in store.BlocksAsync(cancellationToken).ConfigureAwait(false))
        {
            // A block was frozen only after all nodes of the one before it were stored.
            if (last is not null)
                release.Settle(last, release.Climb(last), null);
            last = block;
        }
        if (last is not null)
            await release.ReleaseAsync(last, cancellationToken).ConfigureAwait(false);
        return release;
    }

    /// <summary>
    /// Closes the next block, on its slot count or by the owner's public decision, and releases the nodes that it completes. May be repeated after any failure; the same block may
    /// meanwhile have been closed by another process, with other rows.
    /// </summary>
    /// <param name="slots">The slots in it. Those that it has beyond them stay empty for ever.</param>
    /// <param name="rows">The digest of its frozen rows (<see cref="BlockManifest"/>).</param>
    /// <param name="cancellationToken">Stops between steps; each may be repeated.</param>
    /// <returns>What was frozen: rows that the caller meant for this block and that are not in it belong to a later one.</returns>
    /// <exception cref="InvalidOperationException">The store is full.</exception>
    /// <exception cref="ArgumentException">No slots, more than the block or the capacity holds, or a digest that is not 32 bytes long.</exception>
    /// <exception cref="InvalidDataException">Stored blocks or nodes that do not belong together.</exception>
    public async Task<BlockManifest> CloseAsync(int slots, ReadOnlyMemory<byte> rows, CancellationToken cancellationToken = default)
    {
        if (Extent.IsFinished)
            throw new InvalidOperationException($"the store is full: {Slots} slots in {Extent.Blocks} blocks");
        var block = new BlockManifest(Extent.Blocks, Slots, slots, rows.Span);
        _ = _frame.IsLast(block);
        var frozen = await _store.FreezeAsync(block, cancellationToken).ConfigureAwait(false);
        await ReleaseAsync(frozen, cancellationToken).ConfigureAwait(false);
        return frozen;
    }

    private async Task ReleaseAsync(BlockManifest block, CancellationToken cancellationToken)
    {
        var completed = Climb(block);
        MomentMatrix? exact = null;
        for (var i = 0; i < completed.Count; i++)
        {
            var stored = await IsStoredAsync(completed[i], cancellationToken).ConfigureAwait(false);
            exact = stored ? null : await ExactAsync(completed, i, exact, block, cancellationToken).ConfigureAwait(false);
            if (exact is not null)
                await PublishAsync(completed[i], exact, cancellationToken).ConfigureAwait(false);
        }
        Settle(block, completed, exact);
    }

    /// <summary>The manifests of the nodes that a block completes, from its leaf upward.</summary>
    private List<NodeManifest> Climb(BlockManifest block)
    {
        if (block.Block != Extent.Blocks || block.FirstSlot != Slots || Extent.IsFinished)
            throw new InvalidDataException($"block {block.Block} after {block.FirstSlot} slots was stored where block {Extent.Blocks} after {Slots} slots belongs");
        List<NodeManifest> nodes = [NodeManifest.Of(_frame, block)];
        foreach (var _ in _frame.Tree.NodesCompletedBy(block.Block, _frame.IsLast(block)).Skip(1))
        {
            var below = nodes[^1];
            nodes.Add(IsRight(below.Node) ? NodeManifest.Of(_waiting[below.Node - 1].Manifest, below) : NodeManifest.Of(below, null));
        }
        return nodes;
    }

    private void Settle(BlockManifest block, List<NodeManifest> completed, MomentMatrix? exact)
    {
        foreach (var node in completed.Take(completed.Count - 1).Where(node => IsRight(node.Node)))
            _waiting.Remove(node.Node - 1);
        _waiting[completed[^1].Node] = (completed[^1], exact);
        _blocks.Add(block);
        Extent = new TreeExtent(_blocks.Count, _frame.IsLast(block));
        Slots += block.Slots;
    }

    private async Task<bool> IsStoredAsync(NodeManifest node, CancellationToken cancellationToken)
    {
        for (var tier = 0; tier < _frame.Ladder.TierCount; tier++)
        {
            var stored = await _store.ReadNodeAsync(node.Node, tier, cancellationToken).ConfigureAwait(false);
            if (stored is null)
                return false;
            if (stored.Moments.Slots != node.Slots)
                throw new InvalidDataException($"node {node.Node} is stored at tier {tier} with {stored.Moments.Slots} slots where {node.Slots} were frozen; nothing more is released");
        }
        return true;
    }

    /// <summary>The exact sums of a completed node: its children's, where this process has the one that just closed, else those of its rows.</summary>
    private async Task<MomentMatrix> ExactAsync(List<NodeManifest> completed, int at, MomentMatrix? below, BlockManifest closing, CancellationToken cancellationToken)
    {
        if (below is null)
            return await SumAsync(completed[at], closing, cancellationToken).ConfigureAwait(false);
        var total = MomentMatrix.Empty(_frame.Tree.Moments);
        if (IsRight(completed[at - 1].Node))
        {
            var (left, exact) = _waiting[completed[at - 1].Node - 1];
            total.Add(exact ?? await SumAsync(left, closing, cancellationToken).ConfigureAwait(false));
        }
        total.Add(below);
        return total;
    }

    private async Task<MomentMatrix> SumAsync(NodeManifest node, BlockManifest closing, CancellationToken cancellationToken)
    {
        var (from, to) = _frame.Tree.Tree.LeavesOf(node.Node);
        var (first, end) = ((int)Math.Min(from, _blocks.Count), (int)Math.Min(to, _blocks.Count));
        var blocks = _blocks.GetRange(first, end - first);
        if (closing.Block >= from && closing.Block < to)
            blocks.Add(closing);
        var exact = await _store.SumAsync(blocks, cancellationToken).ConfigureAwait(false);
        return exact.Slots == node.Slots
            ? exact
            : throw new InvalidDataException($"the store summed {exact.Slots} slots of node {node.Node} where {node.Slots} were frozen");
    }

    private async Task PublishAsync(NodeManifest node, MomentMatrix exact, CancellationToken cancellationToken)
    {
        var tiers = await _drawOn(() => ReleasedNode.Publish(_frame.Tree, new MomentNode(node.Node, exact), _frame.Ladder, _noise(node)), cancellationToken).ConfigureAwait(false);
        foreach (var own in tiers)
        {
            var stored = await _store.PutNodeAsync(own, cancellationToken).ConfigureAwait(false);
            if (stored.Moments.Slots != own.Moments.Slots || !stored.Moments.Values.AsSpan().SequenceEqual(own.Moments.Values))
                throw new InvalidDataException($"node {node.Node} is stored at tier {own.Moments.Tier} with other integers than its manifest gives; nothing more is released");
        }
    }

    private static bool IsRight(long node) => node > 1 && (node & 1) != 0;
}
