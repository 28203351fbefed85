namespace DpAttn.Server.Http;

/// <summary>
/// Token buckets by key, of which a bounded number is remembered: the least recently seen are forgotten first, and a forgotten one is full again. System.Threading.RateLimiting bounds neither the
/// number of its partitions nor can be told the time.
/// </summary>
/// <param name="perSecond">How fast a bucket fills.</param>
/// <param name="burst">What it holds, at least 1.</param>
/// <param name="mostBuckets">How many are remembered.</param>
/// <param name="clock">The time.</param>
internal sealed class TokenBuckets<TKey>(double perSecond, double burst, int mostBuckets, TimeProvider clock)
    where TKey : notnull
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, LinkedListNode<Bucket>> _buckets = [];
    private readonly LinkedList<Bucket> _recent = new();

    /// <summary>Buckets that are remembered.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _buckets.Count;
        }
    }

    /// <summary>Takes a token.</summary>
    /// <returns>Null when there was one; or else how long until there is one, and nothing was taken.</returns>
    public TimeSpan? TryTake(TKey key)
    {
        lock (_lock)
        {
            var bucket = Filled(key);
            if (bucket.Tokens < 1)
                return Until(bucket);
            bucket.Tokens--;
            return null;
        }
    }

    /// <summary>Looks whether there is a token.</summary>
    /// <returns>Null when there is; or else how long until there is one.</returns>
    public TimeSpan? Look(TKey key)
    {
        lock (_lock)
        {
            // Who was never seen is not remembered for being looked at.
            return _buckets.ContainsKey(key) && Filled(key) is { Tokens: < 1 } bucket ? Until(bucket) : null;
        }
    }

    private TimeSpan Until(Bucket bucket) => TimeSpan.FromSeconds((1 - bucket.Tokens) / perSecond);

    private Bucket Filled(TKey key)
    {
        var now = clock.GetTimestamp();
        if (_buckets.TryGetValue(key, out var node))
        {
            _recent.Remove(node);
            node.Value.Tokens = Math.Min(burst, node.Value.Tokens + clock.GetElapsedTime(node.Value.Seen, now).TotalSeconds * perSecond);
        }
        else
        {
            if (_buckets.Count >= mostBuckets)
            {
                _buckets.Remove(_recent.Last!.Value.Key);
                _recent.RemoveLast();
            }
            node = new LinkedListNode<Bucket>(new Bucket(key) { Tokens = burst });
            _buckets.Add(key, node);
        }
        node.Value.Seen = now;
        _recent.AddFirst(node);
        return node.Value;
    }

    private sealed class Bucket(TKey key)
    {
        public TKey Key => key;

        public double Tokens { get; set; }

        public long Seen { get; set; }
    }
}
