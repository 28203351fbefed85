using DpAttn.Server.Http;
using DpAttn.Server.Telemetry;
using DpAttn.Storage;

namespace DpAttn.Server;

/// <summary>What is wrong with settings.</summary>
internal static class SettingsCheck
{
    private const string Section = ServerOptions.Section;

    /// <summary>One line per fault, each naming the setting; those that lie between settings once each is within its bounds.</summary>
    public static List<string> Faults(ServerOptions options)
    {
        List<string> faults = [.. SettingsReader.Check(options, Section)];
        if (faults.Count > 0)
            return faults;
        if (options.Witness is { } witness && FileWitness.IsWithin(witness, options.DataDirectory))
            faults.Add($"{Section}:{nameof(options.WitnessDirectory)} is '{options.WitnessDirectory}', within the data directory; an older copy of that would bring an older witness with it: name another directory");
        faults.AddRange(Listeners(options));
        faults.AddRange(ClusterSettings.Faults(options));
        faults.AddRange(Databases(options));
        faults.AddRange(JwtSettings.Check(options));
        faults.AddRange(TrustedProxies.Faults(options));
        if (options.OtlpEndpoint.Length > 0 && !TelemetrySetup.IsEndpoint(options.OtlpEndpoint))
            faults.Add($"{Section}:{nameof(options.OtlpEndpoint)}: {TelemetrySetup.EndpointForm}");
        foreach (var (name, value) in new[] { (nameof(options.Certificate), options.Certificate), (nameof(options.CertificateKey), options.CertificateKey), (nameof(options.KeyFile), options.KeyFile) })
        {
            if (value.Length > 0 && !File.Exists(value))
                faults.Add($"{Section}:{name} is '{value}', which is no file");
        }
        faults.AddRange(LinkSettings.Faults(options));
        return faults;
    }

    private static IEnumerable<string> Listeners(ServerOptions options)
    {
        foreach (var (name, value) in new[] { (nameof(options.Listen), options.Listen), (nameof(options.AdminListen), options.AdminListen) })
        {
            foreach (var address in ListenAddress.Split(value))
            {
                if (!ListenAddress.TryParse(address, out var parsed, out var fault))
                    yield return $"{Section}:{name} is '{address}'; {fault}";
                else if (parsed.IsHttps && options.Certificate.Length == 0)
                    yield return $"{Section}:{name} is '{address}', which needs {Section}:{nameof(options.Certificate)}";
            }
        }
        if (ListenAddress.Split(options.Listen).Length == 0)
            yield return $"{Section}:{nameof(options.Listen)} is '{options.Listen}'; it must name at least one address";
    }

    private static IEnumerable<string> Databases(ServerOptions options)
    {
        const string Postgres = ServerOptions.Postgres;
        if (options.Storage == Postgres && options.PostgresConnection.Length == 0)
            yield return $"{Section}:{nameof(options.Storage)} is '{Postgres}', which needs {Section}:{nameof(options.PostgresConnection)}";
        if (options.Storage == Postgres && options.IsSilo && options.KeyFile.Length == 0)
            yield return $"{Section}:{nameof(options.Storage)} is '{Postgres}', which needs {Section}:{nameof(options.KeyFile)}: every process of one database needs the same keys";
        if (options.WitnessConnection.Length > 0 && options.Storage != Postgres)
            yield return $"{Section}:{nameof(options.WitnessConnection)} is stated, which needs {Section}:{nameof(options.Storage)} to be '{Postgres}': the witness of a file is a file, named by {nameof(options.WitnessDirectory)}";
        if (options.WitnessConnection.Length > 0 && options.WitnessDirectory.Length > 0)
            yield return $"{Section}:{nameof(options.WitnessConnection)} and {Section}:{nameof(options.WitnessDirectory)} are two witnesses: state one";
        if (options.WitnessConnection.Length > 0 && options.WitnessConnection == options.PostgresConnection)
            yield return $"{Section}:{nameof(options.WitnessConnection)} names the ledger's own database; an older copy of that would bring an older witness with it: name another database, on another server";
    }
}
