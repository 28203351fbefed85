using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The exact sums of the silo's shards that published releases answer from, read from storage when they are first asked for: bounded in bytes, the least recently used go first.
/// Private: they go to the coordinator of their release alone.
/// </summary>
internal sealed class KeptSums
{
    private const int LoadsAtOnce = 2;
    private readonly ICatalog _catalog;
    private readonly ISegmentStore _blobs;
    private readonly StoreDirectory _directory;
    private readonly ScanScheduler _scans;
    private readonly SizedCache<SumsKey, Held> _held;

    public KeptSums(ICatalog catalog, ISegmentStore blobs, StoreDirectory directory, ScanScheduler scans, ClusterOptions options)
    {
        (_catalog, _blobs, _directory, _scans) = (catalog, blobs, directory, scans);
        _held = new SizedCache<SumsKey, Held>(LoadsAtOnce, () => options.SumBytes, LoadAsync, held => held.Bytes);
    }

    /// <summary>Bytes held.</summary>
    public long Bytes => _held.Bytes;

    /// <summary>The nodes over a shard's sums.</summary>
    /// <param name="store">The store.</param>
    /// <param name="release">The release.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="patience">How long to load before the caller is told to come again; the load goes on.</param>
    /// <param name="cancellationToken">Gives up; the load goes on.</param>
    /// <exception cref="ProblemException">not_found: no published release answers from them; busy: still loading.</exception>
    /// <exception cref="StorageException">They cannot be read, or are not those that were published. That is not remembered.</exception>
    public async Task<DistanceTreeNodes> GetAsync(StoreId store, string release, int shard, TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            return (await _held.GetAsync(new SumsKey(store, release, shard), cancellationToken).WaitAsync(patience, cancellationToken)).Nodes;
        }
        catch (TimeoutException)
        {
            throw new ProblemException(ProblemCodes.Busy, "the shard is still loading its sums");
        }
    }

    /// <summary>Lets a shard's sums go: of one release, or of all.</summary>
    public void Forget(StoreId store, int shard, string? release = null) =>
        _held.Remove(key => key.Store == store && key.Shard == shard && (release is null || key.Release == release));

    private async Task<Held> LoadAsync(SumsKey key)
    {
        var (named, model) = await FindAsync(key);
        var bytes = await NamedBlobs.ReadAsync(
            async () => await _blobs.ReadPartsAsync(key.Store, BlobKind.ShardSums, named.Blob, named.Bytes)
                ?? throw new StorageCorruptException($"the sums of shard {key.Shard} of release {key.Release} are missing"),
            () => FindAsync(key));
        return await _scans.RunWhenFreeAsync(() => Open(key, named, model, bytes));
    }

    private async Task<(NodeDocument Named, DistanceModel Model)> FindAsync(SumsKey key)
    {
        var release = (await _catalog.ReadAsync(Documents.Release, Documents.Below(key.Store, key.Release)))?.Value;
        var document = (await _catalog.ReadAsync(Documents.Store, key.Store.Value))?.Value;
        if (release is not { State: ReleaseDocument.Published, Sums: { } sums } || document is not { State: StoreDocument.Active } || key.Shard >= sums.Count || _directory.ModelOf(document) is not DistanceModel model)
            throw new ProblemException(ProblemCodes.NotFound, $"the store has no published release {key.Release} that answers from its shards");
        return (sums[key.Shard], model);
    }

    private static Held Open(SumsKey key, NodeDocument named, DistanceModel model, byte[] bytes)
    {
        // The release's noise has met these sums, and must meet no others.
        if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != named.Digest)
            throw new StorageCorruptException($"the sums of shard {key.Shard} of release {key.Release} are not those that were published");
        var (values, slots) = NodeCodec.Decode(bytes, model.Dimension);
        // The nodes above the grid's points take as much again.
        return new Held(model.NodesOf(values, slots), 2 * model.Dimension * sizeof(long));
    }

    private readonly record struct SumsKey(StoreId Store, string Release, int Shard);

    private sealed record Held(DistanceTreeNodes Nodes, long Bytes);
}
