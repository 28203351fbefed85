using DpAttn.PostgresServer;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>What a hand or a disk changed in the rows of the catalog, the audit log or the blobs is found when it is read, and refused.</summary>
public sealed class CorruptionTests : IAsyncLifetime
{
    private static readonly BlobKey Blob = new(new("store"), BlobKind.Node, "blob", 3);

    private PostgresUnderTest? _under;

    private PostgresStorage Storage => _under!.Storage;

    public async ValueTask InitializeAsync()
    {
        _under = await PostgresUnderTest.CreateAsync();
        for (var i = 1; i <= 2; i++)
        {
            await Storage.Catalog.CommitAsync(new CatalogCommit
            {
                Writes = [new CatalogWrite("kind", $"key{i}", 0, new[] { (byte)i })],
                Audit = [new AuditEvent("row.create", "account-1", Blob.Store, $"key{i}", null)],
            });
        }
        await Storage.Segments.PutAsync(Blob, new byte[] { 1, 2, 3 });
        await Storage.Segments.PutAsync(Blob with { Part = 4 }, new byte[] { 4 });
    }

    public async ValueTask DisposeAsync()
    {
        if (_under is not null)
            await _under.DisposeAsync();
    }

    [Theory]
    [InlineData("content = '\\x00'")]
    [InlineData("version = 7")]
    [InlineData("digest = '\\x00'")]
    public async Task A_changed_row_of_the_catalog_is_refused(string change)
    {
        await AlterAsync($"UPDATE dpattn_catalog SET {change} WHERE key = 'key1'");

        var failure = await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Catalog.ReadAsync("kind", "key1"));

        Assert.Contains("kind key1", failure.Message);
        await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Catalog.ListAsync("kind", "", null, 10));
        // The other is whole.
        Assert.Equal([2], (await Storage.Catalog.ReadAsync("kind", "key2"))!.Content.ToArray());
    }

    [Theory]
    [InlineData("content = '\\x010204'")]
    [InlineData("written_at = written_at + 1")]
    [InlineData("content = '\\x00', sha256 = '\\x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d', bytes = 1")]
    public async Task A_changed_blob_is_refused_and_named(string change)
    {
        await AlterAsync($"UPDATE dpattn_blob SET {change} WHERE part = 3");
        var failure = await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Segments.ReadAsync(Blob));
        Assert.Contains("blob Node blob, part 3, of store store", failure.Message);
        Assert.Equal([4], await Storage.Segments.ReadAsync(Blob with { Part = 4 }));
    }

    [Fact]
    public async Task A_blob_under_the_key_of_another_is_refused()
    {
        await AlterAsync("UPDATE dpattn_blob SET part = 9 WHERE part = 3; UPDATE dpattn_blob SET part = 3 WHERE part = 4");
        await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Segments.ReadAsync(Blob));
    }

    [Fact]
    public async Task A_changed_line_of_the_audit_log_is_refused()
    {
        await AlterAsync("ALTER TABLE dpattn_audit DISABLE TRIGGER ALL; UPDATE dpattn_audit SET actor = 'nobody' WHERE sequence = 1");
        await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Catalog.ListAuditAsync(0, 10));
        Assert.Single(await Storage.Catalog.ListAuditAsync(1, 10));
    }

    [Theory]
    [InlineData("UPDATE dpattn_audit SET actor = 'nobody'")]
    [InlineData("DELETE FROM dpattn_audit")]
    [InlineData("TRUNCATE dpattn_audit")]
    public async Task The_audit_log_is_not_changed_in_passing(string sql)
    {
        var failure = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => AlterAsync(sql));
        Assert.Contains("kept for ever", failure.Message);
        Assert.Equal(2, (await Storage.Catalog.ListAuditAsync(0, 10)).Count);
    }

    [Fact]
    public async Task A_changed_total_is_refused_and_other_accounts_are_not_concerned()
    {
        await ChargeAsync("alice", 1);
        await ChargeAsync("bob", 1);
        await AlterAsync("UPDATE dpattn_ledger_book SET spent_mu2 = 0 WHERE account = 'alice'");

        await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Ledger.ReadAccountAsync(Blob.Store, new("alice")));
        // In one batch with the other account's, whichever lane they fall to.
        var charges = new[] { ChargeAsync("alice", 2), ChargeAsync("bob", 2) };
        await Assert.ThrowsAsync<StorageCorruptException>(() => charges[0]);
        Assert.True((await charges[1]).IsAdmitted);
        await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Ledger.SetLimitAsync(Blob.Store, new("alice"), new PrivacyLimit(new Epsilon(2), new Delta(1e-6))));
    }

    [Theory]
    [InlineData("UPDATE dpattn_ledger_book SET spent_mu2 = spent_mu2 + 1 WHERE account = ''")]
    [InlineData("INSERT INTO dpattn_ledger_suspension VALUES ('store', 'made up', 0, '\\x00')")]
    public async Task A_changed_store_is_refused_to_all(string sql)
    {
        await ChargeAsync("alice", 1);
        await AlterAsync(sql);
        await Assert.ThrowsAsync<StorageCorruptException>(() => ChargeAsync("alice", 2));
        await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Ledger.ReadStoreAsync(Blob.Store));
    }

    [Fact]
    public async Task A_changed_entry_is_refused_when_it_is_read_and_never_changed_in_passing()
    {
        await ChargeAsync("alice", 1);
        var failure = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => AlterAsync("UPDATE dpattn_ledger_entry SET account_mu2 = 1 WHERE kind = 'charge'"));
        Assert.Contains("kept for ever", failure.Message);
        await AlterAsync("ALTER TABLE dpattn_ledger_entry DISABLE TRIGGER ALL; UPDATE dpattn_ledger_entry SET account_mu2 = 1 WHERE kind = 'charge'");
        await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Ledger.ListEntriesAsync(Blob.Store, new("alice"), 0, 10));
        await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Ledger.FindRequestAsync(Blob.Store, new("alice"), new("request-1")));
    }

    [Fact]
    public async Task A_changed_tier_is_refused()
    {
        await ChargeAsync("alice", 1);
        var prices = new Ladder(1000, 3000, 9000);
        Assert.True((await OpenAsync(1)).IsAdmitted);
        await AlterAsync("UPDATE dpattn_ledger_tier SET tier = 2");
        await Assert.ThrowsAsync<StorageCorruptException>(() => OpenAsync(2));
        await Assert.ThrowsAsync<StorageCorruptException>(() => Storage.Ledger.ReadAccountAsync(Blob.Store, new("alice")));

        Task<LedgerDecision> OpenAsync(int tier) => Storage.Ledger.OpenAsync(Blob.Store, new("alice"), new($"open-{tier}"), RequestFingerprint.Of([1]), new("release-1"), tier, prices);
    }

    private async Task<LedgerDecision> ChargeAsync(string account, int request)
    {
        var limit = new PrivacyLimit(new Epsilon(1), new Delta(1e-6));
        if (request == 1)
        {
            await Storage.Ledger.CreateStoreAsync(Blob.Store, limit);
            await Storage.Ledger.SetLimitAsync(Blob.Store, new(account), limit);
        }
        return await Storage.Ledger.ChargeAsync(Blob.Store, new(account), new($"request-{request}"), RequestFingerprint.Of([1]), new PrivacyAmount(1000, 1));
    }

    private Task AlterAsync(string sql) => LocalPostgres.ExecuteAsync(_under!.Options.ConnectionString, sql);
}
