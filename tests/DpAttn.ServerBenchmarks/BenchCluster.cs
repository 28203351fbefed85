using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Testing;
using Microsoft.AspNetCore.Builder;

namespace DpAttn.Benchmarks.Server;

/// <summary>A server with a published store of 64-dimensional keys and values, and a user who has opened it.</summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    public const int Dimension = 64;
    public const string Store = "bench";
    private const int BatchRows = 4096;

    private BenchCluster(DpAttnTestCluster cluster, IDpAttentionClient owner, string userKey) => (Cluster, Owner, UserKey) = (cluster, owner, userKey);

    public DpAttnTestCluster Cluster { get; }

    public IDpAttentionClient Owner { get; }

    public string UserKey { get; }

    public static async Task<BenchCluster> StartAsync(int rows, Action<WebApplication>? map = null, string? directory = null)
    {
        var cluster = await DpAttnTestCluster.StartAsync(directory, map: map);
        var owner = await cluster.CreateClientAsync(Roles.Owner, "owner");
        var @operator = cluster.Connect(cluster.OperatorKey!);
        var key = (await @operator.CreateKeyAsync(new KeyRequest("user", Roles.User))).Key;
        await owner.EnsureStoreAsync(Store, new StoreDefinition
        {
            KeyDimension = Dimension,
            ValueDimension = Dimension,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Scale = 1,
            Ladder = [1],
            Limit = 10,
            Capacity = 100_000_000,
        });
        await LoadAsync(owner, "rows", rows, 1);
        var release = await owner.PublishAsync(Store);
        await owner.GrantAsync(Store, "user", 5);
        var user = cluster.Connect(key);
        await user.AttendAsync(Store, Data.UnitRows(1, Dimension, 2).Data, new AttendOptions { Release = release.Id, Tier = 0 });
        return new BenchCluster(cluster, owner, key);
    }

    /// <summary>Appends made rows in batches.</summary>
    public static async Task LoadAsync(IDpAttentionClient owner, string prefix, int rows, int seed, CancellationToken cancellationToken = default)
    {
        for (var start = 0; start < rows; start += BatchRows)
        {
            var count = Math.Min(BatchRows, rows - start);
            await owner.AppendAsync(
                Store, $"{prefix}-{start}", Data.UnitRows(count, Dimension, seed + start).Data, Data.UnitRows(count, Dimension, seed + start + 1).Data, count, cancellationToken: cancellationToken);
        }
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
