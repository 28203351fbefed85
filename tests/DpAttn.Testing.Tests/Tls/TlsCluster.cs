using System.Net;
using System.Net.Sockets;
using DpAttn.LocalCluster;
using DpAttn.PostgresServer;
using DpAttn.Server;
using DpAttn.Storage;

namespace DpAttn.Testing.Tests.Tls;

/// <summary>Two silos on PostgreSQL and a front, with mutual TLS between all of them.</summary>
internal sealed class TlsCluster : IAsyncDisposable
{
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-tls-");
    private readonly List<EmbeddedServer> _processes = [];
    private readonly List<ServerOptions> _silos = [];
    private string _connection = "";
    private string _keys = "";

    private TlsCluster()
    {
        SiloSecret = new(Directory.CreateDirectory(Path.Combine(_directory.FullName, "silo")).FullName);
        FrontSecret = new(Directory.CreateDirectory(Path.Combine(_directory.FullName, "front")).FullName);
        SiloSecret.Put(SecretDirectory.Silo(Authority), Authority.Pem);
        FrontSecret.Put(SecretDirectory.Front(Authority), Authority.Pem);
    }

    public ThrowawayAuthority Authority { get; } = new();

    public SecretDirectory SiloSecret { get; }

    public SecretDirectory FrontSecret { get; }

    public string OperatorKey { get; private set; } = "";

    /// <summary>Where the first silo listens to silos.</summary>
    public IPEndPoint SiloPort => new(IPAddress.Loopback, _silos[0].SiloPort);

    /// <summary>Where the silos listen to fronts.</summary>
    public IReadOnlyList<IPEndPoint> Gateways => [.. _silos.Select(silo => new IPEndPoint(IPAddress.Loopback, silo.GatewayPort))];

    /// <summary>The front.</summary>
    public ClusterUnderTest Front { get; private set; } = null!;

    /// <summary>Starts it. Skips the test where there is no PostgreSQL.</summary>
    public static async Task<TlsCluster> StartAsync()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        var cluster = new TlsCluster();
        try
        {
            await cluster.StartAllAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Front is not null)
            await Front.DisposeAsync();
        foreach (var process in _processes)
            await process.DisposeAsync();
        Authority.Dispose();
        _directory.Delete(recursive: true);
    }

    /// <summary>Settings of a process of this cluster.</summary>
    public ServerOptions Options(string role)
    {
        var secret = role == ServerOptions.RoleFront ? FrontSecret : SiloSecret;
        return new ServerOptions
        {
            Role = role,
            Clustering = ServerOptions.Postgres,
            Storage = ServerOptions.Postgres,
            PostgresConnection = _connection,
            ClusterId = "tls",
            LedgerWitness = ServerOptions.WitnessNone,
            Listen = "http://127.0.0.1:0",
            AdminListen = "http://127.0.0.1:0",
            SiloPort = FreePort(),
            GatewayPort = FreePort(),
            KeyFile = role == ServerOptions.RoleFront ? "" : _keys,
            ClusterTls = ServerOptions.TlsMutual,
            ClusterCertificate = secret.Certificate,
            ClusterCertificateKey = secret.Key,
            ClusterAuthority = secret.Authority,
            ClusterCertificateInterval = Interval,
            RequestsPerSecond = 0,
            AuthFailuresPerMinute = 0,
        };
    }

    private async Task StartAllAsync()
    {
        _connection = await (await LocalPostgres.Shared).CreateDatabaseAsync();
        _keys = Path.Combine(_directory.FullName, "keys");
        KeyFile.LoadOrCreate(_keys);
        await ServerStorage.MigrateAsync(Options(ServerOptions.RoleSilo));
        for (var i = 0; i < 2; i++)
        {
            _silos.Add(Options(ServerOptions.RoleSilo));
            var silo = await EmbeddedServer.StartAsync(_silos[i]);
            _processes.Add(silo);
            await SiloAndFront.ReadyAsync(silo);
            OperatorKey = silo.OperatorKey ?? OperatorKey;
        }
        var front = await EmbeddedServer.StartAsync(Options(ServerOptions.RoleFront));
        await SiloAndFront.ReadyAsync(front);
        Front = new ClusterUnderTest(front.Endpoint, OperatorKey, front);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
