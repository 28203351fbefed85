using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>A deleted store is a tombstone at once, and empty soon; what was spent stays for ever.</summary>
public sealed class StoreRemovalTests : IAsyncDisposable
{
    private static readonly AccountId User = new("user");
    private readonly Bench _bench = new();

    [Theory]
    [InlineData(Fault.Before)]
    [InlineData(Fault.After)]
    [InlineData(Fault.Hang)]
    public async Task A_removal_that_stops_at_any_call_is_completed_by_the_next(Fault fault)
    {
        var failed = 0;
        for (var call = 1; ; call++)
        {
            var store = await MakeAsync();
            await _bench.Side.Services.Removal(store).DeleteAsync("owner", CancellationToken.None);
            var plan = new FaultPlan { FailingCall = call, Fault = fault };
            var stopped = _bench.With(plan).Services.Removal(store).PurgeAsync(CancellationToken.None);
            await Task.WhenAny(stopped, plan.Hanging);
            if (!plan.HasFailed)
            {
                await stopped;
                break;
            }
            failed++;
            if (await _bench.Storage.Catalog.ReadAsync(Documents.Removal, store.Value) is not null)
                await _bench.Side.Services.Removal(store).PurgeAsync(CancellationToken.None);
            plan.Release();
            await Record.ExceptionAsync(() => stopped);
            await RequireEmptyAsync(store);
        }
        Assert.True(failed > 10, $"only {failed} calls failed");
    }

    [Fact]
    public async Task The_tombstone_is_there_at_once_frees_the_name_and_names_the_job()
    {
        var store = await MakeAsync("s");
        await _bench.Side.Services.Removal(store).DeleteAsync("owner", CancellationToken.None);
        await _bench.Side.Services.Removal(store).DeleteAsync("owner", CancellationToken.None);
        Assert.Equal(StoreDocument.Deleted, (await _bench.Side.Directory.ReadAsync(store))!.Document.State);
        Assert.Null(await _bench.Side.Directory.ReadAsync("s"));
        Assert.NotNull(await _bench.Storage.Catalog.ReadAsync(Documents.Removal, store.Value));
        Assert.Single(await _bench.Storage.Catalog.ListAuditAsync(0, 100), row => row.Event.Action == "store.delete");
        var again = await MakeAsync("s");
        Assert.NotEqual(store, again);
        await _bench.Side.Services.Removal(store).PurgeAsync(CancellationToken.None);
        await RequireEmptyAsync(store);
        Assert.Equal(StoreDocument.Active, (await _bench.Side.Directory.ReadAsync("s"))!.Document.State);
        Assert.NotEmpty(await _bench.Storage.Segments.ListAsync(again, BlobKind.Segment, "", null, 10));
    }

    [Fact]
    public async Task A_row_that_changes_while_it_is_removed_is_removed_all_the_same()
    {
        var store = await MakeAsync();
        await _bench.Side.Services.Removal(store).DeleteAsync("owner", CancellationToken.None);
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "catalog list release" };
        var purging = _bench.With(plan).Services.Removal(store).PurgeAsync(CancellationToken.None);
        await plan.Hanging;
        var row = (await _bench.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, "r000001")))!;
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Release.Update(row, row.Value with { Failure = "meanwhile" })] }));
        plan.Release();
        await purging;
        await RequireEmptyAsync(store);
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private async Task<StoreId> MakeAsync(string? name = null)
    {
        var store = await _bench.MakeStoreAsync(name: name);
        for (var i = 0; i < 12; i++)
            await _bench.Side.AppendAsync(store, $"b{i}", Samples.Rows(2, i));
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Side.PublishAsync(store, release);
        await _bench.Side.FreezeAsync(store);
        var view = (await _bench.Side.Directory.ReadAsync(store))!;
        await _bench.Storage.Ledger.SetLimitAsync(store, User, new PrivacyLimit(new Epsilon(1), view.Delta));
        await _bench.Storage.Ledger.OpenAsync(store, User, new RequestId("k"), default, new ReleaseId(release), 1, view.LadderOf(view.Releases[0]));
        return store;
    }

    private async Task RequireEmptyAsync(StoreId store)
    {
        foreach (var kind in Enum.GetValues<BlobKind>())
            Assert.Empty(await _bench.Storage.Segments.ListAsync(store, kind, "", null, 10));
        foreach (var kind in new[] { Documents.Segment.Name, Documents.Batch.Name, Documents.Job.Name, Documents.Release.Name })
            Assert.Empty(await _bench.Storage.Catalog.ListAsync(kind, Documents.Under(store), null, 10));
        Assert.Null(await _bench.Storage.Catalog.ReadAsync(Documents.Removal, store.Value));
        Assert.Null(await _bench.Storage.Catalog.ReadAsync(Documents.Visible, Documents.Listed(Bench.Owner, store)));
        Assert.Equal(StoreDocument.Deleted, (await _bench.Side.Directory.ReadAsync(store))!.Document.State);
        var books = (await _bench.Storage.Ledger.ReadStoreAsync(store))!;
        Assert.True(books.IsClosed);
        Assert.True(books.Spent.MuSquared > 0);
        Assert.Equal(books.Spent.MuSquared, (await _bench.Storage.Ledger.ReadAccountAsync(store, User))!.Spent.MuSquared);
    }
}
