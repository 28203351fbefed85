using System.Net;
using DpAttn.Gateway;

namespace DpAttn.Server;

/// <summary>The settings of what protects the connections within a cluster.</summary>
internal static class LinkSettings
{
    /// <summary>How connections are protected.</summary>
    public static LinkProtection Protection(ServerOptions options) => options.ClusterTls switch
    {
        ServerOptions.TlsMutual => LinkProtection.Mutual,
        ServerOptions.TlsNone => LinkProtection.None,
        _ => LinkProtection.Loopback,
    };

    /// <summary>The certificates of mutual TLS; null for the others.</summary>
    public static LinkFiles? Files(ServerOptions options) => options.ClusterTls != ServerOptions.TlsMutual ? null : new LinkFiles
    {
        Certificate = options.ClusterCertificate,
        Key = options.ClusterCertificateKey,
        Authority = options.ClusterAuthority,
        SiloName = options.ClusterSiloName,
        FrontName = options.ClusterFrontName,
    };

    /// <summary>Whether the ports of a silo are open to everybody who reaches its machine.</summary>
    public static bool IsOpen(ServerOptions options) => IsPlain(options) && options.IsSilo && !IsLocal(options);

    /// <summary>Whether a front sends what users say, their credentials among it, as it is to wherever silos are.</summary>
    public static bool IsPlainFront(ServerOptions options) => IsPlain(options) && !options.IsSilo;

    /// <summary>One line per fault, each naming the setting. Certificates are read and looked at whole, so that a start ends here and not at the first connection.</summary>
    public static IEnumerable<string> Faults(ServerOptions options)
    {
        (string Name, string Value)[] files = [(nameof(options.ClusterCertificate), options.ClusterCertificate), (nameof(options.ClusterCertificateKey), options.ClusterCertificateKey), (nameof(options.ClusterAuthority), options.ClusterAuthority)];
        if (options.ClusterTls != ServerOptions.TlsMutual)
        {
            foreach (var (name, _) in files.Where(file => file.Value.Length > 0))
                yield return $"{Name(name)} is stated, which needs {Name(nameof(options.ClusterTls))} to be '{ServerOptions.TlsMutual}'";
            if (options.Clustering != ServerOptions.ClusteringNone && options.ClusterTls == ServerOptions.TlsLoopback && options.IsSilo && !IsLocal(options))
                yield return $"{Name(nameof(options.SiloListen))} is '{options.SiloListen}'{(options.AdvertisedAddress.Length > 0 ? $", known as '{options.AdvertisedAddress}'" : "")}, and {Name(nameof(options.ClusterTls))} is '{options.ClusterTls}', plain connections within this machine: state '{ServerOptions.TlsMutual}' and certificates, or '{ServerOptions.TlsNone}' where only silos and fronts of your own can reach its ports";
            yield break;
        }
        if (options.Clustering == ServerOptions.ClusteringNone)
            yield return $"{Name(nameof(options.ClusterTls))} is '{options.ClusterTls}', which needs {Name(nameof(options.Clustering))} '{ServerOptions.Postgres}': a process of its own speaks to no other";
        if (options.ClusterSiloName.Equals(options.ClusterFrontName, StringComparison.OrdinalIgnoreCase))
            yield return $"{Name(nameof(options.ClusterFrontName))} is '{options.ClusterFrontName}', and so is {Name(nameof(options.ClusterSiloName))}: they must differ";
        string[] missing = [.. files.Where(file => file.Value.Length == 0 && file.Name != nameof(options.ClusterCertificateKey)).Select(file => file.Name)];
        foreach (var name in missing)
            yield return $"{Name(nameof(options.ClusterTls))} is '{options.ClusterTls}', which needs {Name(name)}";
        if (missing.Length == 0 && Load(options) is { } fault)
        {
            var name = fault.Setting switch { nameof(LinkFiles.Authority) => nameof(options.ClusterAuthority), nameof(LinkFiles.Key) => nameof(options.ClusterCertificateKey), _ => nameof(options.ClusterCertificate) };
            yield return $"{Name(name)} is '{files.First(file => file.Name == name).Value}'; {fault.Text}";
        }
    }

    private static LinkFault? Load(ServerOptions options)
    {
        try
        {
            var files = Files(options)!;
            LinkCertificates.Of(files, LinkBytes.Read(files), Role(options));
            return null;
        }
        catch (LinkFaultException e)
        {
            return e.Fault;
        }
    }

    private static bool IsPlain(ServerOptions options) => options.Clustering != ServerOptions.ClusteringNone && options.ClusterTls == ServerOptions.TlsNone;

    private static LinkRole Role(ServerOptions options) => options.IsSilo ? LinkRole.Silo : LinkRole.Front;

    private static bool IsLocal(ServerOptions options) =>
        new[] { options.SiloListen, options.AdvertisedAddress }.All(text => text.Length == 0 || !IPAddress.TryParse(text, out var address) || IPAddress.IsLoopback(address));

    private static string Name(string setting) => $"{ServerOptions.Section}:{setting}";
}
