using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace DpAttn.Client.Internal;

/// <summary>
/// Sends calls, and sends them again where that is safe: every attempt of a call carries the same idempotency key, so no retry can charge,
/// store or change anything a second time. A refusal is never retried.
/// </summary>
internal sealed class Exchange(IHttpSource source, DpAttentionOptions options, Func<TimeSpan, CancellationToken, Task> delay, TimeProvider clock) : IDisposable
{
    private readonly Uri _base = options.Endpoint!.AbsolutePath.EndsWith('/') ? options.Endpoint : new Uri(options.Endpoint.AbsoluteUri + "/");

    public async Task<T> SendAsync<T>(Call call, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        return Parse(call, await SendAsync(call, cancellationToken).ConfigureAwait(false), type);
    }

    /// <summary>Reads the JSON of a success.</summary>
    /// <exception cref="DpAttentionException">It is something else.</exception>
    public static T Parse<T>(Call call, Reply reply, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(reply.Body, type)
                ?? throw Malformed(call, reply.Status, "null where a value is needed");
        }
        catch (JsonException e)
        {
            // Neither its text nor the exception itself: both may quote what was sent.
            throw Malformed(call, reply.Status, $"not the JSON that was expected (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})");
        }
    }

    /// <summary>Sends a call and returns its success.</summary>
    /// <exception cref="DpAttentionException">Refused, or failed after all retries.</exception>
    public Task<Reply> SendAsync(Call call, CancellationToken cancellationToken) =>
        SendAsync(call, (response, token) => ReadSuccessAsync(call, response, token), cancellationToken);

    /// <summary>Sends a call and copies what comes, checked against its length and digest. What began to come is not asked for again.</summary>
    /// <exception cref="DpAttentionException">Refused, failed after all retries, cut off, or not what the server says it is.</exception>
    public Task<Reply> DownloadAsync(Call call, Stream destination, CancellationToken cancellationToken) =>
        SendAsync(call, (response, token) => Download.CopyAsync(call, response, destination, token, cancellationToken), cancellationToken);

    private async Task<Reply> SendAsync(Call call, Func<HttpResponseMessage, CancellationToken, Task<Outcome>> read, CancellationToken cancellationToken)
    {
        var isUnknown = false;
        for (var attempt = 0; ; attempt++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var outcome = await TryAsync(call, read, cancellationToken).ConfigureAwait(false);
            if (outcome.Success is { } reply)
                return reply;
            var retry = outcome.IsTransient || (isUnknown && outcome.IsOwnKeyInUse);
            isUnknown |= outcome.IsUnknown;
            if (!retry)
                throw outcome.ToException(call, "");
            if (attempt == options.MaxRetries)
                throw outcome.ToException(call, attempt == 0 ? "" : $", after {attempt + 1} attempts");
            if (RetrySchedule.Next(options, attempt, outcome.RetryAfter) is not { } wait)
                throw outcome.ToException(call, $"; it asks to wait {Math.Ceiling(outcome.RetryAfter!.Value.TotalSeconds)} s, more than MaxRetryAfter ({options.MaxRetryAfter.TotalSeconds} s)");
            await delay(wait, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The exception of an answer that makes no sense.</summary>
    public static DpAttentionException Malformed(Call call, HttpStatusCode status, string what) =>
        new($"{call.What}: the server's answer ({(int)status}) is {what}") { Status = status, IdempotencyKey = call.Key };

    public void Dispose() => source.Dispose();

    private async Task<Outcome> TryAsync(Call call, Func<HttpResponseMessage, CancellationToken, Task<Outcome>> read, CancellationToken cancellationToken)
    {
        var timeout = call.Timeout ?? options.Timeout;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        try
        {
            using var request = await ToRequestAsync(call, deadline.Token).ConfigureAwait(false);
            using var response = await source.Get().SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token).ConfigureAwait(false);
            return response.IsSuccessStatusCode
                ? await read(response, deadline.Token).ConfigureAwait(false)
                : await ReadRefusalAsync(response, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            // A token of the caller's, or else the deadline (or the HttpClient's own).
            cancellationToken.ThrowIfCancellationRequested();
            // What was given a time of its own is maintenance: asking again would begin it anew.
            return Outcome.TimedOut(timeout, e, isTransient: call.Timeout is null);
        }
        catch (HttpRequestException e)
        {
            return Outcome.Unreachable(_base, e, IsWorthRetrying(e.HttpRequestError));
        }
        catch (IOException e)
        {
            return Outcome.Unreachable(_base, e, isTransient: true);
        }
    }

    private async Task<HttpRequestMessage> ToRequestAsync(Call call, CancellationToken cancellationToken)
    {
        var credential = options.ApiKey;
        if (options.CredentialProvider is { } provider)
        {
            credential = await provider(cancellationToken).ConfigureAwait(false);
            if (!Credential.IsSendable(credential))
                throw new DpAttentionException($"{call.What}: CredentialProvider gave something other than 1 to {Credential.LongestLength} printable ASCII characters without spaces");
        }
        var request = new HttpRequestMessage(call.Method, new Uri(_base, call.Path)) { Content = call.Body?.Invoke() };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", credential);
        request.Headers.Add("Accept", call.Accept);
        if (call.Key is { } key)
            request.Headers.Add("Idempotency-Key", key);
        return request;
    }

    private async Task<Outcome> ReadSuccessAsync(Call call, HttpResponseMessage response, CancellationToken cancellationToken) =>
        await BoundedBody.ReadAsync(response.Content, options.MaxResponseBytes, cancellationToken).ConfigureAwait(false) is { } body
            ? Outcome.Succeeded(new Reply(response.StatusCode, response.Content.Headers.ContentType?.MediaType, response.Headers, body))
            : throw Malformed(call, response.StatusCode, $"longer than MaxResponseBytes ({options.MaxResponseBytes} bytes)");

    private async Task<Outcome> ReadRefusalAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var body = await BoundedBody.ReadAsync(response.Content, Problems.LongestBody, cancellationToken).ConfigureAwait(false);
        return Outcome.Refused(response.StatusCode, body is { } bytes ? Problems.Parse(bytes) : null, RetrySchedule.Asked(response.Headers.RetryAfter, clock.GetUtcNow()));
    }

    private static bool IsWorthRetrying(HttpRequestError error) => error is
        HttpRequestError.Unknown or HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.HttpProtocolError
        or HttpRequestError.ResponseEnded or HttpRequestError.ProxyTunnelError;
}
