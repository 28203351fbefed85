using System.Collections.Concurrent;
using DpAttn.Client.Internal;

namespace DpAttn.Client.Tests;

/// <summary>A client over a handler, whose waits are noted instead of waited.</summary>
internal sealed class TestClient : IDisposable
{
    public const string ApiKey = "dpk_SECRETSECRETSECRET";

    public TestClient(HttpMessageHandler handler, Action<DpAttentionOptions>? configure = null, TimeProvider? clock = null)
    {
        var options = new DpAttentionOptions { Endpoint = new Uri("https://dpattn.test/base"), ApiKey = ApiKey };
        configure?.Invoke(options);
        Client = new DpAttentionClient(
            OptionsValidator.Require(options),
            new SingleSource(new HttpClient(handler), ownsClient: true),
            (wait, token) =>
            {
                token.ThrowIfCancellationRequested();
                Waits.Enqueue(wait);
                OnWait?.Invoke();
                return Task.CompletedTask;
            },
            clock);
    }

    public DpAttentionClient Client { get; }

    public ConcurrentQueue<TimeSpan> Waits { get; } = [];

    public Action? OnWait { get; set; }

    public void Dispose() => Client.Dispose();
}
