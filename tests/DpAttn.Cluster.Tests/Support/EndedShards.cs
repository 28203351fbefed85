namespace DpAttn.Cluster.Tests;

/// <summary>Shards that answer when their sums are finished or have failed, so that none stores anything after the publish has ended.</summary>
internal sealed class EndedShards(IShardSums shards) : IShardSums
{
    public async Task<ShardProgress> SumAsync(int shard, CancellationToken cancellationToken)
    {
        while (true)
        {
            var progress = await shards.SumAsync(shard, cancellationToken);
            if (progress.IsDone || progress.Failure is not null)
                return progress;
            await Task.Delay(1, cancellationToken);
        }
    }

    public Task<LongBlock> ReadAsync(int shard, int start, int count, CancellationToken cancellationToken) => shards.ReadAsync(shard, start, count, cancellationToken);

    public Task<PartSums> ReadBlocksAsync(int shard, long from, long to, CancellationToken cancellationToken) => shards.ReadBlocksAsync(shard, from, to, cancellationToken);

    public Task ForgetAsync(int shard, CancellationToken cancellationToken) => shards.ForgetAsync(shard, cancellationToken);
}
