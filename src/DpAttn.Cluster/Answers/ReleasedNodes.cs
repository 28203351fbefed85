using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>The silo's cache of released nodes, ready to answer: bounded in bytes, the least recently used go first. What it holds is released, so it is never wrong.</summary>
internal sealed class ReleasedNodes(ICatalog catalog, ISegmentStore blobs, StoreDirectory directory, ClusterOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<NodeKey, LinkedListNode<Entry>> _entries = [];
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

    public Task<MomentAnswerer> GetAsync(StoreId store, string release, int tier, CancellationToken cancellationToken)
    {
        var key = new NodeKey(store, release, tier);
        Task<MomentAnswerer> loading;
        lock (_lock)
        {
            if (_entries.TryGetValue(key, out var known))
            {
                _recent.Remove(known);
                _recent.AddFirst(known);
                return known.Value.Answerer;
            }
            // Not the caller's token: others may wait for the same node.
            loading = Task.Run(() => LoadAsync(key), CancellationToken.None);
            var added = _recent.AddFirst(new Entry(key, loading));
            _entries.Add(key, added);
        }
        return FinishAsync(key, loading, cancellationToken);
    }

    private async Task<MomentAnswerer> FinishAsync(NodeKey key, Task<MomentAnswerer> loading, CancellationToken cancellationToken)
    {
        try
        {
            return await loading.WaitAsync(cancellationToken);
        }
        catch when (loading.IsFaulted)
        {
            lock (_lock)
            {
                if (_entries.TryGetValue(key, out var entry) && entry.Value.Answerer == loading)
                    Remove(entry);
            }
            throw;
        }
    }

    private async Task<MomentAnswerer> LoadAsync(NodeKey key)
    {
        var release = (await catalog.ReadAsync(Documents.Release, Documents.Below(key.Store, key.Release)))?.Value;
        if (release is not { State: ReleaseDocument.Published } || key.Tier < 0 || key.Tier >= release.Nodes.Count)
            throw new ProblemException(ProblemCodes.NotFound, $"the store has no published release {key.Release} with a tier {key.Tier}");
        var store = await catalog.ReadAsync(Documents.Store, key.Store.Value)
            ?? throw new ProblemException(ProblemCodes.NotFound, "no such store");
        var node = release.Nodes[key.Tier];
        var bytes = await blobs.ReadPartsAsync(key.Store, BlobKind.Node, node.Blob, node.Bytes)
            ?? throw new StorageCorruptException($"tier {key.Tier} of release {key.Release} is missing");
        if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != node.Digest)
            throw new StorageCorruptException($"tier {key.Tier} of release {key.Release} is not the one that was published");
        var parameters = directory.ParametersOf(store.Value);
        var (values, slots) = NodeCodec.Decode(bytes, parameters.Dimension);
        var ladder = SchemaFactory.Ladder(parameters, release.Ladder, new Delta(store.Value.Definition.Delta));
        var answerer = new MomentAnswerer(new ReleasedMoments(parameters, key.Tier, ladder.Tiers[key.Tier].Variance, slots, values));
        Count(key, parameters.Dimension * sizeof(double));
        return answerer;
    }

    /// <summary>Counts a node that was loaded, and lets the oldest go until all fit; the newest stays even when it alone is too large.</summary>
    private void Count(NodeKey key, long bytes)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(key, out var entry))
                return;
            entry.Value.Bytes = bytes;
            _bytes += bytes;
            for (var oldest = _recent.Last; _bytes > options.NodeCacheBytes && oldest is not null && oldest != entry;)
            {
                var previous = oldest.Previous;
                if (oldest.Value.Bytes > 0)
                    Remove(oldest);
                oldest = previous;
            }
        }
    }

    private void Remove(LinkedListNode<Entry> entry)
    {
        _entries.Remove(entry.Value.Key);
        _recent.Remove(entry);
        _bytes -= entry.Value.Bytes;
    }

    private readonly record struct NodeKey(StoreId Store, string Release, int Tier);

    private sealed class Entry(NodeKey key, Task<MomentAnswerer> answerer)
    {
        public NodeKey Key => key;

        public Task<MomentAnswerer> Answerer => answerer;

        public long Bytes { get; set; }
    }
}
