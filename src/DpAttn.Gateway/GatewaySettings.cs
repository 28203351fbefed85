using System.Net;

namespace DpAttn.Gateway;

/// <summary>Where gateways are found, and how long they are waited for.</summary>
internal sealed record GatewaySettings
{
    /// <summary>The storage's identity to the engine. It never changes.</summary>
    public const string ServiceId = "dpattn";

    /// <summary>The most bytes of answers that one request has, whoever asks: 512 MiB.</summary>
    public const int MostBytes = 512 << 20;

    /// <summary>
    /// The most bytes of a message's body: 64 MiB. Clients send and are sent far less, but silos have one bound for all whom they talk to, and between them a part of a distance-tree of 65,537 columns and 99 copies is 52 MB.
    /// </summary>
    public const int MostBodyBytes = 64 << 20;

    /// <summary>The most bytes of a message's header: 1 MiB.</summary>
    public const int MostHeaderBytes = 1 << 20;

    /// <summary>The engine's name of Npgsql.</summary>
    private const string Postgres = "Npgsql";

    /// <summary>The cluster's name.</summary>
    public required string ClusterId { get; init; }

    /// <summary>The database that knows the silos, as an Npgsql connection string; null where <see cref="Gateways"/> are stated.</summary>
    public string? MembershipConnection { get; init; }

    /// <summary>Gateways that are stated one by one.</summary>
    public IReadOnlyList<IPEndPoint> Gateways { get; init; } = [];

    /// <summary>How connections to gateways are protected.</summary>
    public LinkProtection Protection { get; init; }

    /// <summary>The certificates of <see cref="LinkProtection.Mutual"/>.</summary>
    public LinkFiles? Links { get; init; }

    /// <summary>How often those are read again.</summary>
    public TimeSpan LinkInterval { get; init; } = LinkCertificateSource.DefaultInterval;

    /// <summary>How long a call that takes moments is waited for: longer than a call between silos, shorter than a request.</summary>
    public TimeSpan CallDeadline { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>The most bytes of answers that are taken for one request.</summary>
    public int MostAnswerBytes { get; init; } = MostBytes;

    /// <summary>How often the list of gateways is read anew.</summary>
    public TimeSpan ListRefresh { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long between attempts while no gateway can be reached.</summary>
    public TimeSpan ConnectDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Bounds what is read of a message before anything is known of its sender.</summary>
    internal static void Bound(Orleans.Configuration.MessagingOptions messages) => (messages.MaxMessageHeaderSize, messages.MaxMessageBodySize) = (MostHeaderBytes, MostBodyBytes);

    /// <summary>Without the connection string, which has a password in it.</summary>
    public override string ToString() => $"cluster {ClusterId}, its gateways {(MembershipConnection is null ? "stated" : "found in a database")}";

    internal void Configure(IClientBuilder client, ClusterLinks links)
    {
        client.AddActivityPropagation();
        client.Configure<Orleans.Configuration.ClientConnectionOptions>(connections => connections.ConfigureConnection(links.Connect));
        client.Configure<Orleans.Configuration.ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (ClusterId, ServiceId));
        client.Configure<Orleans.Configuration.GatewayOptions>(gateways => gateways.GatewayListRefreshPeriod = ListRefresh);
        client.Configure<Orleans.Configuration.ClientMessagingOptions>(messages =>
        {
            messages.ResponseTimeout = CallDeadline;
            Bound(messages);
        });
        if (MembershipConnection is { } connection)
            client.UseAdoNetClustering(database => (database.Invariant, database.ConnectionString) = (Postgres, connection));
        else
            client.UseStaticClustering([.. Gateways]);
    }
}
