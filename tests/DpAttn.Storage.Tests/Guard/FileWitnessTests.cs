using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>The witness only moves forward, keeps what it was told, and says where it was not told the truth.</summary>
public sealed class FileWitnessTests : IDisposable
{
    private static readonly StoreId Store = new("store-1");
    private static readonly AccountId Alice = new("alice");
    private static readonly WitnessIdentity Identity = new("witness-1", "database-1");

    private readonly TemporaryDirectory _directory = new();

    private string Place => _directory.File("witness");

    private string WitnessFile => Path.Combine(Place, FileWitness.FileName);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task What_it_was_told_is_there_after_opening_again()
    {
        await using (var witness = await BeginAsync())
        {
            Assert.Empty(await witness.RaiseAsync([Mark(3, 30), Mark(5, 50), StoreMark(9, 80)]));
            Assert.Empty(await witness.RaiseAsync([Mark(6, 50)]));
        }
        await using var again = Open();
        Assert.Equal(Identity, await again.ReadIdentityAsync());
        RequireSame(Mark(6, 50), await again.FindAsync(Store, Alice));
        RequireSame(StoreMark(9, 80), await again.FindAsync(Store, null));
        Assert.Null(await again.FindAsync(Store, new AccountId("bob")));
    }

    [Fact]
    public async Task It_never_moves_back_and_tells_what_stood_there()
    {
        await using var witness = await BeginAsync();
        await witness.RaiseAsync([Mark(5, 50)]);

        // Older, of the same version and another state, and later with less spent: none of them rises.
        RequireSame(Mark(5, 50), Assert.Single(await witness.RaiseAsync([Mark(4, 40)])));
        RequireSame(Mark(5, 50), Assert.Single(await witness.RaiseAsync([Mark(5, 51)])));
        RequireSame(Mark(5, 50), Assert.Single(await witness.RaiseAsync([Mark(5, 50, mac: 9)])));
        RequireSame(Mark(5, 50), Assert.Single(await witness.RaiseAsync([Mark(7, 49)])));
        // The very same again is no contradiction.
        Assert.Empty(await witness.RaiseAsync([Mark(5, 50)]));

        RequireSame(Mark(5, 50), await witness.FindAsync(Store, Alice));
    }

    [Fact]
    public async Task What_it_saw_is_not_written_over_in_the_round_that_contradicts_it()
    {
        await using var witness = await BeginAsync();
        await witness.RaiseAsync([Mark(10, 100)]);
        RequireSame(Mark(10, 100), Assert.Single(await witness.RaiseAsync([Mark(10, 91, mac: 9), Mark(12, 120, mac: 9), StoreMark(3, 120)])));
        RequireSame(Mark(10, 100), await witness.FindAsync(Store, Alice));
        RequireSame(StoreMark(3, 120), await witness.FindAsync(Store, null));
    }

    [Fact]
    public async Task Marks_are_listed_in_ordinal_order_the_stores_own_first()
    {
        await using var witness = await BeginAsync();
        string[] accounts = ["b", "a-1", "a", "Z", "~", "a1"];
        await witness.RaiseAsync([StoreMark(1, 1), .. accounts.Select(account => new WitnessMark(Store, new AccountId(account), 1, new PrivacyAmount(1, 0), new byte[32]))]);
        await witness.RaiseAsync([new WitnessMark(new StoreId("store-0"), null, 1, default, new byte[32])]);

        var listed = new List<string>();
        string? after = null;
        while (await witness.ListAsync(Store, after, 2) is { Count: > 0 } page)
        {
            listed.AddRange(page.Select(mark => mark.Account?.Value ?? ""));
            after = listed[^1];
        }

        Assert.Equal(["", .. accounts.Order(StringComparer.Ordinal)], listed);
        Assert.Equal(["store-0", "store-1"], (await witness.ListStoresAsync(null, 10)).Select(store => store.Value));
        Assert.Equal(["store-1"], (await witness.ListStoresAsync(new StoreId("store-0"), 10)).Select(store => store.Value));
    }

