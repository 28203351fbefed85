using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using DpAttn.Contracts;
using DpAttn.Server.Http;

namespace DpAttn.Server.Tests.Support;

/// <summary>Reads what came back, as a client that knows only the contracts would.</summary>
internal static class Responses
{
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    private static readonly Lazy<Task<JsonNode>> Document = new(async () =>
    {
        await using var server = await ServerUnderTest.StartAsync();
        return JsonNode.Parse(await server.Client.GetStringAsync("/openapi/v1.json"))!;
    });

    public static StringContent JsonBody(string text, string mediaType = "application/json") => new(text, null, mediaType);

    public static StringContent JsonBody(object value) => JsonBody(JsonSerializer.Serialize(value, Json));

    /// <summary>Checks everything that a problem promises, and that the OpenAPI document announces it.</summary>
    public static async Task<Problem> ProblemAsync(this Task<HttpResponseMessage> sending, string code, int? status = null)
    {
        using var response = await sending;
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.Content.Headers.ContentType?.MediaType == "application/problem+json", $"{(int)response.StatusCode} {text}");
        var problem = JsonSerializer.Deserialize<Problem>(text, Json)!;
        var kind = ProblemTable.Of(code);
        Assert.True(problem.Code == code, text);
        Assert.Equal(status ?? kind.Status, (int)response.StatusCode);
        Assert.Equal(status ?? kind.Status, problem.Status);
        Assert.Equal("urn:dpattn:problem:" + code, problem.Type);
        Assert.Equal(kind.Title, problem.Title);
        Assert.Equal(kind.IsRetryable, problem.Retryable);
        Assert.NotEmpty(problem.TraceId);
        Assert.NotEmpty(problem.Detail);
        Assert.Equal(kind.RetryAfterSeconds, response.Headers.RetryAfter?.Delta is { } after ? (int)after.TotalSeconds : null);
        Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
        Assert.Equal(problem.Status == 401, response.Headers.WwwAuthenticate.Count > 0);
        if (status is null)
            await AssertDocumentedAsync(response, kind);
        return problem;
    }

    public static async Task<string> TextAsync(this Task<HttpResponseMessage> sending, HttpStatusCode status = HttpStatusCode.OK)
    {
        using var response = await sending;
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == status, $"{(int)response.StatusCode} {text}");
        return text;
    }

    public static async Task<T> OkAsync<T>(this Task<HttpResponseMessage> sending, HttpStatusCode status = HttpStatusCode.OK) =>
        JsonSerializer.Deserialize<T>(await sending.TextAsync(status), Json)!;

    /// <summary>Whether a body is a value's JSON, member for member.</summary>
    public static void AssertIs(object expected, string json)
    {
        var wanted = JsonSerializer.Serialize(expected, Json);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(wanted), JsonNode.Parse(json)), $"expected {wanted}\nbut got  {json}");
    }

    private static async Task AssertDocumentedAsync(HttpResponseMessage response, ProblemKind kind)
    {
        var path = response.RequestMessage!.RequestUri!.AbsolutePath;
        var method = response.RequestMessage.Method.Method.ToLowerInvariant();
        foreach (var (template, item) in (await Document.Value)["paths"]!.AsObject())
        {
            var (pattern, parts) = (template.Split('/'), path.Split('/'));
            if (item![method] is not { } operation || pattern.Length != parts.Length || pattern.Zip(parts).Any(pair => !pair.First.StartsWith('{') && pair.First != pair.Second))
                continue;
            var documented = operation["responses"]?[kind.Status.ToString()]?["description"]?.GetValue<string>() ?? "";
            Assert.True(documented.Contains(kind.Code + ":", StringComparison.Ordinal), $"{method} {template} answered {kind.Code}, which the OpenAPI document does not announce: '{documented}'");
            return;
        }
    }
}
