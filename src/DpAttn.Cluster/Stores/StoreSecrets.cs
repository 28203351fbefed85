using System.Security.Cryptography;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The secret of a per-query store's incarnation, from which the noise of its requests and the digests of its row sets are keyed. It is made with the store, kept
/// wrapped in its row, and goes with it.
/// </summary>
internal sealed class StoreSecrets(ICatalog catalog, SecretProtector protector)
{
    /// <summary>A fresh secret, wrapped.</summary>
    public string NewWrapped(StoreId store)
    {
        var secret = ReleaseKey.NewSecret();
        try
        {
            return Convert.ToBase64String(protector.Protect(secret, Purpose(store)));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>The key of noise that meets exactly what a digest binds.</summary>
    public ReleaseKey NoiseKey(StoreDocument store, ReadOnlySpan<byte> digest)
    {
        var secret = Open(store);
        try
        {
            return ReleaseKey.Derive(secret, digest);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>The key under which the store's row sets are digested: without it no digest confirms a guess of rows, wherever it ends up.</summary>
    public byte[] RowSetKey(StoreDocument store)
    {
        var secret = Open(store);
        try
        {
            return HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, ReleaseKey.Bytes, info: "dpattn row set"u8.ToArray());
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>Wraps a secret anew that was not wrapped with the current key; the secret stays the same. Losing a race is as good: it is tried at the next request.</summary>
    public async Task RewrapAsync(Versioned<StoreDocument> read, CancellationToken cancellationToken)
    {
        var wrapped = Wrapped(read.Value);
        if (protector.IsCurrent(wrapped))
            return;
        var anew = Convert.ToBase64String(protector.Rewrap(wrapped, Purpose(new StoreId(read.Value.Incarnation))));
        await catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Store.Update(read, read.Value with { Secret = anew })] }, cancellationToken);
    }

    /// <summary>What a store's wrapped secret is for: it opens nothing else.</summary>
    public static string Purpose(StoreId store) => $"store secret {store}";

    private byte[] Open(StoreDocument store) => protector.Unprotect(Wrapped(store), Purpose(new StoreId(store.Incarnation)));

    private static byte[] Wrapped(StoreDocument store)
    {
        try
        {
            return Convert.FromBase64String(store.Secret ?? throw new StorageCorruptException("the store's secret is missing"));
        }
        catch (FormatException)
        {
            throw new StorageCorruptException("the store's secret cannot be read");
        }
    }
}
