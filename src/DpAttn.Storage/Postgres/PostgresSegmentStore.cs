using System.Security.Cryptography;
using DpAttn.Privacy;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>Blobs in the table dpattn_blob.</summary>
internal sealed class PostgresSegmentStore(PostgresDatabase database, TimeProvider clock) : ISegmentStore
{
    private const string InfoColumns = "bytes, sha256, written_at, digest";
    private const int DeletedAtOnce = 16;

    public Task<BlobInfo> PutAsync(BlobKey key, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        BlobKeys.Require(key);
        if (content.Length > ISegmentStore.LargestBlobBytes)
            throw new ArgumentException($"a blob has at most {ISegmentStore.LargestBlobBytes} bytes, and this one {content.Length}; larger content is several parts", nameof(content));
        cancellationToken.ThrowIfCancellationRequested();
        // A copy: the caller may give up and use its buffer again while it is still on its way.
        var own = content.ToArray();
        var sha256 = SHA256.HashData(own);
        return database.WriteAsync("storing a blob", own.Length, session => PutAsync(session, key, own, sha256), cancellationToken);
    }

    public async Task<byte[]?> ReadAsync(BlobKey key, CancellationToken cancellationToken = default)
    {
        BlobKeys.Require(key);
        return (await database.ReadAsync("reading a blob", session => session.QueryAsync(Select(key, $"{InfoColumns}, content"), row =>
        {
            var info = Info(row, key);
            var content = row.GetFieldValue<byte[]>(4);
            BlobDigest.RequireContent(info, content);
            return content;
        }), cancellationToken).ConfigureAwait(false)).FirstOrDefault();
    }

    public async Task<IReadOnlyList<BlobInfo>> ListAsync(StoreId store, BlobKind kind, string idPrefix, BlobKey? after, int limit, CancellationToken cancellationToken = default)
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
        return await database.ReadAsync("listing blobs", session => session.QueryAsync(
            new PostgresStatement($"""
                SELECT {InfoColumns}, id, part FROM dpattn_blob
                WHERE store = $1 AND kind = $2 AND id >= $3 AND ($4::text IS NULL OR id < $4) AND ($5::text IS NULL OR (id, part) > ($5, $6)) ORDER BY id, part LIMIT $7
                """).With(store.Value).With((int)kind).With(idPrefix).With(KeyRange.After(idPrefix)).With(after?.Id).With(after?.Part ?? 0).With(limit),
            row => Info(row, new BlobKey(store, kind, row.GetString(4), row.GetInt32(5)))), cancellationToken).ConfigureAwait(false);
    }

    public Task DeleteAsync(StoreId store, BlobKind kind, string id, CancellationToken cancellationToken = default)
    {
        BlobKeys.Require(new BlobKey(store, kind, id));
        cancellationToken.ThrowIfCancellationRequested();
        var locks = new PostgresLocks(database.Schema);
        AddLocks(locks, isShared: false, store, kind, id);
        return database.WriteAsync("removing a blob", 0, async session =>
        {
            await session.ExecuteAsync(locks.Take(), Delete(store, kind, id)).ConfigureAwait(false);
            return (true, true);
        }, cancellationToken);
    }

    /// <summary>A few at a time, since removing the content of many takes longer than a statement may.</summary>
    public async Task DeleteStoreAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        var name = store.Value;
        cancellationToken.ThrowIfCancellationRequested();
        ulong removed;
        do
        {
            removed = await database.WriteAsync("removing a store's blobs", 0, async session =>
            {
                var locks = new PostgresLocks(database.Schema);
                locks.Add(isShared: false, "blobs", name);
                var delete = new PostgresStatement($"DELETE FROM dpattn_blob WHERE ctid = ANY (ARRAY(SELECT ctid FROM dpattn_blob WHERE store = $1 LIMIT {DeletedAtOnce}))").With(name);
                return (true, (await session.ExecuteAsync(locks.Take(), delete).ConfigureAwait(false))[1]);
            }, cancellationToken).ConfigureAwait(false);
        }
        while (removed > 0);
    }

    /// <summary>Asks for the lock of a blob with all its parts, and for that of its store with others.</summary>
    internal static void AddLocks(PostgresLocks locks, bool isShared, StoreId store, BlobKind kind, string id)
    {
        locks.Add(isShared: true, "blobs", store.Value);
        locks.Add(isShared, "blob", store.Value, $"{kind}", id);
    }

    /// <summary>How many of some blobs are not there; used inside the catalog's transaction.</summary>
    internal static PostgresStatement CountMissing(IReadOnlyList<BlobKey> keys) => new PostgresStatement("""
        SELECT count(*) FROM unnest($1, $2, $3, $4) AS asked (store, kind, id, part)
        WHERE NOT EXISTS (SELECT 1 FROM dpattn_blob blob WHERE blob.store = asked.store AND blob.kind = asked.kind AND blob.id = asked.id AND blob.part = asked.part)
        """)
        .WithAll([.. keys.Select(key => key.Store.Value)]).WithAll([.. keys.Select(key => (int)key.Kind)]).WithAll([.. keys.Select(key => key.Id)]).WithAll([.. keys.Select(key => key.Part)]);

    /// <summary>Removes all parts of a blob; used inside the catalog's transaction too.</summary>
    internal static PostgresStatement Delete(StoreId store, BlobKind kind, string id) =>
        new PostgresStatement("DELETE FROM dpattn_blob WHERE store = $1 AND kind = $2 AND id = $3").With(store.Value).With((int)kind).With(id);

    private async Task<(bool, BlobInfo)> PutAsync(PostgresSession session, BlobKey key, byte[] content, byte[] sha256)
    {
        while (true)
        {
            // Looked for first: a batch that is sent again must not be written again only to be thrown away.
            var found = await session.QueryAsync(Select(key, InfoColumns), row => Info(row, key)).ConfigureAwait(false);
            if (found.Count > 0)
                return (false, found[0]);
            var writtenAt = Timestamp.ToMicroseconds(clock.GetUtcNow());
            var inserted = await session.ExecuteAsync(new PostgresStatement("""
                INSERT INTO dpattn_blob (store, kind, id, part, bytes, sha256, written_at, digest, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
                """)
                .With(key.Store.Value).With((int)key.Kind).With(key.Id).With(key.Part)
                .With(content.Length).With(sha256).With(writtenAt).With(BlobDigest.Of(key, content.Length, sha256, writtenAt).ToArray()).With(content)).ConfigureAwait(false);
            if (inserted[0] == 1)
                return (true, new BlobInfo(key, content.Length, sha256, Timestamp.FromMicroseconds(writtenAt)));
        }
    }

    private static PostgresStatement Select(BlobKey key, string columns) =>
        new PostgresStatement($"SELECT {columns} FROM dpattn_blob WHERE store = $1 AND kind = $2 AND id = $3 AND part = $4").With(key.Store.Value).With((int)key.Kind).With(key.Id).With(key.Part);

    private static BlobInfo Info(NpgsqlDataReader row, BlobKey key)
    {
        var (bytes, sha256, writtenAt) = (row.GetInt32(0), row.GetFieldValue<byte[]>(1), row.GetInt64(2));
        BlobDigest.Of(key, bytes, sha256, writtenAt).Require(row.GetFieldValue<byte[]>(3), BlobDigest.Name(key));
        return new BlobInfo(key, bytes, sha256, Timestamp.FromMicroseconds(writtenAt));
    }
}
