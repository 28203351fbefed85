using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace DpAttn.Client.Internal;

/// <summary>One call: what is sent, again and again if need be, and how messages name it.</summary>
/// <param name="What">The call in words, without anybody's name or number, such as "append to store 'packages'".</param>
/// <param name="Method">The method.</param>
/// <param name="Path">The escaped path behind the endpoint, without a leading slash, with its query.</param>
internal sealed record Call(string What, HttpMethod Method, string Path)
{
    /// <summary>The idempotency key of every attempt; null for calls that change nothing.</summary>
    public string? Key { get; init; }

    /// <summary>How long one attempt may take, where that is longer than usual; null for the options' own.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>What kinds of answer are understood.</summary>
    public string Accept { get; init; } = "application/json";

    /// <summary>Makes the body of an attempt; null for none.</summary>
    public Func<HttpContent>? Body { get; init; }

    /// <summary>With a JSON body.</summary>
    public Call WithJson<T>(T body, JsonTypeInfo<T> type)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(body, type);
        return WithJson(bytes);
    }

    /// <summary>With a JSON body that is written already.</summary>
    public Call WithJson(ReadOnlyMemory<byte> bytes) => this with
    {
        Body = () =>
        {
            var content = new ReadOnlyMemoryContent(bytes);
            content.Headers.ContentType = new("application/json");
            return content;
        },
    };
}
