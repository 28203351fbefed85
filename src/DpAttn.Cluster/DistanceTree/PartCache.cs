using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>
/// The silo's cache of noised parts: bounded in bytes, the least recently used go first. What it holds is released, and a part has one noised value for ever, so it
/// is never wrong.
/// </summary>
internal sealed class PartCache(ClusterOptions options)
{
    // An entry, its place in the order and its array.
    private const long EntryBytes = 200;
    private readonly Lock _lock = new();
    private readonly Dictionary<PartKey, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _recent = new();
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

    /// <summary>All parts: those that are held, and the others as they are asked for, together, as many as one call takes.</summary>
    /// <param name="store">The store.</param>
    /// <param name="release">The release.</param>
    /// <param name="tier">The tier.</param>
    /// <param name="parts">Different parts.</param>
    /// <param name="numbers">Noised integers of a part.</param>
    /// <param name="partsPerCall">Parts of one call at most.</param>
    /// <param name="ask">Asks for the noised integers of some parts, one after another.</param>
    public async Task<IReadOnlyDictionary<long, long[]>> ReadAsync(
        StoreId store, string release, int tier, IReadOnlyList<long> parts, int numbers, int partsPerCall, Func<LongBlock, Task<PartSums>> ask)
    {
        var found = new Dictionary<long, long[]>(parts.Count);
        var missing = Find(store, release, tier, parts, found);
        foreach (var asked in missing.Chunk(Math.Min(partsPerCall, LongBlock.MostValues)))
        {
            var noised = (await ask(new LongBlock(asked))).ToArray(checked(asked.Length * numbers));
            for (var i = 0; i < asked.Length; i++)
                found.Add(asked[i], noised.AsSpan(i * numbers, numbers).ToArray());
            Keep(store, release, tier, asked, found);
        }
        return found;
    }

    private List<long> Find(StoreId store, string release, int tier, IReadOnlyList<long> parts, Dictionary<long, long[]> found)
    {
        var missing = new List<long>();
        lock (_lock)
        {
            foreach (var part in parts)
            {
                if (!_entries.TryGetValue(new PartKey(store, release, tier, part), out var known))
                {
                    missing.Add(part);
                    continue;
                }
                _recent.Remove(known);
                _recent.AddFirst(known);
                found.Add(part, known.Value.Noised);
            }
        }
        return missing;
    }

    private void Keep(StoreId store, string release, int tier, long[] parts, Dictionary<long, long[]> noised)
    {
        lock (_lock)
        {
            foreach (var part in parts)
            {
                var entry = new Entry(new PartKey(store, release, tier, part), noised[part]);
                if (_entries.TryAdd(entry.Key, new LinkedListNode<Entry>(entry)))
                {
                    _recent.AddFirst(_entries[entry.Key]);
                    _bytes += entry.Bytes;
                }
            }
            while (_bytes > options.PartCacheBytes && _recent.Last is { } oldest)
            {
                _recent.RemoveLast();
                _entries.Remove(oldest.Value.Key);
                _bytes -= oldest.Value.Bytes;
            }
        }
    }

    private readonly record struct PartKey(StoreId Store, string Release, int Tier, long Part);

    private sealed record Entry(PartKey Key, long[] Noised)
    {
        public long Bytes => EntryBytes + Noised.Length * (long)sizeof(long);
    }
}
