using DpAttn.Testing;
using Microsoft.AspNetCore.Builder;

namespace DpAttn.Benchmarks.Server;

/// <summary>A server in this process with a published store, and endpoints of its own.</summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    private readonly DpAttnTestCluster _cluster;
    private readonly BenchStore _store;

    private BenchCluster(DpAttnTestCluster cluster, BenchStore store) => (_cluster, _store) = (cluster, store);

    public Uri Endpoint => _cluster.Endpoint;

    public string UserKey => _store.UserKey;

    public static async Task<BenchCluster> StartAsync(int rows, Action<WebApplication> map)
    {
        var cluster = await DpAttnTestCluster.StartAsync(map: map);
        return new BenchCluster(cluster, await BenchStore.MakeAsync(cluster.Endpoint, cluster.OperatorKey!, rows));
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();
}