    [Fact]
    public async Task Beginning_anew_puts_the_old_one_aside()
    {
        await using (var witness = await BeginAsync())
        {
            await witness.RaiseAsync([Mark(5, 50)]);
            await witness.BeginAsync(new WitnessIdentity("witness-2", "database-1"));
            Assert.Null(await witness.FindAsync(Store, Alice));
            await witness.BeginAsync(new WitnessIdentity("witness-3", "database-1"));
        }
        Assert.True(File.Exists($"{WitnessFile}.1") && File.Exists($"{WitnessFile}.2"));
        File.Move($"{WitnessFile}.1", WitnessFile, overwrite: true);
        await using var old = Open();
        Assert.Equal(Identity, await old.ReadIdentityAsync());
        RequireSame(Mark(5, 50), await old.FindAsync(Store, Alice));
    }

    [Fact]
    public async Task One_that_was_never_begun_or_is_damaged_is_lost()
    {
        await using (var witness = Open())
        {
            Assert.Null(await witness.ReadIdentityAsync());
            await Assert.ThrowsAsync<StorageUnavailableException>(() => witness.RaiseAsync([Mark(1, 1)]));
        }
        await using (var witness = await BeginAsync())
            await witness.RaiseAsync([Mark(5, 50)]);
        var whole = await File.ReadAllBytesAsync(WitnessFile);
        for (var i = 0; i < whole.Length; i += 37)
        {
            var damaged = (byte[])whole.Clone();
            damaged[i] ^= 0x10;
            await File.WriteAllBytesAsync(WitnessFile, damaged);
            await using var witness = Open();
            // Lost, or harmed in free space: never another mark.
            if (await witness.ReadIdentityAsync() is { } identity)
            {
                Assert.Equal(Identity, identity);
                RequireSame(Mark(5, 50), await witness.FindAsync(Store, Alice));
            }
        }
        await File.WriteAllBytesAsync(WitnessFile, whole[..^4096]);
        await using (var witness = Open())
            Assert.Null(await witness.ReadIdentityAsync());
        await File.WriteAllTextAsync(WitnessFile, "no database");
        await using (var witness = Open())
            Assert.Null(await witness.ReadIdentityAsync());
    }

    [Fact]
    public void It_may_not_lie_within_the_databases_directory()
    {
        var data = Directory.CreateDirectory(_directory.File("data")).FullName;
        RequireRefused(data);
        RequireRefused(Path.Combine(data, "witness"));
        RequireRefused(Path.Combine(_directory.Path, "other", "..", "data", "x", "y"));
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateSymbolicLink(_directory.File("link"), data);
            RequireRefused(_directory.File("link"));
            RequireRefused(Path.Combine(_directory.File("link"), "deeper"));
        }
        Assert.False(FileWitness.IsWithin(_directory.File("data-witness"), data));
        Assert.False(FileWitness.IsWithin(_directory.Path, data));
        // Whoever lets the storage open it is refused as well.
        Assert.Throws<StorageRefusedException>(() => SqliteStorage.Open(new SqliteStorageOptions { Directory = data, WitnessDirectory = Path.Combine(data, "w") }));
        SqliteStorage.Open(new SqliteStorageOptions { Directory = data }).Dispose();

        void RequireRefused(string place) => Assert.Contains("within the directory of its database", Assert.Throws<StorageRefusedException>(() => FileWitness.Open(place, data)).Message);
    }

    [Fact]
    public async Task One_process_uses_it_at_a_time_and_a_newer_one_is_refused()
    {
        await using (await BeginAsync())
            Assert.Contains("in use", Assert.Throws<StorageRefusedException>(() => Open()).Message);
        using (var session = SqliteSession.Open(WitnessFile, readOnly: false))
            session.ExecuteScript("PRAGMA user_version = 2");
        Assert.Contains("version 2", Assert.Throws<StorageRefusedException>(() => Open()).Message);
    }

    private FileWitness Open() => FileWitness.Open(Place, _directory.File("data"));

    private async Task<FileWitness> BeginAsync()
    {
        var witness = Open();
        await witness.BeginAsync(Identity);
        return witness;
    }

    private static WitnessMark Mark(long version, long spent, byte mac = 1) => new(Store, Alice, version, new PrivacyAmount(spent, 0), Enumerable.Repeat((byte)(mac + version), 32).ToArray());

    private static WitnessMark StoreMark(long version, long spent) => new(Store, null, version, new PrivacyAmount(spent, 0), new byte[32]);

    private static void RequireSame(WitnessMark expected, WitnessMark? actual)
    {
        Assert.NotNull(actual);
        Assert.True(expected.IsSameState(actual) && expected.Store == actual.Store && expected.Account == actual.Account, $"{expected} expected, and {actual} found");
    }
}
