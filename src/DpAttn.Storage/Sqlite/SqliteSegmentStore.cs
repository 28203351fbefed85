using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>Blobs in the table blob.</summary>
internal sealed class SqliteSegmentStore(SqliteWriter writer, SqliteReaders readers, TimeProvider clock) : ISegmentStore
{
    public Task<BlobInfo> PutAsync(BlobKey key, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        BlobKeys.Require(key);
        if (content.Length > ISegmentStore.LargestBlobBytes)
            throw new ArgumentException($"a blob has at most {ISegmentStore.LargestBlobBytes} bytes, and this one {content.Length}; larger content is several parts", nameof(content));
        // A copy: the caller may give up and use its buffer again while the writer is still at it.
        var own = content.ToArray();
        var digest = SHA256.HashData(own);
        return writer.RunAsync("storing a blob", own.Length, session => Put(session, key, own, digest), cancellationToken);
    }

    public async Task<byte[]?> ReadAsync(BlobKey key, CancellationToken cancellationToken = default)
    {
        BlobKeys.Require(key);
        return await readers.ReadAsync("reading a blob", session => Read(session, key), cancellationToken).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<BlobInfo>> ListAsync(StoreId store, BlobKind kind, string idPrefix, BlobKey? after, int limit, CancellationToken cancellationToken = default)
    {
        BlobKeys.RequireKind(kind);
        BlobKeys.RequirePrefix(idPrefix);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        if (after is { } last)
        {
            BlobKeys.Require(last);
            if (last.Store != store || last.Kind != kind)
                throw new ArgumentException("the key to go on after must be of the same store and kind", nameof(after));
        }
        return readers.ReadAsync("listing blobs", session => List(session, store, kind, idPrefix, after, limit), cancellationToken);
    }

    public Task DeleteAsync(StoreId store, BlobKind kind, string id, CancellationToken cancellationToken = default)
    {
        BlobKeys.Require(new BlobKey(store, kind, id));
        return writer.RunAsync("removing a blob", 0, session => Delete(session, store, kind, id), cancellationToken);
    }

    public Task DeleteStoreAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        var name = store.Value;
        return writer.RunAsync("removing a store's blobs", 0, session =>
        {
            using var delete = session.Prepare("DELETE FROM blob WHERE store = ?1").With(name);
            session.HasErased = true;
            return delete.Execute();
        }, cancellationToken);
    }

    /// <summary>Whether a blob is there; used inside the catalog's transaction.</summary>
    internal static bool Exists(SqliteSession session, BlobKey key)
    {
        using var select = session.Prepare("SELECT 1 FROM blob WHERE store = ?1 AND kind = ?2 AND id = ?3 AND part = ?4")
            .With(key.Store.Value).With((int)key.Kind).With(key.Id).With(key.Part);
        return select.Step();
    }

    /// <summary>Removes all parts of a blob; used inside the catalog's transaction too.</summary>
    internal static int Delete(SqliteSession session, StoreId store, BlobKind kind, string id)
    {
        using var delete = session.Prepare("DELETE FROM blob WHERE store = ?1 AND kind = ?2 AND id = ?3").With(store.Value).With((int)kind).With(id);
        session.HasErased = true;
        return delete.Execute();
    }

    private BlobInfo Put(SqliteSession session, BlobKey key, byte[] content, byte[] digest)
    {
        using (var select = session.Prepare("SELECT part, bytes, digest, written_at, id FROM blob WHERE store = ?1 AND kind = ?2 AND id = ?3 AND part = ?4")
            .With(key.Store.Value).With((int)key.Kind).With(key.Id).With(key.Part))
        {
            if (select.Step())
                return Info(select, key.Store, key.Kind);
        }
        var now = Timestamp.ToMicroseconds(clock.GetUtcNow());
        using var insert = session.Prepare("INSERT INTO blob (store, kind, id, part, bytes, digest, written_at, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
            .With(key.Store.Value).With((int)key.Kind).With(key.Id).With(key.Part)
            .With(content.Length).With(digest).With(now).With(content);
        insert.Execute();
        return new BlobInfo(key, content.Length, digest, Timestamp.FromMicroseconds(now));
    }

    private static byte[]? Read(SqliteSession session, BlobKey key)
    {
        using var select = session.Prepare("SELECT bytes, digest, content FROM blob WHERE store = ?1 AND kind = ?2 AND id = ?3 AND part = ?4")
            .With(key.Store.Value).With((int)key.Kind).With(key.Id).With(key.Part);
        if (!select.Step())
            return null;
        var content = select.Blob(2);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, digest);
        if (content.Length != select.Integer(0) || !digest.SequenceEqual(select.Blob(1)))
            throw new StorageCorruptException($"blob {key.Kind} {key.Id}, part {key.Part}, of store {key.Store} is not what was written: its checksum differs");
        return content.ToArray();
    }

    private static IReadOnlyList<BlobInfo> List(SqliteSession session, StoreId store, BlobKind kind, string idPrefix, BlobKey? after, int limit)
    {
        // One range on the key: from the prefix, or from the key to go on after when that lies further.
        var goesOn = after is { } key && string.CompareOrdinal(key.Id, idPrefix) >= 0;
        using var select = session.Prepare(goesOn
            ? "SELECT part, bytes, digest, written_at, id FROM blob WHERE store = ?1 AND kind = ?2 AND (id, part) > (?3, ?4) ORDER BY id, part LIMIT ?5"
            : "SELECT part, bytes, digest, written_at, id FROM blob WHERE store = ?1 AND kind = ?2 AND (id, part) >= (?3, ?4) ORDER BY id, part LIMIT ?5");
        select.With(store.Value).With((int)kind).With(goesOn ? after!.Value.Id : idPrefix).With(goesOn ? after!.Value.Part : 0).With(limit);
        var found = new List<BlobInfo>();
        while (select.Step())
        {
            var info = Info(select, store, kind);
            if (!info.Key.Id.StartsWith(idPrefix, StringComparison.Ordinal))
                break;
            found.Add(info);
        }
        return found;
    }

    private static BlobInfo Info(SqliteStatement row, StoreId store, BlobKind kind) => new(
        new BlobKey(store, kind, row.Text(4), (int)row.Integer(0)), (int)row.Integer(1), row.Blob(2).ToArray(), Timestamp.FromMicroseconds(row.Integer(3)));
}
