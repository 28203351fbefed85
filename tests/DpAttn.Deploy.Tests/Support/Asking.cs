using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Deploy.Tests.Support;

/// <summary>A whole use of a server: a store, rows, a release, a grant, an answer.</summary>
internal static class Asking
{
    private const int Dimension = 4, Rows = 256;

    /// <summary>Does all of it.</summary>
    /// <returns>The answer to one query.</returns>
    public static async Task<AttendResponse> OnceAsync(Uri endpoint, string operatorKey, CancellationToken cancellationToken)
    {
        using var @operator = Connect(operatorKey);
        using var owner = Connect((await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner), cancellationToken)).Key);
        using var user = Connect((await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User), cancellationToken)).Key);
        await owner.EnsureStoreAsync(
            "tried",
            new StoreDefinition
            {
                KeyDimension = Dimension,
                ValueDimension = 2,
                Keys = new RegionBound(new BallBound(1)),
                Values = new ValueBoundStatement(Radius: 1),
                Ladder = [1, 4],
                Limit = 8,
                Capacity = 1024,
            },
            cancellationToken);
        var keys = Enumerable.Range(0, Rows * Dimension).Select(i => MathF.Sin(i) / MathF.Sqrt(Dimension)).ToArray();
        var values = Enumerable.Repeat(0.5f, Rows * 2).ToArray();
        await owner.AppendAsync("tried", "all", keys, values, Rows, cancellationToken: cancellationToken);
        Assert.Equal("published", (await owner.PublishAsync("tried", cancellationToken: cancellationToken)).State);
        await owner.GrantAsync("tried", "ulf", 8, cancellationToken);
        return await user.AttendAsync("tried", new float[] { 0.5f, 0, 0, 0 }, new AttendOptions { MaxEpsilon = 4 }, cancellationToken);

        DpAttentionClient Connect(string key) => new(new DpAttentionOptions { Endpoint = endpoint, ApiKey = key });
    }
}
