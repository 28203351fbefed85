using System.Diagnostics.CodeAnalysis;
using System.Text;
using DpAttn.Cluster;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>Where a request carries its API key or token.</summary>
internal static class Credential
{
    public const string HeaderName = "X-Api-Key";

    /// <summary>Of a token; all headers together may have twice as much.</summary>
    public const int LongestLength = 8 * 1024;

    private const int LongestPair = 1024;

    /// <summary>The key as it was sent, or null. Only browsers' pages take a password dialogue's: a browser would add it to foreign requests too.</summary>
    public static string? Read(HttpContext context)
    {
        var headers = context.Request.Headers;
        var authorization = headers.Authorization;
        var header = headers[HeaderName];
        if (authorization.Count + header.Count == 0)
            return null;
        if (authorization.Count + header.Count > 1)
            throw new ProblemException(ProblemCodes.InvalidRequest, $"state one credential: Authorization or {HeaderName}, once");
        var sent = header.Count == 1 ? header[0] : FromAuthorization(authorization[0], IsPage(context));
        return sent is { Length: > 0 and <= LongestLength } ? sent : throw new ProblemException(ProblemCodes.Unauthenticated, "the credential is neither an API key nor a token: send Authorization: Bearer KEY");
    }

    /// <summary>What a 401 asks for.</summary>
    public static string Challenge(HttpContext context) =>
        IsPage(context) ? "Basic realm=\"dpattn: any name, an API key as password\", charset=\"UTF-8\""
        : context.Request.Headers.Authorization.Count + context.Request.Headers[HeaderName].Count > 0 ? "Bearer realm=\"dpattn\", error=\"invalid_token\""
        : "Bearer realm=\"dpattn\"";

    private static bool IsPage(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<BrowserPage>() is not null;

    private static string? FromAuthorization(string? value, bool isPage)
    {
        if (TryScheme(value, "Bearer ", out var key))
            return key;
        if (!isPage || !TryScheme(value, "Basic ", out var encoded))
            return null;
        Span<byte> decoded = stackalloc byte[LongestPair];
        if (!Convert.TryFromBase64String(encoded, decoded, out var length))
            return null;
        var pair = Encoding.UTF8.GetString(decoded[..length]);
        return pair[(pair.IndexOf(':', StringComparison.Ordinal) + 1)..];
    }

    private static bool TryScheme(string? value, string scheme, [NotNullWhen(true)] out string? rest)
    {
        rest = value is not null && value.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? value[scheme.Length..].Trim() : null;
        return rest is not null;
    }
}
