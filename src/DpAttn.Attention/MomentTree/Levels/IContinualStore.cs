namespace DpAttn.Attention;

/// <summary>
/// Where a continual release keeps what must outlive a process. Every write inserts if absent and is durable when it returns; nothing is ever changed or taken back.
/// </summary>
public interface IContinualStore
{
    /// <summary>The frozen blocks, from block 0 on.</summary>
    IAsyncEnumerable<BlockManifest> BlocksAsync(CancellationToken cancellationToken);

    /// <summary>Freezes a block unless it is frozen.</summary>
    /// <returns>What is stored: the first writer's manifest.</returns>
    Task<BlockManifest> FreezeAsync(BlockManifest block, CancellationToken cancellationToken);

    /// <summary>The exact sums of exactly the rows that these blocks froze, or a failure: never those of some of them.</summary>
    /// <param name="blocks">Blocks side by side: all that lie below one node.</param>
    /// <param name="cancellationToken">Stops the sum.</param>
    Task<MomentMatrix> SumAsync(IReadOnlyList<BlockManifest> blocks, CancellationToken cancellationToken);

    /// <summary>A released node, or null if it is not stored.</summary>
    Task<ReleasedNode?> ReadNodeAsync(long node, int tier, CancellationToken cancellationToken);

    /// <summary>Stores a node's tier unless it is stored.</summary>
    /// <returns>What is stored, whoever wrote it.</returns>
    Task<ReleasedNode> PutNodeAsync(ReleasedNode node, CancellationToken cancellationToken);
}
