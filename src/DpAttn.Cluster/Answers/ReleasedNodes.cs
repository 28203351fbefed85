using System.Security.Cryptography;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>The silo's cache of released nodes, ready to answer: bounded in bytes, the least recently used go first. What it holds is released, so it is never wrong.</summary>
internal sealed class ReleasedNodes(ICatalog catalog, ISegmentStore blobs, StoreDirectory directory, ClusterOptions options)
{
    // A node that is being loaded takes three times its size, so only so many are at once.
    private const int LoadsAtOnce = 4;
    private readonly Lock _lock = new();
    private readonly Dictionary<NodeKey, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _recent = new();
    private readonly SemaphoreSlim _loads = new(LoadsAtOnce);
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

    /// <summary>The answerer of a tier, loaded by whoever asks first.</summary>
    /// <exception cref="ProblemException">not_found: no published release has this tier.</exception>
    /// <exception cref="StorageException">It cannot be read. That is not remembered.</exception>
    public Task<ITierAnswers> GetAsync(StoreId store, string release, int tier, CancellationToken cancellationToken)
    {
        var key = new NodeKey(store, release, tier);
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
                // Not with the caller's token: others may wait for the same node.
                _ = Task.Run(() => FillAsync(known), CancellationToken.None);
            }
            var answers = known.Value.Loaded.Task;
            return answers.IsCompleted ? answers : answers.WaitAsync(cancellationToken);
        }
    }

    private async Task FillAsync(LinkedListNode<Entry> entry)
    {
        await _loads.WaitAsync();
        try
        {
            var answers = await LoadAsync(entry.Value.Key);
            Count(entry, answers.Bytes);
            entry.Value.Loaded.SetResult(answers);
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

    private async Task<ITierAnswers> LoadAsync(NodeKey key)
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
        var model = directory.ModelOf(store.Value).AsReleased();
        var (values, slots) = NodeCodec.Decode(bytes, model.Dimension);
        return model.AnswersOf(values, slots, key.Tier, model.LadderOf(release.Ladder));
    }

    /// <summary>Counts a node that was loaded, and lets the oldest go until all fit; the newest stays even when it alone is too large.</summary>
    private void Count(LinkedListNode<Entry> entry, long bytes)
    {
        lock (_lock)
        {
            entry.Value.Bytes = bytes;
            _bytes += bytes;
            for (var oldest = _recent.Last; _bytes > options.NodeCacheBytes && oldest is not null;)
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
        _entries.Remove(entry.Value.Key);
        _recent.Remove(entry);
        _bytes -= entry.Value.Bytes;
    }

    private readonly record struct NodeKey(StoreId Store, string Release, int Tier);

    private sealed class Entry(NodeKey key)
    {
        public NodeKey Key => key;

        public TaskCompletionSource<ITierAnswers> Loaded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Bytes { get; set; }
    }
}
