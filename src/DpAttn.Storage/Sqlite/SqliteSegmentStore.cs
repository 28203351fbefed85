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
        var sha256 = SHA256.HashData(own);
        return writer.RunAsync("storing a blob", own.Length, session => Put(session, key, own, sha256), cancellationToken);
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
        using var select = Select(session, key, "1");
        return select.Step();
    }

    /// <summary>Removes all parts of a blob; used inside the catalog's transaction too.</summary>
    internal static int Delete(SqliteSession session, StoreId store, BlobKind kind, string id)
    {
        using var delete = session.Prepare("DELETE FROM blob WHERE store = ?1 AND kind = ?2 AND id = ?3").With(store.Value).With((int)kind).With(id);
        session.HasErased = true;
        return delete.Execute();
    }

    private BlobInfo Put(SqliteSession session, BlobKey key, byte[] content, byte[] sha256)
    {
        using (var select = Select(session, key, "bytes, sha256, written_at, digest"))
        {
            if (select.Step())
                return Info(select, key);
        }
        var writtenAt = Timestamp.ToMicroseconds(clock.GetUtcNow());
        using var insert = session.Prepare("INSERT INTO blob (store, kind, id, part, bytes, sha256, written_at, digest, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
            .With(key.Store.Value).With((int)key.Kind).With(key.Id).With(key.Part)
            .With(content.Length).With(sha256).With(writtenAt).With(BlobDigest.Of(key, content.Length, sha256, writtenAt).ToArray()).With(content);
        insert.Execute();
        return new BlobInfo(key, content.Length, sha256, Timestamp.FromMicroseconds(writtenAt));
    }

    private static byte[]? Read(SqliteSession session, BlobKey key)
    {
        using var select = Select(session, key, "bytes, sha256, written_at, digest, content");
        if (!select.Step())
            return null;
        var info = Info(select, key);
        var content = select.Blob(4);
        BlobDigest.RequireContent(info, content);
        return content.ToArray();
    }

    private static IReadOnlyList<BlobInfo> List(SqliteSession session, StoreId store, BlobKind kind, string idPrefix, BlobKey? after, int limit)
    {
        // One range on the key: from the prefix, or from the key to go on after when that lies further.
        var goesOn = after is { } key && string.CompareOrdinal(key.Id, idPrefix) >= 0;
        using var select = session.Prepare($"""
            SELECT bytes, sha256, written_at, digest, id, part FROM blob
            WHERE store = ?1 AND kind = ?2 AND (id, part) {(goesOn ? ">" : ">=")} (?3, ?4) ORDER BY id, part LIMIT ?5
            """);
        select.With(store.Value).With((int)kind).With(goesOn ? after!.Value.Id : idPrefix).With(goesOn ? after!.Value.Part : 0).With(limit);
        var found = new List<BlobInfo>();
        while (select.Step() && select.Text(4).StartsWith(idPrefix, StringComparison.Ordinal))
            found.Add(Info(select, new BlobKey(store, kind, select.Text(4), (int)select.Integer(5))));
        return found;
    }

    private static SqliteStatement Select(SqliteSession session, BlobKey key, string columns) =>
        session.Prepare($"SELECT {columns} FROM blob WHERE store = ?1 AND kind = ?2 AND id = ?3 AND part = ?4").With(key.Store.Value).With((int)key.Kind).With(key.Id).With(key.Part);

    private static BlobInfo Info(SqliteStatement row, BlobKey key)
    {
        var sha256 = row.Blob(1).ToArray();
        BlobDigest.Of(key, row.Integer(0), sha256, row.Integer(2)).Require(row.Blob(3), BlobDigest.Name(key));
        return new BlobInfo(key, (int)row.Integer(0), sha256, Timestamp.FromMicroseconds(row.Integer(2)));
    }
}
