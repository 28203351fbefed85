using DpAttn.Privacy;
using DpAttn.Storage.Tests.Sqlite;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Golden;

/// <summary>
/// Databases that earlier versions wrote, and what must be read from them. A golden file is made once (set DPATTN_WRITE_GOLDEN to an empty directory and
/// run the explicit test) and never changed: a new schema version adds a folder.
/// </summary>
public sealed class GoldenTests : IDisposable
{
    private const string ContentName = "content.txt";

    // Not a secret: what the golden files are wrapped with, so that they can be read.
    private static readonly KeyRing Keys = new([new("golden", [.. Enumerable.Range(0, KeyRing.KeyBytes).Select(i => (byte)i)])]);

    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<int> Versions => [.. Enumerable.Range(1, SqliteSchema.Version)];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task What_a_version_wrote_is_read_by_this_one_and_written_on(int version)
    {
        File.Copy(Golden(version, SqliteStorage.FileName), _directory.File(SqliteStorage.FileName));
        var expected = await File.ReadAllTextAsync(Golden(version, ContentName));
        var options = new SqliteStorageOptions { Directory = _directory.Path, Keys = Keys };
        await using (var storage = await SqliteStorage.OpenAsync(options))
        {
            Assert.Equal(expected, Sample.ToText(await Sample.ReadAsync(storage)));
            Assert.Empty(await storage.Ledger.VerifyAsync(Sample.Store));
            Assert.Empty((await storage.Guard.VerifyAsync(Sample.Store)).Faults);
            Assert.Empty((await storage.Guard.VerifyAsync(Sample.Closed)).Faults);
            Assert.True((await ChargeAsync(storage)).IsAdmitted);
            Assert.True(await storage.Catalog.CommitAsync(new CatalogCommit { Audit = [new AuditEvent("later", "account-1", null, null, null)] }));
        }
        await using (var storage = await SqliteStorage.OpenAsync(options))
        {
            Assert.True(((LedgerDecision.Admitted)await ChargeAsync(storage)).IsReplay);
            Assert.Equal(11, (await storage.Catalog.ListAuditAsync(10, 10)).Single().Sequence);
            Assert.Empty(await storage.Ledger.VerifyAsync(Sample.Store));
            Assert.Empty((await storage.Guard.VerifyAsync(Sample.Store)).Faults);
        }
    }

    [Fact]
    public async Task This_version_still_writes_what_its_golden_file_holds()
    {
        Assert.Equal(await File.ReadAllTextAsync(Golden(SqliteSchema.Version, ContentName)), await WriteAsync(_directory.Path));
    }

    [Fact(Explicit = true)]
    public async Task A_golden_file_is_made_on_demand()
    {
        var target = Environment.GetEnvironmentVariable("DPATTN_WRITE_GOLDEN");
        Assert.False(string.IsNullOrEmpty(target), "DPATTN_WRITE_GOLDEN names no directory to write to");
        Assert.Empty(Directory.GetFiles(target));
        await File.WriteAllTextAsync(Path.Combine(target, ContentName), await WriteAsync(_directory.Path));
        File.Copy(_directory.File(SqliteStorage.FileName), Path.Combine(target, SqliteStorage.FileName));
    }

    private static async Task<string> WriteAsync(string directory)
    {
        await using var storage = await SqliteStorage.OpenAsync(new SqliteStorageOptions { Directory = directory, Keys = Keys, Clock = new ManualClock() });
        await Sample.WriteAsync(storage);
        return Sample.ToText(await Sample.ReadAsync(storage));
    }

    private static Task<LedgerDecision> ChargeAsync(SqliteStorage storage) => storage.Ledger.ChargeAsync(
        Sample.Store, new AccountId("account-1"), new RequestId("later"), RequestFingerprint.Of([1]), new PrivacyAmount(1, 0));

    private static string Golden(int version, string name) => Path.Combine(AppContext.BaseDirectory, "Golden", $"v{version}", name);
}
