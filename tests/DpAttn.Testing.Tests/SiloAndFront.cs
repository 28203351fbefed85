using System.Net;
using System.Net.Sockets;
using DpAttn.Contracts;
using DpAttn.PostgresServer;
using DpAttn.Server;
using DpAttn.Storage;

namespace DpAttn.Testing.Tests;

/// <summary>
/// A silo on PostgreSQL, one for all tests of this process, and fronts that reach it over its gateway only. Tests with it run one after another; each finds no store.
/// </summary>
[CollectionDefinition(nameof(SiloAndFront), DisableParallelization = true)]
public sealed class SiloAndFront
{
    private static readonly Lazy<Task<SiloAndFront>> Shared = new(CreateAsync);

    private readonly string _connection;
    private readonly string _keys;
    private readonly EmbeddedServer _silo;

    private SiloAndFront(string connection, string keys, EmbeddedServer silo, int gatewayPort) => (_connection, _keys, _silo, Gateway) = (connection, keys, silo, new IPEndPoint(IPAddress.Loopback, gatewayPort));

    /// <summary>Where the silo listens to clients of its gateway.</summary>
    internal IPEndPoint Gateway { get; }

    internal string ConnectionString => _connection;

    internal string OperatorKey => _silo.OperatorKey!;

    /// <summary>The silo of this process, without stores. Skips the test where there is no PostgreSQL.</summary>
    internal static async Task<SiloAndFront> SiloAsync()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        return await Shared.Value;
    }

    /// <summary>A front of its own before the silo.</summary>
    internal static async Task<ClusterUnderTest> StartAsync(Action<ServerOptions>? configure = null)
    {
        var shared = await SiloAsync();
        var options = shared.Options(ServerOptions.RoleFront);
        configure?.Invoke(options);
        var front = await EmbeddedServer.StartAsync(options);
        await ReadyAsync(front);
        var cluster = new ClusterUnderTest(front.Endpoint, shared.OperatorKey, front);
        await ClearAsync(cluster);
        return cluster;
    }

    /// <summary>Settings of a process of this cluster.</summary>
    internal ServerOptions Options(string role)
    {
        var options = new ServerOptions
        {
            Role = role,
            Clustering = ServerOptions.Postgres,
            Storage = ServerOptions.Postgres,
            PostgresConnection = _connection,
            ClusterId = "pair",
            LedgerWitness = ServerOptions.WitnessNone,
            Listen = "http://127.0.0.1:0",
            AdminListen = "http://127.0.0.1:0",
            SiloPort = FreePort(),
            GatewayPort = FreePort(),
        };
        if (role != ServerOptions.RoleFront)
            options.KeyFile = _keys;
        return options;
    }

    /// <summary>Waits until a server says that it is ready.</summary>
    internal static async Task ReadyAsync(EmbeddedServer server)
    {
        using var http = new HttpClient();
        for (var i = 0; ; i++)
        {
            using var response = await http.GetAsync(new Uri(server.AdminEndpoint!, "/readyz"));
            if (response.IsSuccessStatusCode)
                return;
            Assert.True(i < 600, "the server does not become ready");
            await Task.Delay(50);
        }
    }

    private static async Task<SiloAndFront> CreateAsync()
    {
        var connection = await (await LocalPostgres.Shared).CreateDatabaseAsync();
        var keys = Path.Combine(Directory.CreateTempSubdirectory("dpattn-pair-").FullName, "keys");
        KeyFile.LoadOrCreate(keys);
        var pair = new SiloAndFront(connection, keys, null!, 0);
        var options = pair.Options(ServerOptions.RoleSilo);
        Assert.Equal(0, await DpAttnServer.RunAsync([DpAttnServer.MigrateFlag, .. SettingsOf(options)]));
        var silo = await EmbeddedServer.StartAsync(options);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(keys)!, recursive: true);
        await ReadyAsync(silo);
        return new SiloAndFront(connection, keys, silo, options.GatewayPort);
    }

    private static string[] SettingsOf(ServerOptions options) =>
    [
        $"--DpAttn:Role={options.Role}", $"--DpAttn:Clustering={options.Clustering}", $"--DpAttn:Storage={options.Storage}", $"--DpAttn:PostgresConnection={options.PostgresConnection}",
        $"--DpAttn:KeyFile={options.KeyFile}", $"--DpAttn:LedgerWitness={options.LedgerWitness}",
    ];

    /// <summary>Deletes what other tests have left. Names of stores are free again then.</summary>
    private static async Task ClearAsync(ClusterUnderTest cluster)
    {
        var @operator = cluster.Connect(cluster.OperatorKey);
        foreach (var subject in (string[])["olga", "otto"])
        {
            var owner = cluster.Connect((await @operator.CreateKeyAsync(new KeyRequest(subject, Roles.Owner))).Key);
            foreach (var store in await owner.ListStoresAsync())
                await owner.DeleteStoreAsync(store.Name);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
