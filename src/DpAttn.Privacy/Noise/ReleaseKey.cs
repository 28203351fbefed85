using System.Security.Cryptography;

namespace DpAttn.Privacy;

/// <summary>
/// The key of one release's noise: HKDF-SHA256 of a fresh 32-byte secret with the digest of the release's manifest, so
/// the same noise can never meet another row set, another schema or another sigma.
/// </summary>
public sealed class ReleaseKey
{
    /// <summary>Bytes of a release secret and of a manifest digest.</summary>
    public const int Bytes = 32;

    private readonly byte[] _key;

    private ReleaseKey(byte[] key) => _key = key;

    /// <summary>A fresh release secret from the operating system's generator.</summary>
    public static byte[] NewSecret() => RandomNumberGenerator.GetBytes(Bytes);

    /// <summary>Derives the key of a release.</summary>
    /// <param name="secret">32 secret bytes, fresh for every release.</param>
    /// <param name="manifestDigest">SHA-256 of the frozen manifest: rows, schema, mechanism parameters, ladder, sampler version.</param>
    /// <exception cref="ArgumentException">Either is not 32 bytes long.</exception>
    public static ReleaseKey Derive(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> manifestDigest)
    {
        if (secret.Length != Bytes)
            throw new ArgumentException($"a release secret has {Bytes} bytes, not {secret.Length}", nameof(secret));
        if (manifestDigest.Length != Bytes)
            throw new ArgumentException($"a manifest digest has {Bytes} bytes, not {manifestDigest.Length}", nameof(manifestDigest));
        var key = new byte[Bytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, key, salt: manifestDigest, info: "dpattn release noise"u8);
        return new ReleaseKey(key);
    }

    /// <summary>The AES-256 key of one block of one address.</summary>
    internal byte[] Subkey(NoiseAddress address, long block) => HMACSHA256.HashData(_key, address.Encode(block));
}
