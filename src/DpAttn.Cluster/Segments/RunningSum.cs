using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>One release's sums of a shard, under way or finished.</summary>
/// <param name="segments">How many segments are summed.</param>
/// <param name="compute">Sums them.</param>
/// <param name="leaves">Where the sums are read from that are kept block by block; null where they are in memory.</param>
internal sealed class RunningSum(int segments, Func<IProgress<int>, CancellationToken, Task<ExactSums>> compute, ShardLeaves? leaves = null) : IProgress<int>
{
    private readonly CancellationTokenSource _stop = new();
    private Task<ExactSums>? _task;
    private int _done;

    /// <summary>The sums once they are finished, or null.</summary>
    public long[]? Sums => _task is { IsCompletedSuccessfully: true } ? _task.Result.Values : null;

    /// <summary>The sums block by block once they are finished, or null.</summary>
    public ShardLeaves? Leaves => _task is { IsCompletedSuccessfully: true } ? leaves : null;

    /// <summary>Whether it ended without a result, and not because of what is stored.</summary>
    public bool MayBeTriedAgain => _task is { IsCompleted: true, IsCompletedSuccessfully: false } && Corruption is null;

    private StorageCorruptException? Corruption => _task?.Exception?.InnerException as StorageCorruptException;

    public void Start() => _task = compute(this, _stop.Token);

    public void Stop() => _stop.Cancel();

    public void Report(int value) => Interlocked.Add(ref _done, value);

    public ShardProgress Describe() => _task is { IsCompletedSuccessfully: true }
        ? new ShardProgress(segments, segments, IsDone: true, _task.Result.Slots, null, _task.Result.Digest)
        : new ShardProgress(Volatile.Read(ref _done), segments, IsDone: false, 0, Corruption?.Message);
}
