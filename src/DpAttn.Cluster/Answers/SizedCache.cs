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
    private readonly Dictionary<TKey, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _recent = new();
    private readonly SemaphoreSlim _loads = new(loadsAtOnce);
    private long _bytes;

    /// <summary>Bytes held.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
                return _bytes;
        }
    }

    /// <summary>The value of a key, loaded by whoever asks first.</summary>
    public Task<TValue> GetAsync(TKey key, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(key, out var known))
            {
                _recent.Remove(known);
                _recent.AddFirst(known);
            }
            else
            {
                known = _recent.AddFirst(new Entry(key));
                _entries.Add(key, known);
                // Not with the caller's token: others may wait for the same value.
                _ = Task.Run(() => FillAsync(known), CancellationToken.None);
            }
            var loaded = known.Value.Loaded.Task;
            return loaded.IsCompleted ? loaded : loaded.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Lets values go. Those that are being loaded reach who waits for them and are not kept.</summary>
    public void Remove(Predicate<TKey> isMeant)
    {
        lock (_lock)
        {
            foreach (var entry in _entries.Where(entry => isMeant(entry.Key)).Select(entry => entry.Value).ToArray())
                Remove(entry);
        }
    }

    private async Task FillAsync(LinkedListNode<Entry> entry)
    {
        await _loads.WaitAsync();
        try
        {
            var value = await load(entry.Value.Key);
            Count(entry, bytesOf(value));
            entry.Value.Loaded.SetResult(value);
        }
        catch (Exception e)
        {
            lock (_lock)
                Remove(entry);
            entry.Value.Loaded.SetException(e);
            // Everybody who waited may have given up.
            _ = entry.Value.Loaded.Task.Exception;
        }
        finally
        {
            _loads.Release();
        }
    }

    /// <summary>Counts a value that was loaded, and lets the oldest go until all fit.</summary>
    private void Count(LinkedListNode<Entry> entry, long bytes)
    {
        lock (_lock)
        {
            // Removed while it was being loaded.
            if (entry.List is null)
                return;
            entry.Value.Bytes = bytes;
            _bytes += bytes;
            for (var oldest = _recent.Last; _bytes > limit() && oldest is not null;)
            {
                var previous = oldest.Previous;
                // Those that are being loaded are not counted yet.
                if (oldest != entry && oldest.Value.Bytes > 0)
                    Remove(oldest);
                oldest = previous;
            }
        }
    }

    private void Remove(LinkedListNode<Entry> entry)
    {
        if (entry.List is null)
            return;
        _entries.Remove(entry.Value.Key);
        _recent.Remove(entry);
        _bytes -= entry.Value.Bytes;
    }

    private sealed class Entry(TKey key)
    {
        public TKey Key => key;

        public TaskCompletionSource<TValue> Loaded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Bytes { get; set; }
    }
}
