using System.Security.Cryptography;

namespace DpAttn.Privacy;

/// <summary>SHA-256 of what a request asks for: the same request id with another fingerprint is another request, and refused.</summary>
public readonly record struct RequestFingerprint
{
    private readonly string? _hex;

    private RequestFingerprint(string hex) => _hex = hex;

    /// <summary>The digest in lower-case hexadecimal; 64 zeros for a default-constructed one.</summary>
    public string Hex => _hex ?? new string('0', 64);

    /// <summary>The fingerprint of a request's canonical bytes.</summary>
    public static RequestFingerprint Of(ReadOnlySpan<byte> content) => new(Convert.ToHexStringLower(SHA256.HashData(content)));

    /// <summary>A fingerprint read back from its digest in lower-case hexadecimal.</summary>
    /// <exception cref="FormatException">Not 64 lower-case hexadecimal digits.</exception>
    public static RequestFingerprint FromHex(string hex)
    {
        ArgumentNullException.ThrowIfNull(hex);
        if (hex.Length != 2 * SHA256.HashSizeInBytes || hex.AsSpan().IndexOfAnyExcept("0123456789abcdef") >= 0)
            throw new FormatException("a fingerprint has 64 lower-case hexadecimal digits");
        // 64 zeros are the default-constructed one, and equal to it.
        return hex.AsSpan().ContainsAnyExcept('0') ? new(hex) : default;
    }

    /// <inheritdoc/>
    public override string ToString() => Hex;
}
