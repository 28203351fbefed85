using System.Net;
using System.Net.Sockets;
using DpAttn.Client;
using DpAttn.Cluster.Tests.Access;
using DpAttn.Contracts;
using DpAttn.Gateway;
using DpAttn.LocalCluster;
using DpAttn.PostgresServer;
using DpAttn.Server;
using DpAttn.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.IdentityModel.Protocols;

namespace DpAttn.Testing.Tests.Tls;

/// <summary>Two silos on PostgreSQL and a front, with mutual TLS between all of them.</summary>
internal sealed class TlsCluster : IAsyncDisposable
{
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private static readonly Lazy<Task<TlsCluster>> Shared = new(StartAsync);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-tls-");
    private readonly List<WebApplication> _processes = [];
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

    /// <summary>The issuer of tokens that the silos take.</summary>
    public TestIssuer Issuer { get; } = new();

    public SecretDirectory SiloSecret { get; }

    public SecretDirectory FrontSecret { get; }

    public string OperatorKey { get; private set; } = "";

    /// <summary>Where the first silo listens to silos.</summary>
    public IPEndPoint SiloPort => new(IPAddress.Loopback, _silos[0].SiloPort);

    /// <summary>Where the silos listen to fronts.</summary>
    public IReadOnlyList<IPEndPoint> Gateways => [.. _silos.Select(silo => new IPEndPoint(IPAddress.Loopback, silo.GatewayPort))];

    /// <summary>What a front says first to a gateway.</summary>
    public byte[] Greeting { get; private set; } = [];

    /// <summary>The front.</summary>
    public ClusterUnderTest Front { get; private set; } = null!;

