using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Blobs whose calls are timed and traced: the last step of every way through the house.</summary>
internal sealed class TimedSegments(ISegmentStore blobs, TimedOperation timed) : ISegmentStore
{
    public Task<BlobInfo> PutAsync(BlobKey key, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        RunAsync("put", key.Kind, () => blobs.PutAsync(key, content, cancellationToken));

    public Task<byte[]?> ReadAsync(BlobKey key, CancellationToken cancellationToken = default) =>
        RunAsync("read", key.Kind, () => blobs.ReadAsync(key, cancellationToken));

    public Task<IReadOnlyList<BlobInfo>> ListAsync(StoreId store, BlobKind kind, string idPrefix, BlobKey? after, int limit, CancellationToken cancellationToken = default) =>
        RunAsync("list", kind, () => blobs.ListAsync(store, kind, idPrefix, after, limit, cancellationToken));

    public Task DeleteAsync(StoreId store, BlobKind kind, string id, CancellationToken cancellationToken = default) => RunAsync("delete", kind, async () =>
    {
        await blobs.DeleteAsync(store, kind, id, cancellationToken);
        return true;
    });

    public Task DeleteStoreAsync(StoreId store, CancellationToken cancellationToken = default) => blobs.DeleteStoreAsync(store, cancellationToken);

    private Task<T> RunAsync<T>(string operation, BlobKind kind, Func<Task<T>> call) =>
        timed.RunAsync(_ => call(), new(Labels.Operation, operation), new(Labels.BlobKind, Labels.Of(kind)));
}
