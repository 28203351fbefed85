using DpAttn.Attention;

namespace DpAttn.Auditing;

/// <summary>A continual store: a whole <see cref="ContinualRelease"/> from its first block to its last, each node under the key of its own manifest. Its view is that of <see cref="MomentTreeTarget"/>.</summary>
internal sealed class ContinualTarget : AuditTarget
{
    private readonly ContinualFrame _frame;
    private readonly long[] _nodes;
    private readonly (int Slots, byte[] Digest, MomentMatrix Exact)[][] _blocks;

    /// <summary>A target; the schema's capacity is filled.</summary>
    /// <param name="frame">What is fixed before the first row; the best tier of its ladder is the claim.</param>
    /// <param name="pair">The neighbours; the worst ones where none are given.</param>
    public ContinualTarget(ContinualFrame frame, NeighbourPair? pair = null)
        : base("moment-tree continual", frame.Tree.Moments.Schema.Adjacency, frame.Ladder.Tiers[frame.Ladder.Best].Epsilon, frame.Ladder.Delta)
    {
        _frame = frame;
        var tree = frame.Tree;
        pair ??= MomentTreeTarget.Worst(tree);
        _blocks = [.. new[] { pair.First, pair.Second }.Select(rows => MomentTreeSums.Cut(tree, rows)
            .Select(piece => (piece.Rows.Count, RowDigest.Of(piece.Rows), MomentAccumulator.Sum(tree.Moments, piece.Rows))).ToArray())];
        _nodes = [.. MomentTreeTarget.Seen(tree)];
        StateExact(Sums(pair.First), Sums(pair.Second), frame.Ladder.TierCount, frame.Ladder.Sensitivity);
    }

    private protected override void Release(bool second, ReadOnlySpan<byte> secret, Span<long> released)
    {
        var kept = secret.ToArray();
        var blocks = _blocks[second ? 1 : 0];
        var store = new MemoryStore(block => blocks[block].Exact);
        // The store is in memory: every step has ended when it returns.
        var release = ContinualRelease.OpenAsync(_frame, store, manifest => Noise(manifest.Key(kept)), CancellationToken.None).GetAwaiter().GetResult();
        foreach (var (slots, digest, _) in blocks)
            release.CloseAsync(slots, digest).GetAwaiter().GetResult();
        var length = (int)_frame.Tree.Moments.Dimension;
        for (var t = 0; t < _frame.Ladder.TierCount; t++)
        {
            for (var i = 0; i < _nodes.Length; i++)
                store.Nodes[(_nodes[i], t)].Moments.Values.CopyTo(released[((t * _nodes.Length + i) * length)..]);
        }
    }

    private long[] Sums(RowSet rows)
    {
        var nodes = MomentTreeSums.Of(_frame.Tree, MomentTreeSums.Cut(_frame.Tree, rows)).ToDictionary(node => node.Node, node => node.Sums.Sums);
        return [.. _nodes.SelectMany(node => nodes[node])];
    }

    /// <summary>What a continual release keeps, in memory: writes insert if absent.</summary>
    private sealed class MemoryStore(Func<long, MomentMatrix> exact) : IContinualStore
    {
        private readonly List<BlockManifest> _blocks = [];

        public Dictionary<(long Node, int Tier), ReleasedNode> Nodes { get; } = [];

        public IAsyncEnumerable<BlockManifest> BlocksAsync(CancellationToken cancellationToken) => _blocks.ToAsyncEnumerable();

        public Task<BlockManifest> FreezeAsync(BlockManifest block, CancellationToken cancellationToken)
        {
            if (block.Block == _blocks.Count)
                _blocks.Add(block);
            return Task.FromResult(_blocks[(int)block.Block]);
        }

        public Task<MomentMatrix> SumAsync(IReadOnlyList<BlockManifest> blocks, CancellationToken cancellationToken)
        {
            var total = MomentMatrix.Empty(exact(0).Parameters);
            foreach (var block in blocks)
                total.Add(exact(block.Block));
            return Task.FromResult(total);
        }

        public Task<ReleasedNode?> ReadNodeAsync(long node, int tier, CancellationToken cancellationToken) => Task.FromResult(Nodes.GetValueOrDefault((node, tier)));

        public Task<ReleasedNode> PutNodeAsync(ReleasedNode node, CancellationToken cancellationToken)
        {
            Nodes.TryAdd((node.Node, node.Moments.Tier), node);
            return Task.FromResult(Nodes[(node.Node, node.Moments.Tier)]);
        }
    }
}
