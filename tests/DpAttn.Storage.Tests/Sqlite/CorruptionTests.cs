using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Sqlite;

/// <summary>What a disk or a hand changed in the file is found, and refused.</summary>
public sealed class CorruptionTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualClock _clock = new();
    private byte[] _file = [];
    private SortedDictionary<string, string> _content = [];

    private SqliteStorageOptions Options => new() { Directory = _directory.Path, Clock = _clock };

    private string DatabaseFile => _directory.File(SqliteStorage.FileName);

    public async ValueTask InitializeAsync()
    {
        await using (var storage = await SqliteStorage.OpenAsync(Options))
        {
            await Sample.WriteAsync(storage);
            _content = await Sample.ReadAsync(storage);
        }
        _file = await File.ReadAllBytesAsync(DatabaseFile);
    }

    public ValueTask DisposeAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_changed_byte_of_a_blob_is_found_when_it_is_read_and_names_the_blob()
    {
        var key = new BlobKey(Sample.Store, BlobKind.Node, "blob Node", 3);
        var hex = _content["blob Node"];
        // Somewhere in its middle, where the file holds it in one piece.
        var at = _file.AsSpan().IndexOf(Convert.FromHexString(hex.Substring(2 * 4000, 2 * 500)));
        Assert.True(at > 0);
        _file[at + 77] ^= 1;
        await File.WriteAllBytesAsync(DatabaseFile, _file);

        await using var storage = await SqliteStorage.OpenAsync(Options);

        var failure = await Assert.ThrowsAsync<StorageCorruptException>(() => storage.Segments.ReadAsync(key));
        Assert.Contains("Node blob Node, part 3", failure.Message);
        Assert.Contains("golden-store", failure.Message);
        // The others are whole, and a writer is not told that it stored what it did not.
        Assert.NotNull(await storage.Segments.ReadAsync(new BlobKey(Sample.Store, BlobKind.Answer, "blob Answer", 5)));
        Assert.Equal(9000, (await storage.Segments.PutAsync(key, new byte[] { 1 })).Bytes);
    }

    [Fact]
    public async Task A_total_changed_by_hand_closes_the_account_and_spends_nothing()
    {
        await AlterAsync("UPDATE ledger_book SET spent_mu2 = 0 WHERE account = 'account-1'");
        await using var storage = await SqliteStorage.OpenAsync(Options);
        AccountId account = new("account-1");

        await Assert.ThrowsAsync<StorageCorruptException>(() => storage.Ledger.ReadAccountAsync(Sample.Store, account));
        await Assert.ThrowsAsync<StorageCorruptException>(() =>
            storage.Ledger.ChargeAsync(Sample.Store, account, new RequestId("new"), RequestFingerprint.Of([1]), new PrivacyAmount(1, 0)));
        await Assert.ThrowsAsync<StorageCorruptException>(() => storage.Ledger.SetLimitAsync(Sample.Store, account, new PrivacyLimit(new Epsilon(2), new Delta(1e-5))));
        // Another account is not concerned.
        Assert.True((await storage.Ledger.ChargeAsync(Sample.Store, new AccountId("account-2"), new RequestId("new"), RequestFingerprint.Of([1]), new PrivacyAmount(1, 0))).IsAdmitted);
    }

    [Theory]
    [InlineData("UPDATE ledger_book SET limit_mu2 = limit_mu2 + 1 WHERE account = 'account-1'")]
    [InlineData("UPDATE ledger_book SET closed = 0, stated_epsilon = 2 WHERE store = 'closed-store'")]
    [InlineData("UPDATE ledger_tier SET tier = 2 WHERE tier = 0")]
    [InlineData("DROP TRIGGER ledger_entry_is_never_changed; UPDATE ledger_entry SET account_mu2 = 1 WHERE sequence = 3")]
    [InlineData("UPDATE catalog SET content = x'00' WHERE key = 'key/03'")]
    [InlineData("UPDATE catalog SET version = 7 WHERE key = 'key/03'")]
    [InlineData("UPDATE blob SET content = x'00', sha256 = x'6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d', bytes = 1 WHERE kind = 3")]
    [InlineData("DROP TRIGGER audit_is_never_changed; UPDATE audit SET actor = 'nobody' WHERE sequence = 3")]
    public async Task A_value_changed_by_hand_is_found_when_it_is_read(string sql)
    {
        await AlterAsync(sql);
        await using var storage = await SqliteStorage.OpenAsync(Options);
        var failed = new List<string>();

        var read = await Sample.ReadAsync(storage, (name, failure) =>
        {
            Assert.IsType<StorageCorruptException>(failure);
            failed.Add(name);
        });

        Assert.NotEmpty(failed);
        Assert.All(read, pair => Assert.Equal(_content[pair.Key], pair.Value));
        // Whatever is not read was refused: nothing went missing silently.
        Assert.All(_content.Keys.Except(read.Keys), name => Assert.Contains(name, failed));
    }

    [Fact]
    public async Task An_index_that_leads_to_another_blob_is_found()
    {
        // The key's entry of one blob points to the row of another, which is whole in itself.
        await AlterAsync("UPDATE blob SET kind = 99 WHERE kind = 3; UPDATE blob SET kind = 3, id = 'blob Node', part = 3 WHERE kind = 4");
        await using var storage = await SqliteStorage.OpenAsync(Options);
        await Assert.ThrowsAsync<StorageCorruptException>(() => storage.Segments.ReadAsync(new BlobKey(Sample.Store, BlobKind.Node, "blob Node", 3)));
    }

    [Fact]
    public async Task A_file_cut_short_is_refused()
    {
        await File.WriteAllBytesAsync(DatabaseFile, _file[..^8192]);
        await Assert.ThrowsAsync<StorageCorruptException>(() => SqliteStorage.OpenAsync(Options));
    }

    [Fact]
    public async Task A_page_of_zeros_is_refused()
    {
        foreach (var page in Enumerable.Range(1, _file.Length / 4096 - 1))
        {
            var damaged = (byte[])_file.Clone();
            Array.Clear(damaged, page * 4096, 4096);
            await File.WriteAllBytesAsync(DatabaseFile, damaged);
            await RequireFoundOrHarmlessAsync($"page {page + 1} is zeros");
        }
    }

    /// <summary>
    /// 400 bytes spread over the file (every one that is a multiple of its length / 400), one changed at a time: opening refuses, or reading does, or reads what was
    /// written, or misses something whose key was hit; never is another value read.
    /// </summary>
    [Fact]
    public async Task A_changed_byte_anywhere_in_the_file_is_never_read_as_another_value()
    {
        var found = 0;
        for (var i = 0; i < 400; i++)
        {
            var damaged = (byte[])_file.Clone();
            var at = (int)((long)i * damaged.Length / 400) + i % 31;
            damaged[at] ^= (byte)(1 << i % 8);
            await File.WriteAllBytesAsync(DatabaseFile, damaged);
            if (await RequireFoundOrHarmlessAsync($"byte {at} is changed"))
                found++;
        }
        Assert.True(found > 100, $"only {found} of 400 changes were found: the test hits free space");
    }

    /// <summary>Returns whether the damage was noticed.</summary>
    private async Task<bool> RequireFoundOrHarmlessAsync(string damage)
    {
        SqliteStorage storage;
        try
        {
            storage = await SqliteStorage.OpenAsync(Options);
        }
        catch (StorageException)
        {
            return true;
        }
        await using (storage)
        {
            var failures = 0;
            var read = await Sample.ReadAsync(storage, (_, _) => failures++);
            foreach (var (name, value) in read)
                Assert.True(_content.TryGetValue(name, out var expected) && expected == value, $"{damage}, and {name} is read as another value");
            return failures > 0;
        }
    }

    private async Task AlterAsync(string sql)
    {
        using var session = SqliteSession.Open(DatabaseFile, readOnly: false);
        await Task.Run(() => session.ExecuteScript(sql));
    }
}
