using DpAttn.Cluster;
using DpAttn.Gateway;

namespace DpAttn.Server;

/// <summary>The API alone: it asks silos over their gateways, and of the database reads only where they are.</summary>
internal static class RemoteFront
{
    public static void Add(WebApplicationBuilder builder, ServerOptions options)
    {
        builder.Services.AddHostedService(_ => new MembershipCheck(options));
        var settings = new GatewaySettings
        {
            ClusterId = options.ClusterId,
            MembershipConnection = MembershipDatabase.ConnectionString(options.PostgresConnection),
            Protection = LinkSettings.Protection(options),
            Links = LinkSettings.Files(options),
            LinkInterval = options.ClusterCertificateInterval,
        };
        builder.Services.AddSingleton(provider => new GatewayConnection(settings, provider.GetRequiredService<ILoggerFactory>()));
        builder.Services.AddSingleton<IFrontDoor>(provider => new GatewayFrontDoor(new DoorClient(provider.GetRequiredService<GatewayConnection>(), settings.CallDeadline)));
        builder.Services.AddHostedService<Connecting>();
    }

    /// <summary>Connects beside the start: a front without silos says that it is not ready, and refuses what it is asked.</summary>
    private sealed class Connecting(GatewayConnection connection) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            connection.Start();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
