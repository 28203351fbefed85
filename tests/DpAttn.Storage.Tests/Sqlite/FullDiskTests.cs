using System.Diagnostics;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Sqlite;

/// <summary>A real file system of a few megabytes that fills up, where the test may mount one.</summary>
public class FullDiskTests
{
    [Fact]
    public async Task A_full_disk_loses_nothing_that_was_acknowledged_and_writing_goes_on_when_there_is_room_again()
    {
        using var directory = new TemporaryDirectory();
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "mounting a small file system takes root on Linux");
        Assert.SkipUnless(await RunAsync("mount", "-t", "tmpfs", "-o", "size=16m", "dpattn-test", directory.Path) == 0, "this process may not mount a small file system");
        try
        {
            await FillAndGoOnAsync(directory.Path);
        }
        finally
        {
            Assert.Equal(0, await RunAsync("umount", directory.Path));
        }
    }

    private static async Task FillAndGoOnAsync(string directory)
    {
        StoreId store = new("store");
        AccountId account = new("account");
        var limit = new PrivacyLimit(new Epsilon(1), new Delta(1e-6));
        var options = new SqliteStorageOptions { Directory = Path.Combine(directory, "data") };
        var ballast = Path.Combine(directory, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[4 << 20]);
        var (stored, charged) = (0, 0);
        await using (var storage = await SqliteStorage.OpenAsync(options))
        {
            await storage.Ledger.CreateStoreAsync(store, limit);
            await storage.Ledger.SetLimitAsync(store, account, limit);
            await Assert.ThrowsAsync<StorageFullException>(async () =>
            {
                for (; ; stored++)
                    await storage.Segments.PutAsync(Blob(store, stored), new byte[300_000]);
            });
            await Assert.ThrowsAsync<StorageFullException>(async () =>
            {
                for (; ; charged++)
                    await ChargeAsync(storage, charged);
            });
            // Full, and still reading; and asking again gives the same answer, not a broken storage.
            await Assert.ThrowsAsync<StorageFullException>(() => ChargeAsync(storage, charged));
            await CheckAsync(storage);

            File.Delete(ballast);
            Assert.True((await ChargeAsync(storage, charged)).IsAdmitted);
            charged++;
            await storage.Segments.PutAsync(Blob(store, stored++), new byte[300_000]);
            await CheckAsync(storage);
        }
        await using (var storage = await SqliteStorage.OpenAsync(options))
            await CheckAsync(storage);

        Task<LedgerDecision> ChargeAsync(SqliteStorage storage, int request) =>
            storage.Ledger.ChargeAsync(store, account, new RequestId($"request-{request}"), RequestFingerprint.Of([1]), new PrivacyAmount(1, 0));

        async Task CheckAsync(SqliteStorage storage)
        {
            Assert.True(stored > 3, "the file system holds a few blobs");
            for (var i = 0; i < stored; i++)
                Assert.Equal(300_000, (await storage.Segments.ReadAsync(Blob(store, i)))!.Length);
            Assert.Null(await storage.Segments.ReadAsync(Blob(store, stored)));
            Assert.Equal(charged, (await storage.Ledger.ReadAccountAsync(store, account))!.Spent.MuSquared);
            Assert.Empty(await storage.Ledger.VerifyAsync(store));
        }
    }

    private static BlobKey Blob(StoreId store, int number) => new(store, BlobKind.Segment, $"{number}");

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
