using System.Security.Cryptography;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>The silo's cache of released nodes, ready to answer: bounded in bytes, the least recently used go first. What it holds is released, so it is never wrong.</summary>
internal sealed class ReleasedNodes
{
    // A node that is being loaded takes three times its size, so only so many are at once.
    private const int LoadsAtOnce = 4;
    private readonly ICatalog _catalog;
    private readonly ISegmentStore _blobs;
    private readonly StoreDirectory _directory;
    private readonly SizedCache<NodeKey, ITierAnswers> _held;

    public ReleasedNodes(ICatalog catalog, ISegmentStore blobs, StoreDirectory directory, ClusterOptions options)
    {
        (_catalog, _blobs, _directory) = (catalog, blobs, directory);
        _held = new SizedCache<NodeKey, ITierAnswers>(LoadsAtOnce, () => options.NodeCacheBytes, LoadAsync, answers => answers.Bytes);
    }

    /// <summary>Bytes held.</summary>
    public long Bytes => _held.Bytes;

    /// <summary>The answerer of a tier, loaded by whoever asks first.</summary>
    /// <exception cref="ProblemException">not_found: no published release has this tier.</exception>
    /// <exception cref="StorageException">It cannot be read. That is not remembered.</exception>
    public Task<ITierAnswers> GetAsync(StoreId store, string release, int tier, CancellationToken cancellationToken) =>
        _held.GetAsync(new NodeKey(store, release, tier), cancellationToken);

    private async Task<ITierAnswers> LoadAsync(NodeKey key)
    {
        var (release, model) = await FindAsync(key);
        var ladder = model.LadderOf(release.Ladder);
        return model is StoredModel stored
            ? await LoadAsync(key, release, stored, ladder)
            : ((DistanceModel)model).AnswersOf(key.Release, release.Slots, key.Tier, ladder);
    }

    private async Task<(ReleaseDocument Release, ReleasedModel Model)> FindAsync(NodeKey key)
    {
        var release = (await _catalog.ReadAsync(Documents.Release, Documents.Below(key.Store, key.Release)))?.Value;
        if (release is not { State: ReleaseDocument.Published } || key.Tier < 0 || key.Tier >= release.Ladder.Count)
            throw new ProblemException(ProblemCodes.NotFound, $"the store has no published release {key.Release} with a tier {key.Tier}");
        if (await _catalog.ReadAsync(Documents.Store, key.Store.Value) is not { Value: { State: StoreDocument.Active } store })
            throw new ProblemException(ProblemCodes.NotFound, "no such store");
        return (release, _directory.ModelOf(store).AsReleased());
    }

    private async Task<ITierAnswers> LoadAsync(NodeKey key, ReleaseDocument release, StoredModel model, NoiseLadder ladder)
    {
        var node = release.Nodes[key.Tier];
        var bytes = await _blobs.ReadNamedAsync(key.Store, BlobKind.Node, node, $"tier {key.Tier} of release {key.Release} is missing", () => FindAsync(key));
        if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != node.Digest)
            throw new StorageCorruptException($"tier {key.Tier} of release {key.Release} is not the one that was published");
        var (values, slots) = NodeCodec.Decode(bytes, model.Dimension);
        return model.AnswersOf(values, slots, key.Tier, ladder);
    }

    private readonly record struct NodeKey(StoreId Store, string Release, int Tier);
}
