namespace DpAttn.Cluster;

/// <summary>
/// A cache that is bounded in bytes: what is missing is loaded once, by whoever asks first, and the least recently used go first. A failure is told to all who wait and
/// is not remembered.
/// </summary>
/// <param name="loadsAtOnce">What is being loaded takes more than its size, so only so many are at once.</param>
/// <param name="limit">Bytes that may be held; the newest stays even when it alone is larger.</param>
/// <param name="load">Loads a value.</param>
/// <param name="bytesOf">The bytes of one.</param>
internal sealed class SizedCache<TKey, TValue>(int loadsAtOnce, Func<long> limit, Func<TKey, Task<TValue>> load, Func<TValue, long> bytesOf)
    where TKey : notnull
{
    private readonly Lock _lock = new();
    private readonly RecentlyUsed<TKey, TaskCompletionSource<TValue>> _entries = new();
    private readonly SemaphoreSlim _loads = new(loadsAtOnce);

    /// <summary>Bytes held.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
                return _entries.Bytes;
        }
    }

    /// <summary>The value of a key, loaded by whoever asks first.</summary>
    public Task<TValue> GetAsync(TKey key, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_entries.Find(key) is not { } loading)
            {
                loading = new TaskCompletionSource<TValue>(TaskCreationOptions.RunContinuationsAsynchronously);
                // Not counted yet, so that it stays while it is being loaded.
                _entries.TryAdd(key, loading, 0);
                // Not with the caller's token: others may wait for the same value.
                _ = Task.Run(() => FillAsync(key, loading), CancellationToken.None);
            }
            return loading.Task.IsCompleted ? loading.Task : loading.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Lets values go. Those that are being loaded reach who waits for them and are not kept.</summary>
    public void Remove(Predicate<TKey> isMeant)
    {
        lock (_lock)
            _entries.Remove(isMeant);
    }

    private async Task FillAsync(TKey key, TaskCompletionSource<TValue> loading)
    {
        await _loads.WaitAsync();
        try
        {
            var value = await load(key);
            lock (_lock)
            {
                _entries.Count(key, loading, bytesOf(value));
                _entries.Trim(limit(), kept: loading);
            }
            loading.SetResult(value);
        }
        catch (Exception e)
        {
            lock (_lock)
                _entries.Remove(key, loading);
            loading.SetException(e);
            // Everybody who waited may have given up.
            _ = loading.Task.Exception;
        }
        finally
        {
            _loads.Release();
        }
    }
}
