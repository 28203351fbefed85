using System.Net;
using DpAttn.Gateway;
using Orleans.Configuration;

namespace DpAttn.Server;

/// <summary>A silo among others, which find each other in the database; with or without the API in the same process.</summary>
internal static class ClusteredSilo
{
    // A silo that does not answer twice is declared dead by those who asked: measured, the keys of one that was killed are away for the deadline of calls in flight, and of one that was frozen for 12 s.
    private static readonly TimeSpan Probe = TimeSpan.FromSeconds(1);
    private const int MissedProbes = 2;

    // No call between silos waits for longer, whatever its caller allows; what takes longer is asked for in pieces, or states a time of its own.
    private static readonly TimeSpan Response = TimeSpan.FromSeconds(5);

    // Gossip tells of changes at once; the table is what counts when gossip is lost.
    private static readonly TimeSpan TableRefresh = TimeSpan.FromSeconds(5);

    public static void Add(WebApplicationBuilder builder, ServerOptions options, Action<string>? showOperatorKey)
    {
        // Before everything else that is started.
        builder.Services.AddHostedService(_ => new MembershipCheck(options));
        builder.Services.AddHostedService<Leaving>();
        SiloServices.Add(builder, options, showOperatorKey);
        builder.Services.AddSingleton(provider => new ClusterLinks(
            LinkSettings.Protection(options), LinkSettings.Files(options), LinkRole.Silo, provider.GetRequiredService<ILogger<ClusterLinks>>(), options.ClusterCertificateInterval));
        builder.Services.AddOptions<SiloConnectionOptions>().Configure<ClusterLinks>(Guard);
        builder.Host.UseOrleans(silo =>
        {
            silo.AddActivityPropagation();
            silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (options.ClusterId, GatewaySettings.ServiceId));
            silo.UseAdoNetClustering(database => (database.Invariant, database.ConnectionString) = (MembershipDatabase.Invariant, MembershipDatabase.ConnectionString(options.PostgresConnection)));
            silo.Configure<EndpointOptions>(endpoints => Listen(endpoints, options));
            silo.Configure<ClusterMembershipOptions>(Tune);
            silo.Configure<SiloMessagingOptions>(messages =>
            {
                messages.ResponseTimeout = messages.SystemResponseTimeout = Response;
                GatewaySettings.Bound(messages);
            });
        });
    }

    internal static void Tune(ClusterMembershipOptions membership)
    {
        membership.ProbeTimeout = Probe;
        membership.NumMissedProbesLimit = MissedProbes;
        membership.TableRefreshTimeout = TableRefresh;
    }

    private static void Guard(SiloConnectionOptions connections, ClusterLinks links)
    {
        connections.ConfigureSiloInboundConnection(port => links.Accept(port, LinkRole.Silo));
        connections.ConfigureGatewayInboundConnection(port => links.Accept(port, LinkRole.Front));
        connections.ConfigureSiloOutboundConnection(links.Connect);
    }

    private static void Listen(EndpointOptions endpoints, ServerOptions options)
    {
        var listen = IPAddress.Parse(options.SiloListen);
        endpoints.AdvertisedIPAddress = options.AdvertisedAddress.Length > 0 ? IPAddress.Parse(options.AdvertisedAddress) : listen;
        endpoints.SiloPort = options.SiloPort;
        endpoints.GatewayPort = options.GatewayPort;
        endpoints.SiloListeningEndpoint = new IPEndPoint(listen, options.SiloPort);
        endpoints.GatewayListeningEndpoint = new IPEndPoint(listen, options.GatewayPort);
    }
}
