using System.Security.Cryptography;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>Keys that are kept wrapped in a catalog.</summary>
public abstract class WrappedKeyConformance : StorageConformance
{
    private static readonly KeyValuePair<string, byte[]> Old = new("old", RandomNumberGenerator.GetBytes(32));
    private static readonly KeyValuePair<string, byte[]> New = new("new", RandomNumberGenerator.GetBytes(32));

    [Fact]
    public async Task A_key_is_made_once_whoever_asks_and_stays_after_a_restart()
    {
        var protector = new SecretProtector(new KeyRing([Old]));
        var tasks = new Task<WrappedKey>[16];
        Parallel.For(0, tasks.Length, i => tasks[i] = WrappedKey.LoadOrCreateAsync(i % 2 == 0 ? Catalog : Storage.Other.Catalog, protector, "index"));
        var keys = await Task.WhenAll(tasks);
        var index = keys[0].IndexOf("subject", "issuer", "someone");
        Assert.All(keys, key => Assert.Equal(index, key.IndexOf("subject", "issuer", "someone")));

        await Storage.RestartAsync();

        Assert.Equal(index, (await WrappedKey.LoadOrCreateAsync(Catalog, protector, "index")).IndexOf("subject", "issuer", "someone"));
        Assert.NotEqual(index, (await WrappedKey.LoadOrCreateAsync(Catalog, protector, "another")).IndexOf("subject", "issuer", "someone"));
    }

    [Fact]
    public async Task Rotating_the_wrapping_key_changes_no_index_and_the_old_key_may_go()
    {
        var before = await WrappedKey.LoadOrCreateAsync(Catalog, new SecretProtector(new KeyRing([Old])), "index");
        var rotated = await WrappedKey.LoadOrCreateAsync(Catalog, new SecretProtector(new KeyRing([Old, New])), "index");
        var after = await WrappedKey.LoadOrCreateAsync(Catalog, new SecretProtector(new KeyRing([New])), "index");

        Assert.Equal(before.IndexOf("subject", "a"), rotated.IndexOf("subject", "a"));
        Assert.Equal(before.Derive("p"), after.Derive("p"));
        Assert.Equal(2, (await Catalog.ReadAsync(WrappedKey.CatalogKind, "index"))!.Version);
        await Assert.ThrowsAsync<StorageRefusedException>(() => WrappedKey.LoadOrCreateAsync(Catalog, new SecretProtector(new KeyRing([Old])), "index"));
    }

    [Fact]
    public async Task A_lost_wrapping_key_is_refused_and_never_replaces_the_key()
    {
        await WrappedKey.LoadOrCreateAsync(Catalog, new SecretProtector(new KeyRing([Old])), "index");
        var failure = await Assert.ThrowsAsync<StorageRefusedException>(() => WrappedKey.LoadOrCreateAsync(Catalog, new SecretProtector(new KeyRing([New])), "index"));
        Assert.Contains("old", failure.Message);
        Assert.Equal(1, (await Catalog.ReadAsync(WrappedKey.CatalogKind, "index"))!.Version);
    }

    [Fact]
    public async Task A_row_moved_to_another_name_does_not_unwrap()
    {
        var protector = new SecretProtector(new KeyRing([Old]));
        await WrappedKey.LoadOrCreateAsync(Catalog, protector, "index");
        var row = (await Catalog.ReadAsync(WrappedKey.CatalogKind, "index"))!;
        await Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite(WrappedKey.CatalogKind, "witness", 0, row.Content)] });
        await Assert.ThrowsAsync<StorageCorruptException>(() => WrappedKey.LoadOrCreateAsync(Catalog, protector, "witness"));
    }

    [Fact]
    public async Task Sub_keys_and_indexes_of_other_purposes_and_parts_are_unrelated()
    {
        var key = await WrappedKey.LoadOrCreateAsync(Catalog, new SecretProtector(new KeyRing([Old])), "index");
        string[] indexes = [key.IndexOf("p", "a", "bc"), key.IndexOf("p", "ab", "c"), key.IndexOf("p", "abc"), key.IndexOf("p", "abc", ""), key.IndexOf("q", "a", "bc")];
        Assert.Equal(indexes.Length, indexes.Distinct().Count());
        Assert.All(indexes, index => Assert.Matches("^[0-9a-f]{64}$", index));
        Assert.NotEqual(key.Derive("p"), key.Derive("q"));
        Assert.Equal(64, key.Derive("p", 64).Length);
    }
}
