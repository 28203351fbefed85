using System.Security.Cryptography;
using DpAttn.Storage.Tests.Sqlite;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>Copies of a database in use, and putting them back.</summary>
public sealed class BackupTests : IAsyncLifetime
{
    private GuardedLedger _guarded = null!;

    private string CopyFile => Path.Combine(Path.GetDirectoryName(_guarded.DataDirectory)!, "backup.db");

    public async ValueTask InitializeAsync() => _guarded = await GuardedLedger.CreateAsync();

    public async ValueTask DisposeAsync() => await _guarded.DisposeAsync();

    [Fact]
    public async Task A_copy_made_under_load_is_of_one_moment_and_opens_like_the_original()
    {
        using var stop = new CancellationTokenSource();
        var load = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
                Assert.True((await _guarded.ChargeAsync(GuardedLedger.Alice, 1)).IsAdmitted);
        });
        await SaveAsync();
        await stop.CancelAsync();
        await load;
        Assert.Equal(["dpattn.db", "dpattn.db-shm", "dpattn.db-wal", "dpattn.key", "dpattn.lock"], Directory.GetFiles(_guarded.DataDirectory).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        var elsewhere = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(CopyFile)!, "elsewhere")).FullName;
        File.Copy(CopyFile, Path.Combine(elsewhere, SqliteStorage.FileName));
        File.Copy(Path.Combine(_guarded.DataDirectory, KeyFile.DefaultName), Path.Combine(elsewhere, KeyFile.DefaultName));
        await using var copy = await SqliteStorage.OpenAsync(new SqliteStorageOptions { Directory = elsewhere });
        Assert.Empty(await copy.Ledger.VerifyAsync(GuardedLedger.Store));
        Assert.Empty((await copy.Guard.VerifyAsync(GuardedLedger.Store)).Faults);
    }

    [Fact]
    public async Task A_copy_put_back_is_behind_the_witness_and_the_database_of_before_is_kept()
    {
        await SaveAsync();
        await _guarded.ChargeAsync(GuardedLedger.Alice);
        var before = await _guarded.SpentAsync();
        Assert.Contains("another process", Assert.Throws<StorageRefusedException>(() => SqliteRestore.Restore(CopyFile, _guarded.DataDirectory)).Message);
        await _guarded.StopAsync();

        var kept = SqliteRestore.Restore(CopyFile, _guarded.DataDirectory);

        var report = Assert.Single(await _guarded.StartAsync());
        Assert.Contains(report.Faults, fault => fault.Kind == LedgerFaultKind.Behind);
        await _guarded.Storage.Guard.AcknowledgeAsync(GuardedLedger.Store, "operator");
        Assert.Equal(before, await _guarded.SpentAsync());
        await _guarded.StopAsync();
        // The kept one goes back the same way: it is behind the acknowledgement.
        Assert.NotNull(SqliteRestore.Restore(kept!, _guarded.DataDirectory));
        Assert.NotEmpty(await _guarded.StartAsync());
    }

    [Fact]
    public async Task What_is_no_whole_backup_of_this_program_is_refused_and_changes_nothing()
    {
        await SaveAsync();
        await _guarded.StopAsync();
        var database = await File.ReadAllBytesAsync(_guarded.DatabaseFile);
        var copy = await File.ReadAllBytesAsync(CopyFile);

        await RequireRefusedAsync<StorageCorruptException>(copy[..^4096]);
        await RequireRefusedAsync<StorageCorruptException>([.. copy[..8192], .. new byte[4096], .. copy[12288..]]);
        await RequireRefusedAsync<StorageException>("a text"u8.ToArray());
        await RequireRefusedAsync<StorageRefusedException>([]);
        await File.WriteAllBytesAsync(CopyFile, copy);
        using (var session = SqliteSession.Open(CopyFile, readOnly: false))
            session.ExecuteScript("INSERT INTO schema_version VALUES (9, 0)");
        await RequireRefusedAsync<StorageRefusedException>(await File.ReadAllBytesAsync(CopyFile));
        // Without the keys that it was made with, what they wrapped would be lost.
        var key = Path.Combine(_guarded.DataDirectory, KeyFile.DefaultName);
        var keys = await File.ReadAllBytesAsync(key);
        File.Delete(key);
        await RequireRefusedAsync<StorageRefusedException>(copy);
        KeyFile.LoadOrCreate(key);
        await RequireRefusedAsync<StorageRefusedException>(copy);
        await File.WriteAllBytesAsync(key, keys);
        Assert.Throws<StorageRefusedException>(() => SqliteRestore.Restore(CopyFile + ".none", _guarded.DataDirectory));
        Assert.Empty(await _guarded.StartAsync());

        async Task RequireRefusedAsync<T>(byte[] backup)
            where T : StorageException
        {
            await File.WriteAllBytesAsync(CopyFile, backup);
            Assert.ThrowsAny<T>(() => SqliteRestore.Restore(CopyFile, _guarded.DataDirectory));
            Assert.Equal(database, await File.ReadAllBytesAsync(_guarded.DatabaseFile));
            Assert.DoesNotContain(Directory.GetFiles(_guarded.DataDirectory), file => file.Contains("restoring", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_copy_that_was_cut_off_is_removed_at_the_next_start()
    {
        await _guarded.StopAsync();
        await File.WriteAllTextAsync(Path.Combine(_guarded.DataDirectory, "dpattn-backup-1"), "rows");
        Assert.Empty(await _guarded.StartAsync());
        Assert.DoesNotContain(Directory.GetFiles(_guarded.DataDirectory), file => file.Contains("backup", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_copy_holds_nothing_that_was_erased()
    {
        var secret = "this was erased before the copy was made"u8.ToArray();
        await _guarded.Storage.Segments.PutAsync(new BlobKey(Sample.Store, BlobKind.Segment, "b"), secret);
        await _guarded.Storage.Segments.DeleteAsync(Sample.Store, BlobKind.Segment, "b");
        await SaveAsync();
        Assert.Equal(-1, (await File.ReadAllBytesAsync(CopyFile)).AsSpan().IndexOf(secret));
    }

    private async Task SaveAsync()
    {
        await using var copy = await _guarded.Storage.Backup.CreateAsync();
        await using (var file = File.Create(CopyFile))
            await copy.Content.CopyToAsync(file);
        Assert.Equal(copy.Bytes, new FileInfo(CopyFile).Length);
        Assert.Equal(copy.Digest.ToArray(), SHA256.HashData(await File.ReadAllBytesAsync(CopyFile)));
    }
}
