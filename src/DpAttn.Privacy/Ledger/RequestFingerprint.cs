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

    /// <inheritdoc/>
    public override string ToString() => Hex;
}
