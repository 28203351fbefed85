using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing.Tests;

/// <summary>The same of a front that reaches its silo over a gateway.</summary>
[Collection(nameof(SiloAndFront))]
public sealed class FrontConformance : ClientConformance, IAsyncDisposable
{
    private ClusterUnderTest? _cluster;

    protected override async Task<(IDpAttentionClient Owner, IDpAttentionClient User)> ClientsAsync()
    {
        _cluster = await SiloAndFront.StartAsync();
        var @operator = _cluster.Connect(_cluster.OperatorKey);
        var owner = await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner));
        var user = await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User));
        return (_cluster.Connect(owner.Key), _cluster.Connect(user.Key));
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }
}
