using System.Net;
using System.Net.Sockets;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Server;
using DpAttn.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Testing.Tests;

/// <summary>The embedded default: what it shows once, what survives a restart, and what cannot be reached.</summary>
public sealed class EmbeddedClusterTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-embedded-");

    // The witness of its ledger lies beside it.
    private string Data => Path.Combine(_directory.FullName, "data");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task The_operator_key_is_shown_at_the_first_start_only_and_goes_on_working()
    {
        string key;
        await using (var first = await DpAttnTestCluster.StartAsync(Data))
        {
            key = first.OperatorKey!;
            Assert.StartsWith("dpattn_", key);
        }
        await using var second = await DpAttnTestCluster.StartAsync(Data);
        Assert.Null(second.OperatorKey);
        Assert.Single((await second.Connect(key).ListKeysAsync()).Keys);
    }

    [Fact]
    public async Task A_lost_operator_key_is_replaced_while_no_server_runs_and_the_log_says_so()
    {
        await using (var running = await DpAttnTestCluster.StartAsync(Data))
            await Assert.ThrowsAsync<StorageRefusedException>(() => EmbeddedCluster.RecoverOperatorKeyAsync(Data));
        var recovered = await EmbeddedCluster.RecoverOperatorKeyAsync(Data);
        await using var cluster = await DpAttnTestCluster.StartAsync(Data);
        Assert.Equal(2, (await cluster.Connect(recovered).ListKeysAsync()).Keys.Count);
        var actions = new List<string>();
        await foreach (var line in cluster.Connect(recovered).ListAuditAsync())
            actions.Add(line.Action);
        Assert.Equal(2, actions.Count(action => action == "key.create"));
    }

    [Fact]
    public async Task A_directory_without_a_storage_has_no_key_to_recover()
    {
        await Assert.ThrowsAsync<StorageRefusedException>(() => EmbeddedCluster.RecoverOperatorKeyAsync(Data));
        Assert.Empty(_directory.GetFiles());
    }

    [Fact]
    public async Task Two_servers_never_share_a_directory()
    {
        await using var first = await DpAttnTestCluster.StartAsync(Data);
        await Assert.ThrowsAsync<StorageRefusedException>(() => DpAttnTestCluster.StartAsync(Data));
        Assert.NotEmpty((await first.Connect(first.OperatorKey!).ListKeysAsync()).Keys);
    }

    /// <summary>The engine's own port would let whoever reaches it call any grain: a cluster of one takes no connection there, and has no gateway.</summary>
    [Fact]
    public async Task The_engines_own_port_hangs_up_on_everybody()
    {
        var options = new ServerOptions { DataDirectory = Data, Listen = "http://127.0.0.1:0", AdminListen = "" };
        await using var server = DpAttnServer.Build(options, builder => EmbeddedCluster.Add(builder, options, _ => { }));
        await server.StartAsync();
        var silo = server.Services.GetRequiredService<ILocalSiloDetails>();
        Assert.True(silo.GatewayAddress is null || silo.GatewayAddress.Endpoint.Port == 0);
        Assert.Equal(IPAddress.Loopback, silo.SiloAddress.Endpoint.Address);
        for (var i = 0; i < 3; i++)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            Assert.True(await HangsUpAsync(socket, silo.SiloAddress.Endpoint), "the silo's port listens to strangers");
        }
        await server.StopAsync();
    }

    /// <summary>Whether the connection ends, at whichever step, before it says a word.</summary>
    private static async Task<bool> HangsUpAsync(Socket socket, IPEndPoint endpoint)
    {
        try
        {
            await socket.ConnectAsync(endpoint);
            await socket.SendAsync(new byte[64]);
            return await socket.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(5)) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    [Fact]
    public async Task What_was_acknowledged_answers_the_same_after_a_restart()
    {
        string ownerKey, userKey, release;
        IReadOnlyList<double> answer;
        await using (var cluster = await DpAttnTestCluster.StartAsync(Data))
        {
            var @operator = cluster.Connect(cluster.OperatorKey!);
            ownerKey = (await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner))).Key;
            userKey = (await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User))).Key;
            var owner = cluster.Connect(ownerKey);
            await owner.EnsureStoreAsync("s", new StoreDefinition
            {
                KeyDimension = 1,
                ValueDimension = 1,
                Keys = new RegionBound(new BallBound(1)),
                Values = new ValueBoundStatement(Radius: 1),
                Ladder = [1],
                Limit = 1,
                Capacity = 10,
            });
            await owner.AppendAsync("s", "b", new float[] { 0.5f }, new float[] { 1 }, 1);
            release = (await owner.PublishAsync("s")).Id;
            await owner.GrantAsync("s", "ulf", 1);
            answer = (await cluster.Connect(userKey).AttendAsync("s", new float[] { 1 }, new AttendOptions { Release = release, Tier = 0 })).Outputs[0];
        }
        await using var again = await DpAttnTestCluster.StartAsync(Data);
        var user = again.Connect(userKey);
        var same = await user.AttendAsync("s", new float[] { 1 });
        Assert.Equal(answer, same.Outputs[0]);
        Assert.Equal(0, same.Privacy.Charged);
        Assert.Equal(1, (await user.GetBudgetAsync("s")).Spent, 1e-9);
        Assert.True((await again.Connect(ownerKey).AppendAsync("s", "b", new float[] { 0.5f }, new float[] { 1 }, 1)).Replayed);
    }
}
