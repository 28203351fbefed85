using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace DpAttn.Server.Http;

/// <summary>Writes JSON bodies.</summary>
internal static class JsonResponse
{
    public static Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        // Serialized before anything is sent, so that a fault still leaves as a problem.
        var body = JsonSerializer.SerializeToUtf8Bytes(value, type);
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = RequestBody.Json;
        response.ContentLength = body.Length;
        return response.Body.WriteAsync(body, 0, body.Length, context.RequestAborted);
    }

    /// <summary>Streams pages as JSON lines until there are no more. A failure after the first line breaks the connection: half a log must not look whole.</summary>
    /// <param name="context">The request.</param>
    /// <param name="next">The next page's lines; null when there are no more.</param>
    /// <param name="type">What a line is.</param>
    public static async Task WriteLinesAsync<T>(HttpContext context, Func<Task<IReadOnlyList<T>?>> next, JsonTypeInfo<T> type)
    {
        var page = await next();
        context.Response.ContentType = RequestBody.JsonLines;
        var body = context.Response.BodyWriter;
        using var writer = new Utf8JsonWriter(body);
        for (; page is not null; page = await next())
        {
            foreach (var line in page)
            {
                JsonSerializer.Serialize(writer, line, type);
                writer.Flush();
                writer.Reset();
                body.GetSpan(1)[0] = (byte)'\n';
                body.Advance(1);
            }
            await body.FlushAsync(context.RequestAborted);
        }
    }

    public static Task NoContent(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }
}
