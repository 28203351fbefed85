namespace DpAttn.Attention.Tests;

/// <summary>The process died: before or after what it was writing was durable.</summary>
internal sealed class CrashException : Exception;

/// <summary>
/// What a continual release keeps, in memory: writes insert if absent. Every step may crash, before or after it is durable, and everything that was ever offered is in the journal.
/// </summary>
internal class MemoryContinualStore(Func<BlockManifest, MomentMatrix> sumOf) : IContinualStore
{
    private readonly Dictionary<long, BlockManifest> _blocks = [];
    private readonly Dictionary<(long Node, int Tier), ReleasedNode> _nodes = [];

    /// <summary>Whether the step at hand crashes.</summary>
    public Func<bool> Crashes { get; set; } = () => false;

    /// <summary>Every node that was offered for storage, with the number of blocks frozen at that time.</summary>
    public List<(ReleasedNode Node, int Blocks)> Journal { get; } = [];

    public int CrashCount { get; private set; }

    public IReadOnlyList<BlockManifest> Blocks => [.. _blocks.OrderBy(block => block.Key).Select(block => block.Value)];

    public IEnumerable<ReleasedNode> Nodes => _nodes.Values;

    public ReleasedNode? Read(long node, int tier) => _nodes.GetValueOrDefault((node, tier));

    public async IAsyncEnumerable<BlockManifest> BlocksAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var block in Blocks)
        {
            Step();
            await Task.Yield();
            yield return block;
        }
    }

    public async Task<BlockManifest> FreezeAsync(BlockManifest block, CancellationToken cancellationToken)
    {
        Step();
        await Task.Yield();
        _blocks.TryAdd(block.Block, block);
        Step();
        return _blocks[block.Block];
    }

    public async Task<MomentMatrix> SumAsync(IReadOnlyList<BlockManifest> blocks, CancellationToken cancellationToken)
    {
        Step();
        await Task.Yield();
        var total = MomentMatrix.Empty(sumOf(blocks[0]).Parameters);
        foreach (var block in blocks)
            total.Add(sumOf(block));
        return total;
    }

    public virtual Task<ReleasedNode?> ReadNodeAsync(long node, int tier, CancellationToken cancellationToken)
    {
        Step();
        return Task.FromResult(Read(node, tier));
    }

    public async Task<ReleasedNode> PutNodeAsync(ReleasedNode node, CancellationToken cancellationToken)
    {
        Step();
        await Task.Yield();
        Journal.Add((node, _blocks.Count));
        Keep(_nodes, node);
        Step();
        return _nodes[(node.Node, node.Moments.Tier)];
    }

    protected virtual void Keep(Dictionary<(long Node, int Tier), ReleasedNode> nodes, ReleasedNode node) => nodes.TryAdd((node.Node, node.Moments.Tier), node);

    private void Step()
    {
        if (!Crashes())
            return;
        CrashCount++;
        throw new CrashException();
    }
}
