namespace DpAttn.Cluster;

/// <summary>The entries of a cache in the order of their last use, with the bytes of each. Not for several threads at once: its holder has a lock.</summary>
internal sealed class RecentlyUsed<TKey, TValue>
    where TKey : notnull
    where TValue : class
{
    private readonly Dictionary<TKey, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _recent = new();

    /// <summary>Bytes of all entries.</summary>
    public long Bytes { get; private set; }

    /// <summary>The value of a key, which is the most recently used then; null if there is none.</summary>
    public TValue? Find(TKey key)
    {
        if (!_entries.TryGetValue(key, out var known))
            return null;
        _recent.Remove(known);
        _recent.AddFirst(known);
        return known.Value.Value;
    }

    /// <summary>Adds a value as the most recently used, unless its key has one.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="bytes">Its bytes; 0 while they are not known, and until then it stays.</param>
    public void TryAdd(TKey key, TValue value, long bytes)
    {
        if (_entries.ContainsKey(key))
            return;
        _entries.Add(key, _recent.AddFirst(new Entry(key, value) { Bytes = bytes }));
        Bytes += bytes;
    }

    /// <summary>Counts the bytes of a value that was added without, if it is still there.</summary>
    public void Count(TKey key, TValue value, long bytes)
    {
        if (!_entries.TryGetValue(key, out var known) || known.Value.Value != value)
            return;
        Bytes += bytes - known.Value.Bytes;
        known.Value.Bytes = bytes;
    }

    /// <summary>Lets the least recently used go until the rest fits.</summary>
    /// <param name="limit">Bytes that may be held.</param>
    /// <param name="kept">What stays even when it alone is larger; null for nothing.</param>
    public void Trim(long limit, TValue? kept = null)
    {
        for (var oldest = _recent.Last; Bytes > limit && oldest is not null;)
        {
            var previous = oldest.Previous;
            if (oldest.Value.Bytes > 0 && oldest.Value.Value != kept)
                Remove(oldest);
            oldest = previous;
        }
    }

    /// <summary>Lets a value go, if its key still has it.</summary>
    public void Remove(TKey key, TValue value)
    {
        if (_entries.TryGetValue(key, out var known) && known.Value.Value == value)
            Remove(known);
    }

    /// <summary>Lets values go.</summary>
    public void Remove(Predicate<TKey> isMeant)
    {
        foreach (var known in _entries.Where(entry => isMeant(entry.Key)).Select(entry => entry.Value).ToArray())
            Remove(known);
    }

    private void Remove(LinkedListNode<Entry> known)
    {
        _entries.Remove(known.Value.Key);
        _recent.Remove(known);
        Bytes -= known.Value.Bytes;
    }

    private sealed class Entry(TKey key, TValue value)
    {
        public TKey Key => key;

        public TValue Value => value;

        public long Bytes { get; set; }
    }
}
