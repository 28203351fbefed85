using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using DpAttn.Cluster;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>Reads bodies, never more than their cap.</summary>
internal static class RequestBody
{
    public const string Json = "application/json";
    public const string JsonLines = "application/x-ndjson";
    public const string Npy = "application/x-npy";
    public const string Npz = "application/x-npz";
    public const string Zip = "application/zip";
    public const string Multipart = "multipart/form-data";

    /// <summary>The media type of the body without parameters, in lower case; empty when none is stated.</summary>
    public static ReadOnlySpan<char> MediaTypeOf(HttpContext context)
    {
        var type = context.Request.ContentType.AsSpan();
        var end = type.IndexOf(';');
        return (end < 0 ? type : type[..end]).Trim();
    }

    public static bool Is(HttpContext context, string mediaType) => MediaTypeOf(context).Equals(mediaType, StringComparison.OrdinalIgnoreCase);

    /// <summary>Refuses a body whose stated length is over the cap before any of it is read.</summary>
    /// <exception cref="ProblemException">too_large.</exception>
    public static void RequireLength(HttpContext context, long cap)
    {
        if (context.Request.ContentLength > cap)
            throw TooLarge(cap);
    }

    public static ProblemException TooLarge(long cap) => new(ProblemCodes.TooLarge, $"the body has more than {cap} bytes, the most that is read here");

    /// <summary>Waits for the whole body. The caller lets go of it with <see cref="PipeReader.AdvanceTo(SequencePosition)"/>.</summary>
    public static async ValueTask<ReadOnlySequence<byte>> ReadAllAsync(HttpContext context, long cap)
    {
        RequireLength(context, cap);
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            if (read.Buffer.Length > cap)
            {
                reader.AdvanceTo(read.Buffer.End);
                throw TooLarge(cap);
            }
            if (read.IsCompleted)
                return read.Buffer;
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Reads a JSON body.</summary>
    /// <param name="context">The request.</param>
    /// <param name="type">What it holds.</param>
    /// <param name="cap">The most bytes.</param>
    /// <param name="absent">What an empty body stands for; null when a body is needed.</param>
    /// <exception cref="ProblemException">invalid_request with the path and the fault; too_large.</exception>
    public static async Task<T> ReadJsonAsync<T>(HttpContext context, JsonTypeInfo<T> type, long cap, T? absent = null)
        where T : class
    {
        RequireLength(context, cap);
        if (!Is(context, Json) && !(absent is not null && MediaTypeOf(context).IsEmpty))
            throw StatusException.UnsupportedMediaType([Json]);
        var body = await ReadAllAsync(context, cap);
        try
        {
            return absent is not null && body.IsEmpty ? absent : Parse(body, type);
        }
        finally
        {
            context.Request.BodyReader.AdvanceTo(body.End);
        }
    }

    private static T Parse<T>(ReadOnlySequence<byte> body, JsonTypeInfo<T> type)
        where T : class
    {
        var reader = new Utf8JsonReader(body);
        try
        {
            var value = JsonSerializer.Deserialize(ref reader, type);
            // What follows the value makes the body something else.
            while (reader.Read())
            {
            }
            return value ?? throw JsonFault.At("$", "null is not allowed here");
        }
        catch (JsonException e)
        {
            throw JsonFault.Of(e);
        }
    }
}
