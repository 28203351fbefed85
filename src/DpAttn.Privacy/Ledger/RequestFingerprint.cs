using System.Security.Cryptography;

namespace DpAttn.Privacy;

/// <summary>SHA-256 of what a request asks for: the same request id with another fingerprint is another request, and refused.</summary>
public readonly record struct RequestFingerprint
{
    private readonly string? _hex;

    private RequestFingerprint(string hex) => _hex = hex;

    /// <summary>The digest in lower-case hexadecimal; 64 zeros for a default-constructed one.</summary>
    public string Hex => _hex ?? new string('0', 64);

    internal bool IsStated => _hex is not null;

    /// <summary>The fingerprint of a request's canonical bytes.</summary>
    public static RequestFingerprint Of(ReadOnlySpan<byte> content) => new(Convert.ToHexStringLower(SHA256.HashData(content)));

    /// <summary>A fingerprint that was stored: <see cref="Hex"/> read back.</summary>
    /// <exception cref="ArgumentException">Not 64 lower-case hexadecimal digits.</exception>
    public static RequestFingerprint FromHex(string hex)
    {
        ArgumentNullException.ThrowIfNull(hex);
        return hex.Length == 2 * SHA256.HashSizeInBytes && hex.All(char.IsAsciiHexDigitLower)
            ? new(hex)
            : throw new ArgumentException("a fingerprint has 64 lower-case hexadecimal digits", nameof(hex));
    }

    /// <inheritdoc/>
    public override string ToString() => Hex;
}
