namespace DpAttn.Cluster;

/// <summary>How the growth of a continual release reaches the shards. Rows stay there: digests and exact sums come.</summary>
internal interface IShardBlocks
{
    /// <summary>Some rows of a segment, from one on: how many of them hold so many slots, and what freezes them.</summary>
    Task<SegmentSlice> SliceAsync(int shard, SliceCommand command, CancellationToken cancellationToken);

    /// <summary>Starts a shard's sums over blocks, or says how far they are.</summary>
    Task<ShardProgress> SumAsync(int shard, BlockSumCommand command, CancellationToken cancellationToken);

    /// <summary>A piece of a shard's finished sums over blocks.</summary>
    Task<LongBlock> ReadAsync(int shard, string key, int start, int count, CancellationToken cancellationToken);

    /// <summary>Tells a shard that its sums over blocks are not needed any more.</summary>
    Task ForgetAsync(int shard, string key, CancellationToken cancellationToken);
}
