using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>
/// The manifest's digest is public. It commits to the frozen rows, and must tell nothing about them: not even to somebody who knows all rows but one, and
/// tries them all.
/// </summary>
public sealed class ManifestTests : IAsyncDisposable
{
    private readonly Bench _bench = new();

    [Fact]
    public async Task The_public_digest_of_the_same_rows_is_another_one_at_every_freeze()
    {
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        var manifests = new List<ReleaseManifest>();
        for (var i = 0; i < 3; i++)
        {
            var document = await _bench.Side.ReadReleaseAsync(store, await _bench.Side.FreezeAsync(store));
            manifests.Add(ReleaseManifest.Parse(await _bench.Storage.Segments.ReadPartsAsync(store, BlobKind.Manifest, document.Manifest, document.ManifestBytes), document.Manifest));
        }
        // All that a guesser could know or try is the same: what remains is the salt.
        Assert.Equal(3, manifests.Select(manifest => manifest.Salt).Distinct().Count());
        Assert.Equal(3, manifests.Select(manifest => ReleaseManifest.IdOf((manifest with { Release = "r" }).ToBytes())).Distinct().Count());
        Assert.Single(manifests.Select(manifest => ReleaseManifest.IdOf((manifest with { Release = "r", Salt = "" }).ToBytes())).Distinct());
    }

    [Fact]
    public async Task The_salt_has_256_bits_and_is_part_of_what_is_digested()
    {
        Assert.Equal(32, Convert.FromHexString(ReleaseManifest.NewSalt()).Length);
        var store = await _bench.MakeStoreAsync();
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(5, 1));
        var document = await _bench.Side.ReadReleaseAsync(store, await _bench.Side.FreezeAsync(store));
        var bytes = (await _bench.Storage.Segments.ReadPartsAsync(store, BlobKind.Manifest, document.Manifest, document.ManifestBytes))!;
        var manifest = ReleaseManifest.Parse(bytes, document.Manifest);
        Assert.Equal(document.Manifest, ReleaseManifest.IdOf(bytes));
        Assert.NotEqual(document.Manifest, ReleaseManifest.IdOf((manifest with { Salt = ReleaseManifest.NewSalt() }).ToBytes()));
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();
}
