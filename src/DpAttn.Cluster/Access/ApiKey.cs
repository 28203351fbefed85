using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace DpAttn.Cluster;

/// <summary>An API key: dpattn_id_secret. The id is public, the secret has 256 random bits and is stored as SHA-256 only.</summary>
internal sealed record ApiKey(string Id, string Secret)
{
    private const string Prefix = "dpattn_";
    private const int IdBytes = 8;
    private const int IdLength = 2 * IdBytes;
    private const int SecretBytes = 32;
    private static readonly int SecretLength = Base64Url.GetEncodedLength(SecretBytes);

    /// <summary>A fresh key.</summary>
    public static ApiKey Create() => new(
        Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes)),
        Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes)));

    /// <summary>Parses a credential; null when it does not look like a key.</summary>
    public static ApiKey? TryParse(string? credential)
    {
        if (credential is null || credential.Length != Prefix.Length + IdLength + 1 + SecretLength || !credential.StartsWith(Prefix, StringComparison.Ordinal) || credential[Prefix.Length + IdLength] != '_')
            return null;
        var id = credential.Substring(Prefix.Length, IdLength);
        return IsId(id) ? new ApiKey(id, credential[(Prefix.Length + IdLength + 1)..]) : null;
    }

    /// <summary>Whether a text is a key's id.</summary>
    public static bool IsId(string id) => id.Length == IdLength && id.All(char.IsAsciiHexDigitLower);

    /// <summary>The whole key, shown once.</summary>
    public string Reveal() => $"{Prefix}{Id}_{Secret}";

    /// <summary>What is stored of the secret.</summary>
    public string Hash() => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Secret)));

    /// <summary>Whether this key has a stored hash, compared in constant time.</summary>
    public bool Matches(string hash) => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Hash()), Encoding.ASCII.GetBytes(hash));

    // The secret is never part of a log or an error.
    public override string ToString() => $"{Prefix}{Id}_***";
}
