using System.Runtime.Versioning;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Storage.Tests.Sqlite;

/// <summary>What opening a directory accepts, refuses and makes.</summary>
public sealed class OpeningTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private SqliteStorageOptions Options => new() { Directory = _directory.File("data") };

    private string DatabaseFile => Path.Combine(Options.Directory, SqliteStorage.FileName);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_directory_that_another_process_uses_is_refused_until_that_process_is_killed()
    {
        using var child = new ChildProcess("hold", Options.Directory);
        Assert.Equal("open", await child.ReadLineAsync());

        var failure = await Assert.ThrowsAsync<StorageRefusedException>(() => SqliteStorage.OpenAsync(Options));
        Assert.Contains("another process holds", failure.Message);
        Assert.Contains(Options.Directory, failure.Message);

        await child.KillAsync();
        await using var storage = await SqliteStorage.OpenAsync(Options);
    }

    [Fact]
    public async Task A_second_process_is_refused_with_a_reason()
    {
        await using var storage = await SqliteStorage.OpenAsync(Options);
        using var child = new ChildProcess("hold", Options.Directory);
        Assert.Contains("another process holds", await child.ErrorAsync());
    }

    [Fact]
    public async Task A_directory_is_free_again_after_closing_and_after_a_failed_opening()
    {
        var first = await SqliteStorage.OpenAsync(Options);
        await Assert.ThrowsAsync<StorageRefusedException>(() => SqliteStorage.OpenAsync(Options));
        await first.DisposeAsync();
        await first.DisposeAsync();

        await AlterAsync("INSERT INTO schema_version VALUES (9, 0)");
        await Assert.ThrowsAsync<StorageRefusedException>(() => SqliteStorage.OpenAsync(Options));
        await AlterAsync("DELETE FROM schema_version WHERE version = 9");

        await (await SqliteStorage.OpenAsync(Options)).DisposeAsync();
    }

    [Fact]
    public async Task A_newer_schema_is_refused_with_both_versions_and_left_as_it_is()
    {
        await (await SqliteStorage.OpenAsync(Options)).DisposeAsync();
        await AlterAsync("INSERT INTO schema_version VALUES (3, 0)");
        var before = await File.ReadAllBytesAsync(DatabaseFile);

        var failure = await Assert.ThrowsAsync<StorageRefusedException>(() => SqliteStorage.OpenAsync(Options));

        Assert.Contains("schema version 3", failure.Message);
        Assert.Contains("up to 2", failure.Message);
        Assert.Equal(before, await File.ReadAllBytesAsync(DatabaseFile));
    }

    [Fact]
    public async Task A_database_of_another_program_is_refused_and_left_as_it_is()
    {
        Directory.CreateDirectory(Options.Directory);
        await File.WriteAllBytesAsync(DatabaseFile, []);
        await AlterAsync("CREATE TABLE theirs (x)");
        var before = await File.ReadAllBytesAsync(DatabaseFile);
        var failure = await Assert.ThrowsAsync<StorageRefusedException>(() => SqliteStorage.OpenAsync(Options));
        Assert.Contains("another program", failure.Message);
        Assert.Equal(before, await File.ReadAllBytesAsync(DatabaseFile));
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_refused_and_left_as_it_is()
    {
        Directory.CreateDirectory(Options.Directory);
        var text = string.Concat(Enumerable.Repeat("not a database. ", 1000));
        await File.WriteAllTextAsync(DatabaseFile, text);
        await Assert.ThrowsAsync<StorageCorruptException>(() => SqliteStorage.OpenAsync(Options));
        Assert.Equal(text, await File.ReadAllTextAsync(DatabaseFile));
    }

    [Fact]
    public async Task A_large_file_is_not_read_whole_at_start_and_a_damaged_total_is_found_still()
    {
        var root = 0;
        await using (var storage = await SqliteStorage.OpenAsync(Options))
        {
            for (var i = 0; i < 17; i++)
                await storage.Segments.PutAsync(new BlobKey(new StoreId("s"), BlobKind.Segment, $"{i}"), new byte[ISegmentStore.LargestBlobBytes]);
            await storage.Ledger.CreateStoreAsync(new StoreId("s"), new PrivacyLimit(new Epsilon(1), new Delta(1e-6)));
            root = await storage.Writer.RunAsync("looking", 0, session => int.Parse(session.Scalar("SELECT rootpage FROM sqlite_schema WHERE name = 'ledger_book'")!), default);
        }
        Assert.True(new FileInfo(DatabaseFile).Length > SqliteIntegrity.SmallBytes);
        await ZeroAsync(page: (int)(new FileInfo(DatabaseFile).Length / 4096 / 2));
        // A page of content is not looked at before somebody reads it.
        await using (var storage = await SqliteStorage.OpenAsync(Options))
            Assert.Equal(17, (await storage.Segments.ListAsync(new StoreId("s"), BlobKind.Segment, "", null, 100)).Count);
        await ZeroAsync(root);
        await Assert.ThrowsAsync<StorageCorruptException>(() => SqliteStorage.OpenAsync(Options));

        async Task ZeroAsync(int page)
        {
            await using var file = new FileStream(DatabaseFile, FileMode.Open, FileAccess.Write);
            file.Position = (page - 1) * 4096L;
            await file.WriteAsync(new byte[4096]);
        }
    }

    [Fact]
    public async Task A_directory_that_cannot_be_made_is_refused_with_its_name()
    {
        var file = _directory.File("file");
        await File.WriteAllTextAsync(file, "x");
        var failure = await Assert.ThrowsAsync<StorageRefusedException>(() => SqliteStorage.OpenAsync(Options with { Directory = Path.Combine(file, "data") }));
        Assert.Contains(file, failure.Message);
    }

    [Theory]
    [InlineData("synchronous", "OFF")]
    [InlineData("synchronous", "NORMAL")]
    [InlineData("journal_mode", "MEMORY")]
    [InlineData("journal_mode", "DELETE")]
    [InlineData("secure_delete", "OFF")]
    [InlineData("foreign_keys", "OFF")]
    public void A_connection_that_does_not_keep_what_it_acknowledges_is_refused(string setting, string value)
    {
        SqliteStorage.Open(Options).Dispose();
        using var session = SqliteSession.Open(DatabaseFile, readOnly: false);
        SqlitePragmas.ApplyToWriter(session);
        session.ExecuteScript($"PRAGMA {setting} = {value}");

        var failure = Assert.Throws<StorageRefusedException>(() => SqlitePragmas.RequireWriter(session));

        Assert.Contains(setting, failure.Message);
    }

    [Fact]
    public void The_writers_connection_flushes_and_erases_and_a_readers_writes_nothing()
    {
        SqliteStorage.Open(Options).Dispose();
        using var writer = SqliteSession.Open(DatabaseFile, readOnly: false);
        SqlitePragmas.ApplyToWriter(writer);
        Assert.Equal(("wal", "2", "1", "1"), (writer.Scalar("PRAGMA journal_mode"), writer.Scalar("PRAGMA synchronous"), writer.Scalar("PRAGMA secure_delete"), writer.Scalar("PRAGMA foreign_keys")));
        using var reader = SqliteSession.Open(DatabaseFile, readOnly: true);
        SqlitePragmas.ApplyToReader(reader);
        Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => reader.Execute("DELETE FROM catalog"));
    }

    [Fact]
    public void The_schema_is_applied_once_and_its_scripts_may_be_run_again()
    {
        SqliteStorage.Open(Options).Dispose();
        var before = Schema();
        SqliteStorage.Open(Options).Dispose();
        Assert.Equal(before, Schema());
        using (var session = SqliteSession.Open(DatabaseFile, readOnly: false))
        {
            for (var version = 1; version <= SqliteSchema.Version; version++)
                session.ExecuteScript(SqliteSchema.Script(version));
        }
        Assert.Equal(before, Schema());

        string? Schema()
        {
            using var session = SqliteSession.Open(DatabaseFile, readOnly: true);
            return session.Scalar("SELECT group_concat(sql, ';') || (SELECT group_concat(version) FROM schema_version) FROM sqlite_schema");
        }
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task Only_the_owner_may_use_the_directory_and_its_files()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "file modes are those of Unix");
        await using var storage = await SqliteStorage.OpenAsync(Options with { Directory = Path.Combine(Options.Directory, "deeper") });
        await storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("a", "b", 0, new byte[1])] });

        var directory = Path.Combine(Options.Directory, "deeper");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
        var files = Directory.GetFiles(directory);
        Assert.True(files.Length >= 4, "database, log, its index and the lock");
        Assert.All(files, file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
    }

    [Fact]
    public async Task What_comes_after_closing_is_refused()
    {
        var storage = await SqliteStorage.OpenAsync(Options);
        var (ledger, segments) = (storage.Ledger, storage.Segments);
        await storage.DisposeAsync();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => ledger.CloseStoreAsync(new StoreId("s")));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => segments.ReadAsync(new BlobKey(new StoreId("s"), BlobKind.Node, "x")));
    }

    [Fact]
    public async Task What_was_queued_before_closing_is_carried_out()
    {
        var storage = await SqliteStorage.OpenAsync(Options);
        var puts = Enumerable.Range(0, 200).Select(i => storage.Segments.PutAsync(new BlobKey(new StoreId("s"), BlobKind.Node, $"{i}"), new byte[100])).ToArray();
        await storage.DisposeAsync();
        await Task.WhenAll(puts);
        await using var again = await SqliteStorage.OpenAsync(Options);
        Assert.Equal(200, (await again.Segments.ListAsync(new StoreId("s"), BlobKind.Node, "", null, 1000)).Count);
    }

    [Fact]
    public async Task Services_get_the_parts_of_one_storage_that_closes_with_the_container()
    {
        await using (var services = new ServiceCollection().AddDpAttnSqliteStorage(Options).BuildServiceProvider())
        {
            var storage = services.GetRequiredService<SqliteStorage>();
            Assert.Same(storage.Ledger, services.GetRequiredService<IBudgetLedger>());
            Assert.Same(storage.Segments, services.GetRequiredService<ISegmentStore>());
            Assert.Same(storage.Catalog, services.GetRequiredService<ICatalog>());
            Assert.Throws<StorageRefusedException>(() => SqliteStorage.Open(Options));
        }
        SqliteStorage.Open(Options).Dispose();
    }

    [Theory]
    [InlineData(nameof(SqliteStorageOptions.Directory))]
    [InlineData(nameof(SqliteStorageOptions.QueueCapacity))]
    [InlineData(nameof(SqliteStorageOptions.QueueBytes))]
    [InlineData(nameof(SqliteStorageOptions.Readers))]
    public void A_setting_out_of_range_is_refused_by_name(string setting)
    {
        var options = setting switch
        {
            nameof(SqliteStorageOptions.Directory) => Options with { Directory = " " },
            nameof(SqliteStorageOptions.QueueCapacity) => Options with { QueueCapacity = 0 },
            nameof(SqliteStorageOptions.QueueBytes) => Options with { QueueBytes = 1 << 20 },
            _ => Options with { Readers = 65 },
        };
        Assert.Contains(setting, Assert.Throws<ArgumentException>(() => SqliteStorage.Open(options)).Message);
    }

    private async Task AlterAsync(string sql)
    {
        using var session = SqliteSession.Open(DatabaseFile, readOnly: false);
        await Task.Run(() => session.ExecuteScript($"{sql}; PRAGMA wal_checkpoint(TRUNCATE)"));
    }
}
