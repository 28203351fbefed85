using System.Text.Json;
using System.Text.Json.Nodes;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>What a newer version wrote into a row, such as another copy of a secret, goes when this one erases what is in it, and stays in all other changes.</summary>
public sealed class ErasedMembersTests : IAsyncDisposable
{
    private const string Later = "laterSecret";
    private readonly Bench _bench = new();

    [Fact]
    public async Task A_release_that_loses_its_secret_when_its_nodes_are_stored_loses_what_is_unknown()
    {
        var (store, release) = await FrozenAsync();
        await PlantAsync(Documents.Release, Documents.Below(store, release));
        Assert.Equal(PublishOutcome.Published, await _bench.Side.PublishAsync(store, release));
        Assert.Null((await _bench.Side.ReadReleaseAsync(store, release)).Secret);
        Assert.False(await HasAsync(Documents.Release, Documents.Below(store, release)));
    }

    [Fact]
    public async Task A_release_that_fails_loses_it_too()
    {
        var (store, release) = await FrozenAsync();
        var row = (await _bench.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!;
        await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Release.Update(row, row.Value with { NoiseBinding = new string('0', 64) })] });
        await PlantAsync(Documents.Release, row.Key);
        Assert.Equal(PublishOutcome.Failed, await _bench.Side.PublishAsync(store, release));
        Assert.False(await HasAsync(Documents.Release, row.Key));
    }

    [Fact]
    public async Task A_retired_release_keeps_nothing_that_is_unknown()
    {
        var (store, release) = await FrozenAsync();
        await _bench.Side.PublishAsync(store, release);
        await PlantAsync(Documents.Release, Documents.Below(store, release));
        Assert.True(await _bench.Side.Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None));
        Assert.False(await HasAsync(Documents.Release, Documents.Below(store, release)));
    }

    /// <summary>Both sides: a release that keeps its secret keeps what is unknown, and loses both when it stops.</summary>
    [Fact]
    public async Task A_continual_release_keeps_what_is_unknown_as_long_as_its_secret()
    {
        var store = await _bench.MakeStoreAsync(Continuals.Definition(capacity: 32));
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        await PlantAsync(Documents.Release, Documents.Below(store, release));
        Assert.Equal(GrowthOutcome.UpToDate, await _bench.Side.GrowAsync(store, release));
        Assert.Equal(1, (await _bench.Side.ReadReleaseAsync(store, release)).Continual!.ReleasedBlocks);
        Assert.True(await HasAsync(Documents.Release, Documents.Below(store, release)));
        await _bench.Side.Services.Continual(store).StopAsync(release, "stopped", CancellationToken.None);
        Assert.Null((await _bench.Side.ReadReleaseAsync(store, release)).Secret);
        Assert.False(await HasAsync(Documents.Release, Documents.Below(store, release)));
    }

    [Fact]
    public async Task A_deleted_store_keeps_nothing_that_is_unknown()
    {
        var store = await _bench.MakeStoreAsync();
        await PlantAsync(Documents.Store, store.Value);
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        Assert.True(await HasAsync(Documents.Store, store.Value));
        await _bench.Side.Services.Removal(store).DeleteAsync("owner", CancellationToken.None);
        Assert.False(await HasAsync(Documents.Store, store.Value));
    }

    [Fact]
    public async Task A_segment_that_loses_a_row_keeps_nothing_that_is_unknown()
    {
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        var key = Documents.Below(store, Documents.Ordinal(0));
        await PlantAsync(Documents.Segment, key);
        await StoreBookTests.EraseAsync(_bench.Side, store, 3);
        Assert.Equal(4, (await _bench.Storage.Catalog.ReadAsync(Documents.Segment, key))!.Value.Slots);
        Assert.False(await HasAsync(Documents.Segment, key));
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private async Task<(StoreId Store, string Release)> FrozenAsync()
    {
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        return (store, await _bench.Side.FreezeAsync(store));
    }

    private async Task PlantAsync<T>(DocumentKind<T> kind, string key)
        where T : class
    {
        var row = (await _bench.Storage.Catalog.ReadAsync(kind.Name, key))!;
        var content = JsonNode.Parse(row.Content.Span)!;
        content[Later] = "AAAA";
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite(kind.Name, key, row.Version, JsonSerializer.SerializeToUtf8Bytes(content))] }));
        Assert.True(await HasAsync(kind, key));
    }

    private async Task<bool> HasAsync<T>(DocumentKind<T> kind, string key)
        where T : class => JsonNode.Parse((await _bench.Storage.Catalog.ReadAsync(kind.Name, key))!.Content.Span)!.AsObject().ContainsKey(Later);
}
