using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>The silo's cache of released nodes, and of sums of nodes that make a range of blocks, ready to answer: bounded in bytes, the least recently used go first. What it holds is released, so it is never wrong.</summary>
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
    public Task<ITierAnswers> GetAsync(StoreId store, string release, int tier, CancellationToken cancellationToken) => GetAsync(store, release, tier, null, cancellationToken);

    /// <summary>The same of a range of blocks, of a release of all levels; null for all.</summary>
    /// <exception cref="ProblemException">not_found, or invalid_request: the release does not have these blocks.</exception>
    /// <exception cref="StorageException">It cannot be read. That is not remembered.</exception>
    public Task<ITierAnswers> GetAsync(StoreId store, string release, int tier, BlockRange? rows, CancellationToken cancellationToken) =>
        _held.GetAsync(new NodeKey(store, release, tier, rows), cancellationToken);

    private async Task<ITierAnswers> LoadAsync(NodeKey key)
    {
        var (release, model) = await FindAsync(key);
        var ladder = model.LadderOf(release.Ladder);
        BlockRanges.Require(model, key.Rows);
        return model switch
        {
            StoredModel stored => await NamedBlobs.ReadAsync(() => LoadAsync(key, release, stored, ladder), () => FindAsync(key)),
            TreeModel tree => await NamedBlobs.ReadAsync(() => LoadAsync(key, release, tree), () => FindAsync(key)),
            _ => ((DistanceModel)model).AnswersOf(key.Release, release.Slots, key.Tier, ladder),
        };
    }

    /// <summary>Adds up a range from its nodes, which need not be kept: the sum answers.</summary>
    private async Task<ITierAnswers> LoadAsync(NodeKey key, ReleaseDocument release, TreeModel model)
    {
        BlockRanges.Require(release, key.Rows);
        // What is held under no range must not grow.
        if (release.Continual is not null && key.Rows is null)
            throw new ProblemException(ProblemCodes.InvalidRequest, "rows: a continual release is answered for a range of its blocks");
        var rows = BlockRanges.Covered(release, key.Rows)!;
        var extent = release.Continual is { } grown ? new TreeExtent(grown.ReleasedBlocks, grown.IsFull) : model.Tree.ExtentOf(release.Slots);
        var wanted = model.Tree.NodesOf(rows.From, rows.To, extent);
        var nodes = release.Continual is null
            ? await new StoredTree(key.Store, release, model, _blobs).ReadAsync(key.Tier, wanted)
            : await new ContinualNodes(key.Store, release, model, _blobs).ReadAsync(key.Tier, wanted);
        return new MomentAnswers(ReleasedRange.Of(model.Tree, extent, rows.From, rows.To, node => nodes[node]).Moments);
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
        var bytes = await _blobs.ReadNodeAsync(key.Store, node.Blob, node.Bytes, Convert.FromHexString(node.Digest), $"tier {key.Tier} of release {key.Release}");
        var (values, slots) = NodeCodec.Decode(bytes, model.Dimension);
        return model.AnswersOf(values, slots, key.Tier, ladder);
    }

    private readonly record struct NodeKey(StoreId Store, string Release, int Tier, BlockRange? Rows);
}
