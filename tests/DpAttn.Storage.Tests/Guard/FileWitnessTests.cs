using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>The witness in a file.</summary>
public sealed class FileWitnessTests : WitnessConformance
{
    private readonly TemporaryDirectory _directory = new();

    private string Place => _directory.File("witness");

    private string WitnessFile => Path.Combine(Place, FileWitness.FileName);

    protected override Task<ILedgerWitness> OpenAsync() => Task.FromResult<ILedgerWitness>(Open());

    public override ValueTask DisposeAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Beginning_anew_puts_the_old_one_aside()
    {
        await using (var witness = await BeginAsync())
        {
            await witness.RaiseAsync([Step(null, Mark(5, 50))]);
            Assert.True(await witness.BeginAsync(new WitnessIdentity("witness-2", "database-1"), Identity));
            Assert.Null(await witness.FindAsync(Store, Alice));
            Assert.True(await witness.BeginAsync(new WitnessIdentity("witness-3", "database-1"), new WitnessIdentity("witness-2", "database-1")));
        }
        Assert.True(File.Exists($"{WitnessFile}.1") && File.Exists($"{WitnessFile}.2"));
        File.Move($"{WitnessFile}.1", WitnessFile, overwrite: true);
        await using var old = Open();
        Assert.Equal(Identity, await old.ReadIdentityAsync());
        RequireSame(Mark(5, 50), await old.FindAsync(Store, Alice));
    }

    [Fact]
    public async Task One_that_is_damaged_is_lost()
    {
        await using (var witness = await BeginAsync())
            await witness.RaiseAsync([Step(null, Mark(5, 50))]);
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
}
