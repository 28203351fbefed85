using System.Net;
using System.Net.Sockets;
using DpAttn.Cluster;
using DpAttn.Gateway;
using DpAttn.Storage;
using Orleans.Configuration;

namespace DpAttn.Server;

/// <summary>
/// The embedded default: a cluster of one silo inside this process, on one SQLite file or on a PostgreSQL database. Nothing but the API and health can be reached: the silo has no gateway, and
/// its own port refuses every connection, since a cluster of one has nobody to talk to.
/// </summary>
public static class EmbeddedCluster
{
    /// <summary>Adds storage, silo and front door.</summary>
    /// <param name="builder">The server's builder.</param>
    /// <param name="options">Its settings.</param>
    /// <param name="showOperatorKey">Told the first operator key, at the first start only. Default: standard output.</param>
    public static void Add(WebApplicationBuilder builder, ServerOptions options, Action<string>? showOperatorKey = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        SiloServices.Add(builder, options, showOperatorKey);
        builder.Host.UseOrleans(silo =>
        {
            silo.AddActivityPropagation();
            silo.UseLocalhostClustering(siloPort: FreePort(), gatewayPort: 0, serviceId: GatewaySettings.ServiceId, clusterId: "embedded");
            silo.Configure<EndpointOptions>(endpoints =>
            {
                endpoints.AdvertisedIPAddress = IPAddress.Loopback;
                endpoints.SiloListeningEndpoint = new IPEndPoint(IPAddress.Loopback, endpoints.SiloPort);
            });
            silo.Configure<SiloConnectionOptions>(connections => connections.ConfigureSiloInboundConnection(connection =>
                connection.Use(_ => context =>
                {
                    context.Abort();
                    return Task.CompletedTask;
                })));
        });
    }

    /// <summary>Makes an operator key on the machine itself, for when the old one is lost. No server may be using the directory.</summary>
    /// <returns>The whole key, to be shown once.</returns>
    /// <exception cref="StorageRefusedException">A server uses the directory, or its key file is not as it should be.</exception>
    public static async Task<string> RecoverOperatorKeyAsync(string dataDirectory, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataDirectory);
        if (!File.Exists(Path.Combine(dataDirectory, SqliteStorage.FileName)))
            throw new StorageRefusedException($"there is no storage in {dataDirectory}");
        await using var storage = await SqliteStorage.OpenAsync(new SqliteStorageOptions { Directory = dataDirectory }, cancellationToken);
        return await OperatorKeyRecovery.RecoverAsync(storage.Catalog, storage.Protector, cancellationToken);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
