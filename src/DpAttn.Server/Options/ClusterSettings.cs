using System.Net;

namespace DpAttn.Server;

/// <summary>What of a cluster's settings does not fit together.</summary>
internal static class ClusterSettings
{
    /// <summary>One line per fault, each naming the setting.</summary>
    public static IEnumerable<string> Faults(ServerOptions options)
    {
        var isClustered = options.Clustering != ServerOptions.ClusteringNone;
        if (options.Role != ServerOptions.RoleAll && !isClustered)
            yield return $"{Name(nameof(options.Role))} is '{options.Role}', which needs {Name(nameof(options.Clustering))} '{ServerOptions.Postgres}': a process of its own finds no other";
        if (isClustered && options.Storage != ServerOptions.Postgres)
            yield return $"{Name(nameof(options.Clustering))} is '{options.Clustering}', which needs {Name(nameof(options.Storage))} '{ServerOptions.Postgres}': a file is used by one process";
        if (isClustered && options.IsSilo && options.LedgerWitness == ServerOptions.WitnessFile && options.WitnessConnection.Length == 0)
            yield return $"{Name(nameof(options.LedgerWitness))} is '{options.LedgerWitness}', a witness of one process, and {Name(nameof(options.Clustering))} is '{options.Clustering}': state {Name(nameof(options.WitnessConnection))}, a database that all silos share, or '{ServerOptions.WitnessNone}'";
        if (options.LedgerWitness == ServerOptions.WitnessNone && options.WitnessConnection.Length > 0)
            yield return $"{Name(nameof(options.WitnessConnection))} is stated, and {Name(nameof(options.LedgerWitness))} is '{options.LedgerWitness}': state one";
        if (options.Role == ServerOptions.RoleSilo && ListenAddress.Split(options.AdminListen).Length == 0)
            yield return $"{Name(nameof(options.AdminListen))} is '', and {Name(nameof(options.Role))} is '{options.Role}', which listens nowhere else for whoever wants to know whether it is well";
        if (!IPAddress.TryParse(options.SiloListen, out var listen))
            yield return $"{Name(nameof(options.SiloListen))} is '{options.SiloListen}'; it must be an IP address";
        else if (options.AdvertisedAddress.Length == 0 && IsAny(listen))
            yield return $"{Name(nameof(options.SiloListen))} is '{options.SiloListen}', every address, which needs {Name(nameof(options.AdvertisedAddress))}: the one at which others reach this silo";
        if (options.AdvertisedAddress.Length > 0 && (!IPAddress.TryParse(options.AdvertisedAddress, out var advertised) || IsAny(advertised)))
            yield return $"{Name(nameof(options.AdvertisedAddress))} is '{options.AdvertisedAddress}'; it must be an IP address at which others reach this silo";
        if (options.SiloPort == options.GatewayPort)
            yield return $"{Name(nameof(options.GatewayPort))} is {options.GatewayPort}, and so is {Name(nameof(options.SiloPort))}: they must differ";
    }

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static string Name(string setting) => $"{ServerOptions.Section}:{setting}";
}
