namespace DpAttn.Cluster;

/// <summary>How a publish reaches the shards.</summary>
internal interface IShardSums
{
    /// <summary>Starts a shard's sums, or says how far they are.</summary>
    Task<ShardProgress> SumAsync(int shard, CancellationToken cancellationToken);

    /// <summary>A piece of a shard's finished sums.</summary>
    Task<LongBlock> ReadAsync(int shard, int start, int count, CancellationToken cancellationToken);

    /// <summary>A shard's finished sums of those of the blocks [from, to) that hold slots of it, in their order.</summary>
    Task<PartSums> ReadBlocksAsync(int shard, long from, long to, CancellationToken cancellationToken);

    /// <summary>Tells a shard that its sums are not needed any more.</summary>
    Task ForgetAsync(int shard, CancellationToken cancellationToken);
}
