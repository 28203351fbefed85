using System.Security.Cryptography;
using System.Text;

namespace DpAttn.Storage;

/// <summary>
/// Wraps secrets for storing them: AES-256-GCM with a random 96-bit nonce under the ring's current key. The header (format, key id) and the purpose are
/// authenticated, so what was wrapped for one purpose does not unwrap for another. One key wraps at most 2^32 secrets (NIST SP 800-38D, section 8.3).
/// </summary>
/// <param name="keys">The keys.</param>
public sealed class SecretProtector(KeyRing keys)
{
    private const byte Format = 1;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    private readonly KeyRing _keys = keys ?? throw new ArgumentNullException(nameof(keys));

    /// <summary>Wraps a secret.</summary>
    /// <param name="secret">The secret.</param>
    /// <param name="purpose">What it is for, such as the store and release whose secret it is; not stored.</param>
    /// <returns>Format (1 byte), length of the key id (1), key id, nonce (12), ciphertext, tag (16).</returns>
    public byte[] Protect(ReadOnlySpan<byte> secret, string purpose)
    {
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        var header = Header(_keys.Current);
        var wrapped = new byte[header.Length + NonceBytes + secret.Length + TagBytes];
        header.CopyTo(wrapped, 0);
        var nonce = wrapped.AsSpan(header.Length, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var cipher = new AesGcm(_keys.CurrentKey, TagBytes);
        cipher.Encrypt(nonce, secret, wrapped.AsSpan(header.Length + NonceBytes, secret.Length), wrapped.AsSpan(wrapped.Length - TagBytes), AssociatedData(header, purpose));
        return wrapped;
    }

    /// <summary>Unwraps a secret.</summary>
    /// <param name="wrapped">What <see cref="Protect"/> returned.</param>
    /// <param name="purpose">The purpose it was wrapped for.</param>
    /// <exception cref="StorageRefusedException">It was wrapped with a key that the ring does not hold.</exception>
    /// <exception cref="StorageCorruptException">It is damaged, or was wrapped for another purpose.</exception>
    public byte[] Unprotect(ReadOnlySpan<byte> wrapped, string purpose)
    {
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        var id = KeyId(wrapped);
        var key = _keys.Find(id) ?? throw new StorageRefusedException($"a secret was wrapped with the key {id}, which is not among the keys given ({string.Join(", ", _keys.Ids)})");
        var header = Header(id);
        var secret = new byte[wrapped.Length - header.Length - NonceBytes - TagBytes];
        using var cipher = new AesGcm(key, TagBytes);
        try
        {
            cipher.Decrypt(wrapped.Slice(header.Length, NonceBytes), wrapped.Slice(header.Length + NonceBytes, secret.Length), wrapped[^TagBytes..], secret, AssociatedData(header, purpose));
        }
        catch (AuthenticationTagMismatchException failure)
        {
            throw new StorageCorruptException("a wrapped secret is damaged, or was wrapped for another purpose or with another key of the same id", failure);
        }
        return secret;
    }

    /// <summary>Whether something was wrapped with the current key.</summary>
    /// <exception cref="StorageCorruptException">It is not a wrapped secret.</exception>
    public bool IsCurrent(ReadOnlySpan<byte> wrapped) => KeyId(wrapped) == _keys.Current;

    /// <summary>Wraps anew with the current key; the secret stays the same.</summary>
    /// <exception cref="StorageException">As for <see cref="Unprotect"/>.</exception>
    public byte[] Rewrap(ReadOnlySpan<byte> wrapped, string purpose)
    {
        var secret = Unprotect(wrapped, purpose);
        try
        {
            return Protect(secret, purpose);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private static string KeyId(ReadOnlySpan<byte> wrapped)
    {
        if (wrapped.Length < 2 || wrapped[0] != Format || wrapped.Length < 2 + wrapped[1] + NonceBytes + TagBytes)
            throw new StorageCorruptException("a wrapped secret is damaged, or of a format that this program does not know");
        var id = Encoding.ASCII.GetString(wrapped.Slice(2, wrapped[1]));
        return KeyRing.IsId(id) ? id : throw new StorageCorruptException("a wrapped secret is damaged: it names no key");
    }

    private static byte[] Header(string keyId) => [Format, (byte)keyId.Length, .. Encoding.ASCII.GetBytes(keyId)];

    private static byte[] AssociatedData(byte[] header, string purpose) => [.. header, .. Encoding.UTF8.GetBytes(purpose)];
}
