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
    private readonly RecentlyUsed<PartKey, long[]> _entries = new();

    /// <summary>Bytes held.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
                return _entries.Bytes;
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
                if (_entries.Find(new PartKey(store, release, tier, part)) is { } noised)
                    found.Add(part, noised);
                else
                    missing.Add(part);
            }
        }
        return missing;
    }

    private void Keep(StoreId store, string release, int tier, long[] parts, Dictionary<long, long[]> noised)
    {
        lock (_lock)
        {
            foreach (var part in parts)
                _entries.TryAdd(new PartKey(store, release, tier, part), noised[part], EntryBytes + noised[part].Length * (long)sizeof(long));
            _entries.Trim(options.PartCacheBytes);
        }
    }

    private readonly record struct PartKey(StoreId Store, string Release, int Tier, long Part);
}
