using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// A document that says how it is written. Members are only ever added; a changed meaning is a new number. So is a member that older versions must not carry along or drop unknown to them: one that has to go when rows, a
/// secret or the document's subject are erased, other than in the writes that <see cref="Documents.Replace{T}"/> does, one that depends on rows, and one that has to outlast such a write.
/// </summary>
internal interface IFormatted
{
    /// <summary>The newest format that this version reads.</summary>
    const int Newest = 1;

    int Format { get; }
}

/// <summary>A kind of document: its name in the catalog and how it is written.</summary>
internal sealed class DocumentKind<T>(string name, JsonTypeInfo<T> json)
    where T : class
{
    public string Name => name;

    public ReadOnlyMemory<byte> ToBytes(T document) => JsonSerializer.SerializeToUtf8Bytes(document, json);

    /// <summary>Reads a row.</summary>
    /// <exception cref="StorageCorruptException">It is no document of this kind.</exception>
    /// <exception cref="StorageRefusedException">A newer version wrote it.</exception>
    public T Parse(CatalogRow row)
    {
        try
        {
            var document = JsonSerializer.Deserialize(row.Content.Span, json) ?? throw new StorageCorruptException($"the {name} row {row.Key} is empty");
            return document is IFormatted { Format: > IFormatted.Newest } newer
                ? throw new StorageRefusedException($"the {name} row {row.Key} has format {newer.Format}; this version reads up to {IFormatted.Newest}")
                : document;
        }
        catch (JsonException e)
        {
            throw new StorageCorruptException($"the {name} row {row.Key} cannot be read", e);
        }
    }
}

/// <summary>A document and the row it was read from.</summary>
internal sealed record Versioned<T>(T Value, CatalogRow Row)
{
    public long Version => Row.Version;

    public string Key => Row.Key;
}

/// <summary>The kinds of documents and their keys.</summary>
internal static class Documents
{
    public static DocumentKind<NameDocument> Name { get; } = new("name", ClusterJson.Default.NameDocument);

    public static DocumentKind<StoreDocument> Store { get; } = new("store", ClusterJson.Default.StoreDocument);

    public static DocumentKind<BatchDocument> Batch { get; } = new("batch", ClusterJson.Default.BatchDocument);

    public static DocumentKind<SegmentDocument> Segment { get; } = new("segment", ClusterJson.Default.SegmentDocument);

    public static DocumentKind<ReleaseDocument> Release { get; } = new("release", ClusterJson.Default.ReleaseDocument);

    /// <summary>Frozen blocks of continual releases, by incarnation/release/block.</summary>
    public static DocumentKind<BlockDocument> Block { get; } = new("block", ClusterJson.Default.BlockDocument);

    public static DocumentKind<JobDocument> Job { get; } = new("job", ClusterJson.Default.JobDocument);

    /// <summary>Deleted stores whose rows are still to be removed, by incarnation.</summary>
    public static DocumentKind<NameDocument> Removal { get; } = new("removal", ClusterJson.Default.NameDocument);

    /// <summary>Stores by account/incarnation, for listing those that an account made or was granted. An index only: the store's row and the ledger decide.</summary>
    public static DocumentKind<NameDocument> Visible { get; } = new("visible", ClusterJson.Default.NameDocument);

    public static DocumentKind<AccountDocument> AccountIndex { get; } = new("account-index", ClusterJson.Default.AccountDocument);

    public static DocumentKind<AccountDocument> Account { get; } = new("account", ClusterJson.Default.AccountDocument);

    /// <summary>Moved whenever the first operator key is made, so that it is made once.</summary>
    public static DocumentKind<AccountDocument> Bootstrap { get; } = new("bootstrap", ClusterJson.Default.AccountDocument);

    public static DocumentKind<KeyDocument> Key { get; } = new("key", ClusterJson.Default.KeyDocument);

    /// <summary>A key below a store, such as a release's.</summary>
    public static string Below(StoreId store, string key) => $"{store}/{key}";

    /// <summary>The key of a store in the list of an account.</summary>
    public static string Listed(AccountId account, StoreId store) => $"{account}/{store}";

    /// <summary>Keys of all stores in the list of an account.</summary>
    public static string ListOf(AccountId account) => $"{account}/";

    /// <summary>Keys of all that stands below a store.</summary>
    public static string Under(StoreId store) => $"{store}/";

    /// <summary>The key of a block: fixed width, so that the order of keys is the order of blocks.</summary>
    public static string BlockOf(StoreId store, string release, long block) => $"{BlocksOf(store, release)}{Ordinal(block)}";

    /// <summary>Keys of all blocks of a release.</summary>
    public static string BlocksOf(StoreId store, string release) => $"{store}/{release}/";

    /// <summary>A segment's key: fixed width, so that the order of keys is the order of slots.</summary>
    public static string Ordinal(long ordinal) => ordinal.ToString("D12");

    public static async Task<Versioned<T>?> ReadAsync<T>(this ICatalog catalog, DocumentKind<T> kind, string key, CancellationToken cancellationToken = default)
        where T : class
    {
        var row = await catalog.ReadAsync(kind.Name, key, cancellationToken);
        return row is null ? null : new Versioned<T>(kind.Parse(row), row);
    }

    /// <summary>All documents whose key starts with a prefix, page by page.</summary>
    public static async IAsyncEnumerable<Versioned<T>> ListAsync<T>(this ICatalog catalog, DocumentKind<T> kind, string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
        where T : class
    {
        const int Page = 500;
        string? after = null;
        while (true)
        {
            var rows = await catalog.ListAsync(kind.Name, prefix, after, Page, cancellationToken);
            foreach (var row in rows)
                yield return new Versioned<T>(kind.Parse(row), row);
            if (rows.Count < Page)
                yield break;
            after = rows[^1].Key;
        }
    }

    public static CatalogWrite Insert<T>(this DocumentKind<T> kind, string key, T document)
        where T : class => new(kind.Name, key, 0, kind.ToBytes(document));

    /// <summary>
    /// Changes a row. What a newer version wrote into it, and this one does not know, stays; in a list, with the elements that this version leaves as they were. Not for erasing: see <see cref="Replace{T}"/>.
    /// </summary>
    public static CatalogWrite Update<T>(this DocumentKind<T> kind, Versioned<T> read, T document)
        where T : class => new(kind.Name, read.Key, read.Version, NewerMembers.Keep(read.Row.Content, kind.ToBytes(read.Value), kind.ToBytes(document)));

    /// <summary>
    /// Changes a row so that something of it is erased: a secret, or what was computed from a row that is gone. Of what this version does not know nothing stays either, as it could be more of the same, such as a second copy of
    /// the secret.
    /// </summary>
    public static CatalogWrite Replace<T>(this DocumentKind<T> kind, Versioned<T> read, T document)
        where T : class => new(kind.Name, read.Key, read.Version, kind.ToBytes(document));

    /// <summary>Changes a release; one that loses its secret by it loses all that this version does not know.</summary>
    public static CatalogWrite Change(Versioned<ReleaseDocument> read, ReleaseDocument document) =>
        read.Value.Secret is not null && document.Secret is null ? Release.Replace(read, document) : Release.Update(read, document);

    public static CatalogWrite Delete<T>(this DocumentKind<T> kind, Versioned<T> read)
        where T : class => new(kind.Name, read.Key, read.Version, null);
}
