using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace DpAttn.Storage;

/// <summary>
/// A random 32-byte key that is made once and kept wrapped in the catalog. Sub-keys are derived from it, so rotating the keys
/// that wrap it changes no sub-key and no index.
/// </summary>
public sealed class WrappedKey
{
    /// <summary>The catalog's kind of these rows.</summary>
    public const string CatalogKind = "wrapped-key";

    private const int KeyBytes = 32;

    private readonly byte[] _key;

    private WrappedKey(string name, byte[] key)
    {
        Name = name;
        _key = key;
    }

    /// <summary>Its name, the key of its row in the catalog.</summary>
    public string Name { get; }

    /// <summary>
    /// Reads a key, or makes it by compare-and-set: whoever asks, and however many at once, all get the same one. One that is not wrapped with the current
    /// key is wrapped anew.
    /// </summary>
    /// <exception cref="StorageException">The catalog failed, or the key cannot be unwrapped.</exception>
    public static async Task<WrappedKey> LoadOrCreateAsync(ICatalog catalog, SecretProtector protector, string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(protector);
        ArgumentException.ThrowIfNullOrEmpty(name);
        var row = await catalog.ReadAsync(CatalogKind, name, cancellationToken).ConfigureAwait(false);
        while (row is null)
        {
            var fresh = protector.Protect(RandomNumberGenerator.GetBytes(KeyBytes), Purpose(name));
            await catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite(CatalogKind, name, 0, fresh)] }, cancellationToken).ConfigureAwait(false);
            // Whoever won: what counts is what stands there now.
            row = await catalog.ReadAsync(CatalogKind, name, cancellationToken).ConfigureAwait(false);
        }
        var key = protector.Unprotect(row.Content.Span, Purpose(name));
        if (key.Length != KeyBytes)
            throw new StorageCorruptException($"the wrapped key {name} has {key.Length} bytes where {KeyBytes} belong");
        if (!protector.IsCurrent(row.Content.Span))
        {
            // Losing this race is as good: the winner wrapped it anew.
            var anew = protector.Protect(key, Purpose(name));
            await catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite(CatalogKind, name, row.Version, anew)] }, cancellationToken).ConfigureAwait(false);
        }
        return new WrappedKey(name, key);
    }

    /// <summary>A sub-key: HKDF-SHA256 (RFC 5869) of this key for a purpose.</summary>
    /// <param name="purpose">What for; other purposes have unrelated sub-keys.</param>
    /// <param name="bytes">1 to 8,160 bytes.</param>
    public byte[] Derive(string purpose, int bytes = KeyBytes)
    {
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        return HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, bytes, info: Encoding.UTF8.GetBytes(purpose));
    }

    /// <summary>
    /// An index entry for what must be found again without being stored, such as (issuer, subject): HMAC-SHA256 under the purpose's sub-key, in 64
    /// hexadecimal digits. Parts are told apart: ("a", "bc") is not ("ab", "c").
    /// </summary>
    public string IndexOf(string purpose, params IReadOnlyList<string> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Derive(purpose));
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var part in parts)
        {
            var content = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32LittleEndian(length, content.Length);
            hash.AppendData(length);
            hash.AppendData(content);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string Purpose(string name) => $"{CatalogKind}/{name}";
}
