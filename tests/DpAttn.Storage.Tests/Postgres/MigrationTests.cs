using DpAttn.PostgresServer;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>Making and upgrading the tables.</summary>
public sealed class MigrationTests
{
    [Fact]
    public async Task Applying_the_schema_again_changes_nothing()
    {
        var options = await EmptyAsync();
        Assert.Equal((0, PostgresSchema.Version), await PostgresStorage.MigrateAsync(options));
        await using (var storage = await PostgresStorage.OpenAsync(options))
            await storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", "key", 0, new byte[] { 7 })] });

        Assert.Equal((PostgresSchema.Version, PostgresSchema.Version), await PostgresStorage.MigrateAsync(options));

        await using var again = await PostgresStorage.OpenAsync(options);
        Assert.Equal([7], (await again.Catalog.ReadAsync("kind", "key"))!.Content.ToArray());
    }

    [Fact]
    public async Task Of_many_who_apply_the_schema_at_once_one_does_it()
    {
        var options = await EmptyAsync();
        var found = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => PostgresStorage.MigrateAsync(options))));
        Assert.Single(found, result => result.Found == 0);
        Assert.All(found, result => Assert.Equal(PostgresSchema.Version, result.Now));
        await using var storage = await PostgresStorage.OpenAsync(options);
    }

    [Fact]
    public async Task A_schema_of_a_newer_version_is_refused_and_left_alone()
    {
        var options = await EmptyAsync();
        await PostgresStorage.MigrateAsync(options);
        await LocalPostgres.ExecuteAsync(options.ConnectionString, "INSERT INTO dpattn_schema_version VALUES (99, 0)");

        foreach (var action in new Func<Task>[] { () => PostgresStorage.OpenAsync(options), () => PostgresStorage.MigrateAsync(options) })
        {
            var refusal = await Assert.ThrowsAsync<StorageRefusedException>(action);
            Assert.Contains("99", refusal.Message);
            Assert.Contains($"up to {PostgresSchema.Version}", refusal.Message);
        }
    }

    [Fact]
    public async Task A_schema_of_an_older_version_is_refused_with_what_to_run()
    {
        var options = await EmptyAsync();
        await PostgresStorage.MigrateAsync(options);
        await LocalPostgres.ExecuteAsync(options.ConnectionString, "DELETE FROM dpattn_schema_version");
        Assert.Contains("--migrate", (await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.OpenAsync(options))).Message);
    }

    [Fact]
    public async Task A_migration_that_fails_leaves_nothing()
    {
        var options = await EmptyAsync();
        // Something of that name is in the way.
        await LocalPostgres.ExecuteAsync(options.ConnectionString, "CREATE VIEW dpattn_catalog AS SELECT 1 AS kind");

        var failure = await Assert.ThrowsAsync<StorageUnavailableException>(() => PostgresStorage.MigrateAsync(options));

        Assert.Contains("dpattn_catalog", failure.Message);
        await LocalPostgres.ExecuteAsync(options.ConnectionString, "DROP VIEW dpattn_catalog");
        Assert.Equal((0, PostgresSchema.Version), await PostgresStorage.MigrateAsync(options));
    }

    private static async Task<PostgresStorageOptions> EmptyAsync() => new() { Keys = PostgresUnderTest.Keys, ConnectionString = await PostgresUnderTest.CreateSchemaAsync() };
}
