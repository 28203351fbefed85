using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Benchmarks.Server;

/// <summary>A published store of 64-dimensional keys and values on a server, and a user who has opened it.</summary>
/// <param name="Owner">Its owner.</param>
/// <param name="UserKey">The user's key.</param>
internal sealed record BenchStore(IDpAttentionClient Owner, string UserKey)
{
    public const int Dimension = 64;
    public const string Name = "bench";
    private const int BatchRows = 4096;

    public static async Task<BenchStore> MakeAsync(Uri endpoint, string operatorKey, int rows)
    {
        var @operator = Connect(endpoint, operatorKey);
        var owner = Connect(endpoint, (await @operator.CreateKeyAsync(new KeyRequest("owner", Roles.Owner))).Key);
        var userKey = (await @operator.CreateKeyAsync(new KeyRequest("user", Roles.User))).Key;
        await owner.EnsureStoreAsync(Name, new StoreDefinition
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
        for (var start = 0; start < rows; start += BatchRows)
        {
            var count = Math.Min(BatchRows, rows - start);
            await owner.AppendAsync(Name, $"rows-{start}", Data.UnitRows(count, Dimension, start).Data, Data.UnitRows(count, Dimension, start + 1).Data, count);
        }
        var release = await owner.PublishAsync(Name);
        await owner.GrantAsync(Name, "user", 5);
        await Connect(endpoint, userKey).AttendAsync(Name, Data.UnitRows(1, Dimension, 2).Data, new AttendOptions { Release = release.Id, Tier = 0 });
        return new BenchStore(owner, userKey);
    }

    private static DpAttentionClient Connect(Uri endpoint, string key) => new(new DpAttentionOptions { Endpoint = endpoint, ApiKey = key, PublishPollDelay = TimeSpan.FromMilliseconds(50) });
}
