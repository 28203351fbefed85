using System.Net;
using System.Net.Sockets;
using DpAttn.Client;
using DpAttn.LocalCluster;
using DpAttn.PostgresServer;
using DpAttn.Server;
using DpAttn.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Benchmarks.Server;

/// <summary>What mutual TLS costs: the same requests over the gateway of a silo with it and of one without.</summary>
internal static class TlsRatio
{
    private const int Rows = 10_000;
    private const int Few = 20;
    private const int Many = 2048;

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        if (LocalPostgres.Missing is { } reason)
        {
            Console.WriteLine($"  not measured, {reason}");
            return;
        }
        await using var postgres = await LocalPostgres.StartAsync();
        var directory = Directory.CreateTempSubdirectory("dpattn-tls-bench-");
        try
        {
            await using var mutual = await Side.StartAsync(postgres, directory.FullName, isMutual: true);
            await using var plain = await Side.StartAsync(postgres, directory.FullName, isMutual: false);
            PairedRatio.Run($"mutual TLS, {Few} requests of 1 query", () => mutual.Ask(1, Few), "plain", () => plain.Ask(1, Few), pairs: 31);
            PairedRatio.Run($"mutual TLS, a request of {Many} queries, 1 MiB of them", () => mutual.Ask(Many, 1), "plain", () => plain.Ask(Many, 1), pairs: 31);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <summary>A silo with a published store, and a client of its gateway.</summary>
    private sealed class Side(EmbeddedServer silo, ServiceProvider services) : IAsyncDisposable
    {
        private readonly IDpAttentionClient _user = services.GetRequiredService<IDpAttentionClient>();

        public static async Task<Side> StartAsync(LocalPostgres postgres, string directory, bool isMutual)
        {
            var keys = Path.Combine(directory, $"keys-{isMutual}");
            KeyFile.LoadOrCreate(keys);
            var options = new ServerOptions
            {
                Clustering = ServerOptions.Postgres,
                Storage = ServerOptions.Postgres,
                PostgresConnection = await postgres.CreateDatabaseAsync(),
                KeyFile = keys,
                LedgerWitness = ServerOptions.WitnessNone,
                Listen = "http://127.0.0.1:0",
                AdminListen = "",
                SiloPort = FreePort(),
                GatewayPort = FreePort(),
                RequestsPerSecond = 0,
            };
            string front = Path.Combine(directory, "front"), own = Path.Combine(directory, "silo");
            if (isMutual)
            {
                using var authority = new ThrowawayAuthority();
                authority.Write(own, [options.ClusterSiloName], ThrowawayAuthority.SiloUses);
                authority.Write(front, [options.ClusterFrontName], ThrowawayAuthority.FrontUses);
                options.ClusterTls = ServerOptions.TlsMutual;
                (options.ClusterCertificate, options.ClusterCertificateKey, options.ClusterAuthority) = (Path.Combine(own, "tls.crt"), Path.Combine(own, "tls.key"), Path.Combine(own, "ca.crt"));
            }
            await DpAttnServer.RunAsync([
                DpAttnServer.MigrateFlag, $"--DpAttn:Storage={options.Storage}", $"--DpAttn:PostgresConnection={options.PostgresConnection}", $"--DpAttn:KeyFile={keys}", $"--DpAttn:LedgerWitness={options.LedgerWitness}",
            ]);
            var silo = await EmbeddedServer.StartAsync(options);
            var store = await BenchStore.MakeAsync(silo.Endpoint, silo.OperatorKey!, Rows);
            return new Side(silo, new ServiceCollection().AddDpAttentionCluster(cluster =>
            {
                cluster.Gateways.Add(new IPEndPoint(IPAddress.Loopback, options.GatewayPort));
                if (isMutual)
                    (cluster.Certificate, cluster.CertificateKey, cluster.Authority) = (Path.Combine(front, "tls.crt"), Path.Combine(front, "tls.key"), Path.Combine(front, "ca.crt"));
                cluster.CredentialProvider = _ => ValueTask.FromResult(store.UserKey);
            }).BuildServiceProvider());
        }

        public void Ask(int queries, int times)
        {
            var rows = Data.UnitRows(queries, BenchStore.Dimension, 3).Data;
            for (var i = 0; i < times; i++)
                _user.AttendAsync(BenchStore.Name, rows, queries).GetAwaiter().GetResult();
        }

        public async ValueTask DisposeAsync()
        {
            await services.DisposeAsync();
            await silo.DisposeAsync();
        }

        private static int FreePort()
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        }
    }
}
