using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>Releases whose noise key a test holds: read between the freeze and the publish, which erases it.</summary>
internal static class FrozenRelease
{
    /// <summary>Freezes a release and reads its key. The scan for unfinished jobs publishes it.</summary>
    public static async Task<(string Release, ReleaseKey Key)> FreezeAsync(TestSilos silos, StoreId store)
    {
        // The scan may be faster than this test, and the secret gone: then another release is frozen.
        while (true)
        {
            var releases = silos.Service<StoreServices>(0).Releases(store);
            var release = await releases.FreezeAsync(new PublishCommand("owner", null, null), CancellationToken.None);
            var document = (await silos.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!.Value;
            if (document.Secret is not { } wrapped)
                continue;
            var secret = silos.Protector.Unprotect(Convert.FromBase64String(wrapped), releases.SecretPurpose(release));
            return (release, ReleaseKey.Derive(secret, Convert.FromHexString(document.NoiseBinding)));
        }
    }
}
