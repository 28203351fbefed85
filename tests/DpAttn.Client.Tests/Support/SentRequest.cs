using System.Text;

namespace DpAttn.Client.Tests;

/// <summary>A request as it went out.</summary>
internal sealed record SentRequest(string Method, Uri Uri, string? ContentType, long? ContentLength, byte[] Body, IReadOnlyDictionary<string, string> Headers)
{
    public string? Key => Headers.GetValueOrDefault("Idempotency-Key");

    public string Target => Uri.PathAndQuery;

    public string Text => Encoding.UTF8.GetString(Body);

    public static async Task<SentRequest> ReadAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is { } content ? await content.ReadAsByteArrayAsync(cancellationToken) : [];
        return new SentRequest(
            request.Method.Method,
            request.RequestUri!,
            request.Content?.Headers.ContentType?.ToString(),
            request.Content?.Headers.ContentLength,
            body,
            request.Headers.ToDictionary(header => header.Key, header => string.Join(", ", header.Value)));
    }
}
