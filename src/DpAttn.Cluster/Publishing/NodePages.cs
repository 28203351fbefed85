using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// Stores the released nodes of a tree in the order in which they are complete, as many to a page as fit: a page a blob, and for each tier one list of the SHA-256 of its pages,
/// whose own digest the release names. Which nodes a page holds follows from the tree alone. What is listed is what was read back, whoever stored it.
/// </summary>
internal sealed class NodePages(StoreId store, ReleaseDocument release, TreeModel model, ISegmentStore blobs)
{
    private readonly List<ReleasedNode[]> _open = [];
    private readonly MemoryStream[] _digests = [.. release.Ladder.Select(_ => new MemoryStream())];
    private int _pages;

    /// <summary>The id of a page.</summary>
    public static string PageId(string list, long page) => $"{list}-{page:D6}";

    /// <summary>Whether a blob is a page that a list names.</summary>
    public static bool IsPageOf(string blob, string list) => blob.Length > list.Length && blob[list.Length] == '-' && blob.StartsWith(list, StringComparison.Ordinal);

    /// <summary>Adds a node at all tiers; a page that is full is stored.</summary>
    public async Task AddAsync(IReadOnlyList<ReleasedNode> tiers, CancellationToken cancellationToken)
    {
        _open.Add([.. tiers]);
        if (_open.Count == model.NodesPerPage)
            await StorePageAsync(cancellationToken);
    }

    /// <summary>Stores the last page and the lists.</summary>
    /// <returns>The lists, a tier each.</returns>
    public async Task<IReadOnlyList<NodeDocument>> FinishAsync(CancellationToken cancellationToken)
    {
        if (_open.Count > 0)
            await StorePageAsync(cancellationToken);
        var lists = new List<NodeDocument>();
        for (var tier = 0; tier < _digests.Length; tier++)
        {
            var list = _digests[tier].ToArray();
            var blob = ReleaseBook.NodeId(release, tier);
            if (!await blobs.PutPartsAsync(store, BlobKind.Node, blob, list, cancellationToken))
                throw new StorageCorruptException($"tier {tier} was stored by two writers that disagree");
            lists.Add(new NodeDocument(blob, list.Length, Convert.ToHexStringLower(SHA256.HashData(list))));
        }
        return lists;
    }

    private async Task StorePageAsync(CancellationToken cancellationToken)
    {
        for (var tier = 0; tier < _digests.Length; tier++)
        {
            var values = new long[_open.Count * model.Dimension];
            for (var i = 0; i < _open.Count; i++)
                _open[i][tier].Moments.Values.CopyTo(values, i * (int)model.Dimension);
            var stored = await blobs.StoreNodeAsync(store, PageId(ReleaseBook.NodeId(release, tier), _pages), NodeCodec.Encode(values, release.Slots), $"tier {tier}", cancellationToken);
            _digests[tier].Write(SHA256.HashData(stored));
        }
        _open.Clear();
        _pages++;
    }
}
