using System.Collections.Concurrent;

namespace DpAttn.Client.Tests;

/// <summary>Answers by a script, step by step, and keeps what was sent. The last step answers all further requests too.</summary>
internal sealed class ScriptedHandler(params Func<SentRequest, CancellationToken, Task<HttpResponseMessage>>[] steps) : HttpMessageHandler
{
    private int _count;

    public ConcurrentQueue<SentRequest> Sent { get; } = [];

    public static ScriptedHandler Of(params Func<HttpResponseMessage>[] steps) =>
        new([.. steps.Select(step => (Func<SentRequest, CancellationToken, Task<HttpResponseMessage>>)((_, _) => Task.FromResult(step())))]);

    public SentRequest Only => Assert.Single(Sent);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var sent = await SentRequest.ReadAsync(request, cancellationToken);
        Sent.Enqueue(sent);
        return await steps[Math.Min(Interlocked.Increment(ref _count), steps.Length) - 1](sent, cancellationToken);
    }
}
