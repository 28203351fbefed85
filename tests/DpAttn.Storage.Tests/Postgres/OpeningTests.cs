using Npgsql;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>What opening refuses, and that its messages say what to do and hold no password.</summary>
public sealed class OpeningTests(OwnServer own) : IClassFixture<OwnServer>
{
    [Theory]
    [InlineData("fsync")]
    [InlineData("full_page_writes")]
    [InlineData("synchronous_commit")]
    public async Task A_server_that_would_not_keep_what_it_acknowledges_is_refused(string setting)
    {
        var options = await own.MigratedAsync();
        await own.SetAsync(setting, "off");
        try
        {
            var refusal = await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.OpenAsync(options));
            Assert.Contains($"its setting {setting} is off", refusal.Message);
            await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.MigrateAsync(options));
        }
        finally
        {
            await own.SetAsync(setting, "on");
        }
        await using var storage = await PostgresStorage.OpenAsync(options);
        Assert.True(await storage.Catalog.CommitAsync(new CatalogCommit()));
    }

    [Fact]
    public async Task A_connection_string_cannot_switch_the_flush_off()
    {
        var options = await own.MigratedAsync();
        await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.OpenAsync(options with { ConnectionString = $"{options.ConnectionString};Options=-c synchronous_commit=off" }));
    }

    [Fact]
    public async Task A_server_that_stops_flushing_later_is_refused_at_the_next_connection_and_does_not_reach_open_ones()
    {
        var options = await own.MigratedAsync();
        await using var storage = await PostgresStorage.OpenAsync(options);
        await storage.Catalog.CommitAsync(new CatalogCommit());
        await own.SetAsync("synchronous_commit", "off");
        try
        {
            // The connection in the pool was pinned to what it was when it was made.
            var kept = await storage.Database.ReadAsync("test", session => session.QueryAsync(new PostgresStatement("SHOW synchronous_commit"), row => row.GetString(0)), default);
            Assert.Equal(["on"], kept);
            await own.AdministerAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dpattn'");
            await Assert.ThrowsAsync<StorageRefusedException>(() => storage.Catalog.ReadAsync("kind", "key"));
            await Assert.ThrowsAsync<StorageRefusedException>(() => storage.Catalog.CommitAsync(new CatalogCommit()));
        }
        finally
        {
            await own.SetAsync("synchronous_commit", "on");
        }
        Assert.True(await storage.Catalog.CommitAsync(new CatalogCommit()));
    }

    [Fact]
    public async Task A_database_that_may_only_be_read_is_refused()
    {
        var options = await own.MigratedAsync();
        var name = new NpgsqlConnectionStringBuilder(options.ConnectionString).Database;
        await own.AdministerAsync($"ALTER DATABASE {name} SET default_transaction_read_only = on");
        Assert.Contains("read-only", (await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.OpenAsync(options))).Message);
    }

    [Fact]
    public async Task A_database_of_another_encoding_is_refused()
    {
        await own.AdministerAsync("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0");
        var options = new PostgresStorageOptions { Keys = PostgresUnderTest.Keys, ConnectionString = own.Server.ConnectionString("ascii") };
        Assert.Contains("SQL_ASCII", (await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.MigrateAsync(options))).Message);
    }

    [Fact]
    public async Task A_database_without_tables_is_refused_with_what_to_run()
    {
        var options = new PostgresStorageOptions { Keys = PostgresUnderTest.Keys, ConnectionString = await own.Server.CreateDatabaseAsync() };
        Assert.Contains("--migrate", (await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.OpenAsync(options))).Message);
    }

    [Fact]
    public async Task A_search_path_without_a_schema_is_refused()
    {
        var options = new PostgresStorageOptions { Keys = PostgresUnderTest.Keys, ConnectionString = $"{await own.Server.CreateDatabaseAsync()};Search Path=missing" };
        Assert.Contains("search path", (await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.MigrateAsync(options))).Message);
        Assert.Contains("search path", (await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.OpenAsync(options))).Message);
    }

    [Fact]
    public async Task A_wrong_password_or_a_missing_database_is_told_without_the_connection_string()
    {
        var right = await own.Server.CreateDatabaseAsync();
        foreach (var wrong in new[] { right.Replace(own.Server.Password, "wrong-secret", StringComparison.Ordinal), right.Replace("Database=test", "Database=missing", StringComparison.Ordinal) })
        {
            Assert.NotEqual(right, wrong);
            var failure = await Assert.ThrowsAsync<StorageUnavailableException>(() => PostgresStorage.OpenAsync(new PostgresStorageOptions { Keys = PostgresUnderTest.Keys, ConnectionString = wrong }));
            RequireNoSecret(failure, own.Server.Password, "wrong-secret", wrong);
        }
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Password=one;two-of-the-secret=three")]
    [InlineData("Host=127.0.0.1;Password=one;Port=two-of-the-secret")]
    [InlineData("Password=two-of-the-secret")]
    [InlineData("two-of-the-secret")]
    public async Task What_is_no_connection_string_is_told_without_repeating_it(string connectionString)
    {
        var options = new PostgresStorageOptions { Keys = PostgresUnderTest.Keys, ConnectionString = connectionString };
        RequireNoSecret(await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.OpenAsync(options)), "two-of-the-secret");
        Assert.DoesNotContain("secret", $"{options}");
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_unavailable()
    {
        var options = new PostgresStorageOptions { Keys = PostgresUnderTest.Keys, ConnectionString = "Host=127.0.0.1;Port=1;Username=u;Password=some-secret;Database=d" };
        RequireNoSecret(await Assert.ThrowsAsync<StorageUnavailableException>(() => PostgresStorage.OpenAsync(options)), "some-secret");
    }

    [Theory]
    [InlineData("QueueCapacity")]
    [InlineData("QueueBytes")]
    [InlineData("Lanes")]
    [InlineData("Writers")]
    [InlineData("Readers")]
    public async Task A_setting_out_of_its_range_is_named(string name)
    {
        var options = new PostgresStorageOptions { Keys = PostgresUnderTest.Keys, ConnectionString = "Host=127.0.0.1" };
        typeof(PostgresStorageOptions).GetProperty(name)!.SetValue(options, 0);
        Assert.Contains(name, (await Assert.ThrowsAsync<ArgumentException>(() => PostgresStorage.OpenAsync(options))).Message);
    }

    private static void RequireNoSecret(Exception failure, params string[] secrets)
    {
        foreach (var secret in secrets)
            Assert.DoesNotContain(secret, $"{failure}");
    }
}
