using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Sqlite;

public class SmokeTests
{
    [Fact]
    public async Task Everything_written_is_there_after_opening_again()
    {
        using var directory = new TemporaryDirectory();
        var options = new SqliteStorageOptions { Directory = directory.File("data") };
        StoreId store = new("store1");
        AccountId account = new("account1");
        var limit = new PrivacyLimit(new Epsilon(1), new Delta(1e-6));
        var ladder = new Ladder(1000, 3000, 9000);
        var key = new BlobKey(store, BlobKind.Segment, "batch 1");
        await using (var storage = await SqliteStorage.OpenAsync(options))
        {
            await storage.Ledger.CreateStoreAsync(store, limit);
            Assert.True((await storage.Ledger.SetLimitAsync(store, account, limit)).IsAdmitted);
            var opened = await storage.Ledger.OpenAsync(store, account, new RequestId("r1"), RequestFingerprint.Of([1]), new ReleaseId("release"), 1, ladder);
            Assert.Equal(new LedgerDecision.Admitted(new(3000, 1), new(3000, 1), false), opened);
            var charged = await storage.Ledger.ChargeAsync(store, account, new RequestId("r2"), RequestFingerprint.Of([2]), new PrivacyAmount(70, 0));
            Assert.Equal(new LedgerDecision.Admitted(new(70, 0), new(70, 0), false), charged);
            await storage.Segments.PutAsync(key, new byte[] { 1, 2, 3 });
            Assert.True(await storage.Catalog.CommitAsync(new CatalogCommit
            {
                Writes = [new CatalogWrite("store", "name", 0, new byte[] { 9 })],
                RequiredBlobs = [key],
                Audit = [new AuditEvent("store.create", "operator", store, null, null)],
            }));
        }
        await using (var storage = await SqliteStorage.OpenAsync(options))
        {
            var budget = await storage.Ledger.ReadAccountAsync(store, account);
            Assert.NotNull(budget);
            Assert.Equal(new PrivacyAmount(3070, 1), budget.Spent);
            Assert.Equal(3, budget.Sequence);
            Assert.Equal(1, budget.OpenTiers[new ReleaseId("release")]);
            Assert.Equal(new PrivacyAmount(3070, 1), (await storage.Ledger.ReadStoreAsync(store))!.Spent);
            Assert.Equal(3, (await storage.Ledger.ListEntriesAsync(store, account, 0, 10)).Count);
            Assert.Single(await storage.Ledger.ListEntriesAsync(store, null, 0, 10));
            Assert.Equal([1, 2, 3], await storage.Segments.ReadAsync(key));
            Assert.Equal(1, (await storage.Catalog.ReadAsync("store", "name"))!.Version);
            Assert.Equal("store.create", Assert.Single(await storage.Catalog.ListAuditAsync(0, 10)).Event.Action);
        }
    }
}
