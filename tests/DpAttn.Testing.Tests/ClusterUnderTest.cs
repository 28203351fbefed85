using DpAttn.Client;
using DpAttn.Server;

namespace DpAttn.Testing.Tests;

/// <summary>A cluster that tests ask over HTTP, whatever it is made of.</summary>
internal sealed class ClusterUnderTest(Uri endpoint, string operatorKey, IAsyncDisposable server) : IAsyncDisposable
{
    private readonly List<DpAttentionClient> _clients = [];

    public Uri Endpoint => endpoint;

    public string OperatorKey => operatorKey;

    public static async Task<ClusterUnderTest> EmbeddedAsync(Action<ServerOptions> configure)
    {
        var cluster = await DpAttnTestCluster.StartAsync(configure: configure);
        return new ClusterUnderTest(cluster.Endpoint, cluster.OperatorKey!, cluster);
    }

    public IDpAttentionClient Connect(string key)
    {
        var client = new DpAttentionClient(new DpAttentionOptions { Endpoint = Endpoint, ApiKey = key, PublishPollDelay = TimeSpan.FromMilliseconds(50) });
        _clients.Add(client);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            client.Dispose();
        await server.DisposeAsync();
    }
}
