using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Exact sums of frozen blocks over all shards: of all of them, or a failure.</summary>
internal sealed class BlockSums(IShardBlocks shards, int count, FanOut fanOut, TimeProvider clock)
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Adds the blocks' sums to a total.</summary>
    /// <param name="command">The blocks.</param>
    /// <param name="slots">The slots that were frozen in them.</param>
    /// <param name="total">What they are added to.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageCorruptException">What was frozen is not there.</exception>
    /// <exception cref="ProblemException">shard_unavailable.</exception>
    public async Task AddToAsync(BlockSumCommand command, long slots, ExactSums total, CancellationToken cancellationToken)
    {
        var summed = await SumAsync(command, cancellationToken);
        if (summed != slots)
            throw new StorageCorruptException($"the shards summed {summed} slots of {command.Contents.Length} blocks from block {command.FirstBlock} on where {slots} were frozen");
        for (var start = 0; start < total.Values.Length; start += LongBlock.MostValues)
        {
            int from = start, size = Math.Min(LongBlock.MostValues, total.Values.Length - start);
            await fanOut.RunAsync(
                count,
                (shard, token) => shards.ReadAsync(shard, command.Key, from, size, token),
                (shard, block) => LongBlock.Add(total.Values.AsSpan(from, size), shard, block.Values),
                cancellationToken);
        }
        total.Slots += slots;
        await ForgetAsync(command, cancellationToken);
    }

    private async Task<long> SumAsync(BlockSumCommand command, CancellationToken cancellationToken)
    {
        var done = new ShardProgress[count];
        for (var pause = ShortestPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            await fanOut.RunAsync(count, (shard, token) => shards.SumAsync(shard, command, token), (shard, progress) => done[shard] = progress, cancellationToken);
            if (Array.Find(done, progress => progress.Failure is not null) is { Failure: { } failure })
                throw new StorageCorruptException(failure);
            if (done.All(progress => progress.IsDone))
                return done.Sum(progress => progress.Slots);
            await Task.Delay(pause, clock, cancellationToken);
        }
    }

    /// <summary>One that does not hear it forgets them when it is idle.</summary>
    private async Task ForgetAsync(BlockSumCommand command, CancellationToken cancellationToken)
    {
        try
        {
            await fanOut.TellAsync(count, (shard, token) => shards.ForgetAsync(shard, command.Key, token), cancellationToken);
        }
        catch (ProblemException)
        {
            // The sums are in hand all the same.
        }
    }
}
