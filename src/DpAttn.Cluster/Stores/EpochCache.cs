using System.Collections.Concurrent;

namespace DpAttn.Cluster;

/// <summary>A cache that lives as long as the generation stands still. Only what was found is kept; what was not found is looked up again.</summary>
internal sealed class EpochCache<TKey, TValue>
    where TKey : notnull
    where TValue : class
{
    private const int MostEntries = 100_000;
    private readonly Generation _generation;
    private readonly ConcurrentDictionary<TKey, TValue> _entries = new();

    public EpochCache(Generation generation)
    {
        _generation = generation;
        generation.Changed += _entries.Clear;
    }

    public async ValueTask<TValue?> GetAsync(TKey key, Func<TKey, Task<TValue?>> load)
    {
        if (_entries.TryGetValue(key, out var known))
            return known;
        var epoch = _generation.Epoch;
        var loaded = await load(key);
        if (loaded is not null)
            Keep(key, loaded, epoch);
        return loaded;
    }

    public void Set(TKey key, TValue value, long epoch) => Keep(key, value, epoch);

    public void Remove(TKey key) => _entries.TryRemove(key, out _);

    private void Keep(TKey key, TValue value, long epoch)
    {
        if (_entries.Count >= MostEntries)
            _entries.Clear();
        _entries[key] = value;
        // Dropped while it was loading: it may be what was dropped.
        if (_generation.Epoch != epoch)
            _entries.TryRemove(new KeyValuePair<TKey, TValue>(key, value));
    }
}
