using DpAttn.PostgresServer;

namespace DpAttn.LocalCluster;

/// <summary>What a cluster stands on: its database, and where each of its processes runs.</summary>
/// <param name="Database">Where the database is reached.</param>
/// <param name="PlaceOf">The place of a process, by its name.</param>
internal sealed record ClusterGround(PostgresReach Database, Func<string, ProcessPlace> PlaceOf)
{
    /// <summary>The folder of the program that its processes run at first.</summary>
    public string Program { get; init; } = AppContext.BaseDirectory;

    /// <summary>Whether its processes speak mutual TLS unless the settings say otherwise; a version from before that knows no setting of it.</summary>
    public bool IsMutual { get; init; } = true;

    /// <summary>Everything on loopback.</summary>
    public static ClusterGround Loopback { get; } = new(PostgresReach.Loopback, _ => ProcessPlace.Loopback);
}
