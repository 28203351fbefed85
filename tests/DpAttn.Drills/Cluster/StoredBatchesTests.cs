using DpAttn.PostgresServer;
using DpAttn.Storage;

namespace DpAttn.Drills;

/// <summary>What the drill's checker reads of the database: a segment that is gone, cut or changed is seen.</summary>
public sealed class StoredBatchesTests
{
    [Theory]
    [InlineData("SELECT 1", 7)]
    [InlineData("DELETE FROM dpattn_blob WHERE id = 'b2'", 4)]
    [InlineData("DELETE FROM dpattn_blob WHERE id = 'b1' AND part = 1", 3)]
    [InlineData("UPDATE dpattn_blob SET content = 'Parts' WHERE id = 'b1' AND part = 1", 3)]
    [InlineData("UPDATE dpattn_blob SET store = 'other' WHERE id = 'b2'", 4)]
    [InlineData("DELETE FROM dpattn_catalog WHERE kind = 'segment' AND key = 's/000000000006'", 4)]
    public async Task A_segment_counts_only_when_all_of_its_content_is_there(string damage, int wholeRows)
    {
        var database = await LocalDatabase.CreateAsync();
        var directory = Directory.CreateTempSubdirectory("dpattn-batches-");
        try
        {
            await PostgresStorage.MigrateAsync(new PostgresStorageOptions { ConnectionString = database, Keys = KeyFile.LoadOrCreate(Path.Combine(directory.FullName, "keys")) }, TestContext.Current.CancellationToken);
            await LocalPostgres.ExecuteAsync(database, """
                INSERT INTO dpattn_blob (store, kind, id, part, bytes, sha256, written_at, digest, content)
                SELECT 's', 1, id, part, length(content), sha256(content), 0, '', content FROM (VALUES ('b1', 0, 'two '::bytea), ('b1', 1, 'parts'), ('b2', 0, 'one')) AS blob (id, part, content);
                INSERT INTO dpattn_catalog (kind, key, version, digest, content)
                SELECT kind, key, 1, '', convert_to(content, 'UTF8') FROM (VALUES
                    ('batch', 's/first', '{"batch":"first","firstSlot":0,"slots":7,"firstSegment":5,"segments":2}'),
                    ('segment', 's/000000000005', '{"blob":"b1","rows":4,"digest":"' || encode(sha256('two parts'), 'hex') || '"}'),
                    ('segment', 's/000000000006', '{"blob":"b2","rows":3,"digest":"' || encode(sha256('one'), 'hex') || '"}')) AS document (kind, key, content);
                """);
            await LocalPostgres.ExecuteAsync(database, damage);
            Assert.Equal([new StoredBatch("s", "first", 0, 7, wholeRows)], await StoredBatches.ReadAsync(database));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