    /// <summary>One for all tests of this process, whose certificates stay as they are. Skips the test where there is no PostgreSQL.</summary>
    public static async Task<TlsCluster> SharedAsync()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        if (!Shared.IsValueCreated)
            AppDomain.CurrentDomain.ProcessExit += (_, _) => Shared.Value.Result._directory.Delete(recursive: true);
        return await Shared.Value;
    }

    /// <summary>Starts one. Skips the test where there is no PostgreSQL.</summary>
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
        foreach (var process in Enumerable.Reverse(_processes))
        {
            await process.StopAsync();
            await process.DisposeAsync();
        }
        Authority.Dispose();
        Issuer.Dispose();
        _directory.Delete(recursive: true);
    }

    /// <summary>Settings of a process of this cluster.</summary>
    public ServerOptions Options(string role)
    {
        var secret = role == ServerOptions.RoleFront ? FrontSecret : SiloSecret;
        var (siloPort, gatewayPort) = FreePorts();
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
            SiloPort = siloPort,
            GatewayPort = gatewayPort,
            KeyFile = role == ServerOptions.RoleFront ? "" : _keys,
            JwtAuthority = TestIssuer.Authority,
            JwtAudience = TestIssuer.Audience,
            ClusterTls = ServerOptions.TlsMutual,
            ClusterCertificate = secret.Certificate,
            ClusterCertificateKey = secret.Key,
            ClusterAuthority = secret.Authority,
            ClusterCertificateInterval = Interval,
            RequestsPerSecond = 0,
            AuthFailuresPerMinute = 0,
        };
    }

    /// <summary>A front's settings for one gateway.</summary>
    public GatewaySettings Gateway(IPEndPoint address) => new()
    {
        ClusterId = "tls",
        Gateways = [address],
        Protection = LinkProtection.Mutual,
        Links = new LinkFiles { Certificate = FrontSecret.Certificate, Key = FrontSecret.Key, Authority = FrontSecret.Authority },
    };

    /// <summary>A client over one gateway, as a web front end has it.</summary>
    /// <param name="address">The gateway.</param>
    /// <param name="credential">Whose credential it carries.</param>
    /// <param name="hasCertificate">Whether it has a front's certificate.</param>
    public ServiceProvider OverGateway(IPEndPoint address, string credential, bool hasCertificate = true) => new ServiceCollection().AddDpAttentionCluster(options =>
    {
        options.ClusterId = "tls";
        options.Gateways.Add(address);
        if (hasCertificate)
            (options.Certificate, options.CertificateKey, options.Authority) = (FrontSecret.Certificate, FrontSecret.Key, FrontSecret.Authority);
        options.CredentialProvider = _ => ValueTask.FromResult(credential);
        options.MaxRetries = 1;
    }).BuildServiceProvider();

    /// <summary>What a front of this cluster says first to somebody with a certificate, or none.</summary>
    public async Task<byte[]> GreetAsync((string Certificate, string Key)? certificate)
    {
        using var gateway = new FalseGateway(certificate);
        await using var front = new GatewayConnection(Gateway(gateway.Address), NullLoggerFactory.Instance);
        front.Start();
        return await gateway.HearAsync();
    }

    public async Task<bool> IsAnsweredAsync(IPEndPoint port, (string Certificate, string Key)? certificate, IPAddress? from = null)
    {
        // The engine answers and ends a connection whose greeting belongs at another port, and the end may overtake the answer.
        const int Tries = 4;
        for (var i = 0; i < Tries; i++)
        {
            using var stranger = await Stranger.TlsAsync(port, certificate, Greeting, from);
            if (await stranger.ReadAsync() > 0)
                return true;
        }
        return false;
    }

    /// <summary>A store on both silos, so that they ask each other.</summary>
    public async Task PublishAsync(string store, int rows)
    {
        const int Values = 8;
        var owner = Front.Connect(await KeyAsync("olga", Roles.Owner));
        await owner.EnsureStoreAsync(store, new StoreDefinition
        {
            KeyDimension = 2,
            ValueDimension = Values,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Mechanism = new MechanismDefinition(Degree: 1),
            Ladder = [1],
            Limit = 4,
            Capacity = rows,
            Shards = 4,
        });
        var (keys, values) = (new float[rows * 2], new float[rows * Values]);
        for (var i = 0; i < rows; i++)
            (keys[2 * i], values[Values * i + i % Values]) = (0.5f, 1);
        await owner.AppendAsync(store, "b", keys, values, rows);
        await owner.PublishAsync(store);
        await KeyAsync("ulf", Roles.User);
        await owner.GrantAsync(store, "ulf", 1);
    }

    public async Task<string> KeyAsync(string subject, string role) =>
        (await Front.Connect(OperatorKey).CreateKeyAsync(new KeyRequest(subject, role))).Key;

    private async Task StartAllAsync()
    {
        _connection = await (await LocalPostgres.Shared).CreateDatabaseAsync();
        _keys = Path.Combine(_directory.FullName, "keys");
        KeyFile.LoadOrCreate(_keys);
        await ServerStorage.MigrateAsync(Options(ServerOptions.RoleSilo));
        for (var i = 0; i < 2; i++)
        {
            _silos.Add(Options(ServerOptions.RoleSilo));
            await StartAsync(_silos[i]);
        }
        var front = await StartAsync(Options(ServerOptions.RoleFront));
        Front = new ClusterUnderTest(front.Services.GetRequiredService<ServerAddresses>().Api[0], OperatorKey, front);
        Greeting = await GreetAsync(SecretDirectory.Silo(Authority));
    }

    private async Task<WebApplication> StartAsync(ServerOptions options)
    {
        var process = DpAttnServer.Build(options, builder =>
        {
            builder.Logging.SetMinimumLevel(LogLevel.Warning);
            ServerRoles.Add(builder, options, key => OperatorKey = key);
            builder.Services.AddSingleton<IDocumentRetriever>(Issuer);
        });
        _processes.Add(process);
        await process.StartAsync();
        using var http = new HttpClient { BaseAddress = process.Services.GetRequiredService<ServerAddresses>().Admin[0] };
        for (var i = 0; (await http.GetAsync("/readyz")).StatusCode != HttpStatusCode.OK; i++)
        {
            Assert.True(i < 600, "the process does not become ready");
            await Task.Delay(50);
        }
        return process;
    }

    // Both at once: asked for one after the other they may be the same.
    private static (int, int) FreePorts()
    {
        using var one = new TcpListener(IPAddress.Loopback, 0);
        using var two = new TcpListener(IPAddress.Loopback, 0);
        one.Start();
        two.Start();
        return (((IPEndPoint)one.LocalEndpoint).Port, ((IPEndPoint)two.LocalEndpoint).Port);
    }
}
