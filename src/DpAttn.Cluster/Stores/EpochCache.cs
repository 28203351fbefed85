using System.Collections.Concurrent;

namespace DpAttn.Cluster;

/// <summary>
/// A cache that lives as long as the generation stands still and is polled. An entry counts only in the epoch that its load began in, so what was being
/// loaded while caches were dropped never counts. Only what was found is kept; what was not found is looked up again.
/// </summary>
internal sealed class EpochCache<TKey, TValue>(Generation generation, int mostEntries = 100_000)
    where TKey : notnull
    where TValue : class
{
    private readonly ConcurrentDictionary<TKey, Entry> _entries = new();

    /// <summary>What is kept for a key, or what loading it finds.</summary>
    public async ValueTask<TValue?> GetAsync(TKey key, Func<TKey, Task<TValue?>> load)
    {
        if (_entries.TryGetValue(key, out var known) && known.Epoch == generation.Epoch && generation.IsFresh)
            return known.Value;
        var epoch = generation.Epoch;
        var loaded = await load(key);
        if (loaded is null)
            _entries.TryRemove(key, out _);
        else
            Keep(key, new Entry(loaded, epoch));
        return loaded;
    }

    private void Keep(TKey key, Entry entry)
    {
        if (_entries.Count >= mostEntries)
            _entries.Clear();
        _entries.AddOrUpdate(key, entry, (_, other) => other.Epoch > entry.Epoch ? other : entry);
    }

    private sealed record Entry(TValue Value, long Epoch);
}
