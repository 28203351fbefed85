using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Data.Sqlite;

namespace DpAttn.Fuzzing.Tests;

/// <summary>Whole database files: a backup that is put back, and a witness. Each case writes files and flushes them, so there are few.</summary>
internal static class FileTargets
{
    private static readonly string Home = MakeHome();

    public static IEnumerable<FuzzTarget> All =>
    [
        new()
        {
            Name = "backup",
            Seeds = [Backup()],
            Tokens = ["SQLite format 3\0", "CREATE TABLE ", "catalog", "\0\0\0\0"],
            Refusals = [typeof(StorageException)],
            BytesPerByte = 16,
            Weight = 0.002,
            Read = bytes =>
            {
                var file = Path.Combine(Home, "backup.db");
                File.WriteAllBytes(file, bytes);
                var kept = SqliteRestore.Restore(file, Path.Combine(Home, "place"));
                if (kept is not null)
                    File.Delete(kept);
                return true;
            },
        },
        new()
        {
            Name = "witness",
            Seeds = [Witness()],
            Tokens = ["SQLite format 3\0", "CREATE TABLE ", "witness_mark", "\0\0\0\0"],
            Refusals = [typeof(StorageException)],
            BytesPerByte = 16,
            Weight = 0.002,
            Read = bytes =>
            {
                var directory = Path.Combine(Home, "witness");
                File.WriteAllBytes(Path.Combine(directory, FileWitness.FileName), bytes);
                var witness = FileWitness.Open(directory);
                try
                {
                    // What is damaged counts as lost, or is refused when it is read.
                    return witness.ReadIdentityAsync().GetAwaiter().GetResult() is not null && witness.ListAsync(new StoreId("s"), null, 10).GetAwaiter().GetResult().Count >= 0;
                }
                finally
                {
                    witness.DisposeAsync().AsTask().GetAwaiter().GetResult();
                    File.Delete(Path.Combine(directory, FileWitness.FileName));
                    File.Delete(Path.Combine(directory, $"{FileWitness.FileName}-journal"));
                }
            },
        },
    ];

    private static string MakeHome()
    {
        var home = Directory.CreateTempSubdirectory("dpattn-fuzz-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(home, recursive: true);
        return home;
    }

    private static byte[] Backup()
    {
        var directory = Path.Combine(Home, "place");
        var storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = directory });
        try
        {
            var copy = storage.Backup.CreateAsync().GetAwaiter().GetResult();
            using var bytes = new MemoryStream();
            copy.Content.CopyTo(bytes);
            copy.DisposeAsync().AsTask().GetAwaiter().GetResult();
            return bytes.ToArray();
        }
        finally
        {
            storage.DisposeAsync().AsTask().GetAwaiter().GetResult();
            SqliteConnection.ClearAllPools();
        }
    }

    private static byte[] Witness()
    {
        var directory = Path.Combine(Home, "witness");
        var witness = FileWitness.Open(directory);
        try
        {
            witness.BeginAsync(new WitnessIdentity("w", "d"), null).GetAwaiter().GetResult();
            WitnessStep First(AccountId? account) => new(null, new WitnessMark(new StoreId("s"), account, 1, new PrivacyAmount(5, 1), new byte[32]));
            witness.RaiseAsync([First(null), First(new AccountId("a"))]).GetAwaiter().GetResult();
        }
        finally
        {
            witness.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        return File.ReadAllBytes(Path.Combine(directory, FileWitness.FileName));
    }
}
