using DpAttn.LocalCluster;

namespace DpAttn.Server.Tests;

/// <summary>Settings of mutual TLS that end a start, each by its name, and those that do not.</summary>
[Collection(nameof(SettingsTests))]
public sealed class ClusterTlsSettingsTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-tls-settings-");
    private readonly ThrowawayAuthority _authority = new();

    public void Dispose()
    {
        _authority.Dispose();
        _directory.Delete(recursive: true);
    }

    [Theory]
    [InlineData("silo", null)]
    [InlineData("all", null)]
    [InlineData("front", null)]
    [InlineData("one file", null)]
    [InlineData("no certificate", "DpAttn:ClusterTls is 'mutual', which needs DpAttn:ClusterCertificate")]
    [InlineData("no authority", "DpAttn:ClusterTls is 'mutual', which needs DpAttn:ClusterAuthority")]
    [InlineData("missing certificate", "DpAttn:ClusterCertificate is '/no/such/tls.crt'; it is no file")]
    [InlineData("missing key", "DpAttn:ClusterCertificateKey is '/no/such/tls.key'; it is no file")]
    [InlineData("missing authority", "DpAttn:ClusterAuthority is '/no/such/ca.crt'; it is no file")]
    [InlineData("directory", "DpAttn:ClusterAuthority is '/'; it cannot be read")]
    [InlineData("another's key", "it has not the PEM key, unencrypted, of the first certificate")]
    [InlineData("no key anywhere", "it has not the PEM key, unencrypted, of the first certificate")]
    [InlineData("encrypted key", "it has not the PEM key, unencrypted, of the first certificate")]
    [InlineData("certificate that is none", "tls.crt'; it has no PEM certificate")]
    [InlineData("broken certificate", "tls.crt'; it has a certificate that cannot be read")]
    [InlineData("empty authority", "ca.crt'; it has no PEM certificate")]
    [InlineData("leaf as authority", "ca.crt'; it has a certificate that is no authority's")]
    [InlineData("other authority", "tls.crt'; it is of another authority")]
    [InlineData("expired", "tls.crt'; it has expired")]
    [InlineData("early", "tls.crt'; it is not valid yet")]
    [InlineData("front's for a silo", "tls.crt'; it is not for server authentication (extended key usage)")]
    [InlineData("front's name for a silo", "tls.crt'; it has not the DNS name 'silo.dpattn' of a silo")]
    [InlineData("silo's for a front", "tls.crt'; it has not the DNS name 'front.dpattn' of a front")]
    [InlineData("other name", "tls.crt'; it has not the DNS name 'silo.example.org' of a silo")]
    [InlineData("same names", "DpAttn:ClusterFrontName is 'SILO.dpattn', and so is DpAttn:ClusterSiloName: they must differ")]
    [InlineData("embedded", "DpAttn:ClusterTls is 'mutual', which needs DpAttn:Clustering 'postgres'")]
    [InlineData("certificate without mutual", "DpAttn:ClusterCertificate is stated, which needs DpAttn:ClusterTls to be 'mutual'")]
    public async Task What_cannot_be_ends_the_start_with_2_and_says_which_setting(string what, string? fault)
    {
        var options = Case(what);
        if (fault is null)
        {
            options.Validate();
            return;
        }
        Assert.Contains(fault, Assert.Throws<SettingsException>(options.Validate).Message);
        var (output, error) = (new StringWriter(), Console.Error);
        Console.SetError(output);
        try
        {
            Assert.Equal(2, await DpAttnServer.RunAsync([.. SettingsReader.Properties(typeof(ServerOptions)).Select(property => $"--DpAttn:{property.Name}={property.GetValue(options)}")]));
        }
        finally
        {
            Console.SetError(error);
        }
        Assert.Contains(fault, output.ToString());
        Assert.DoesNotContain("PRIVATE", output.ToString());
    }

    [Theory]
    [InlineData("silo", "127.0.0.1", "", "loopback", false)]
    [InlineData("silo", "::1", "", "loopback", false)]
    [InlineData("silo", "10.0.0.1", "", "loopback", true)]
    [InlineData("all", "10.0.0.1", "", "loopback", true)]
    [InlineData("silo", "0.0.0.0", "10.0.0.1", "loopback", true)]
    [InlineData("silo", "127.0.0.1", "10.0.0.1", "loopback", true)]
    [InlineData("silo", "10.0.0.1", "", "none", false)]
    [InlineData("front", "127.0.0.1", "", "loopback", false)]
    [InlineData("front", "10.0.0.1", "", "loopback", false)]
    public void A_silo_that_others_reach_says_how_it_is_protected_or_does_not_start(string role, string listen, string advertised, string tls, bool isRefused)
    {
        var options = Clustered(role);
        (options.SiloListen, options.AdvertisedAddress, options.ClusterTls) = (listen, advertised, tls);
        if (isRefused)
            Assert.Contains($"DpAttn:SiloListen is '{listen}'", Assert.Throws<SettingsException>(options.Validate).Message);
        else
            options.Validate();
        Assert.Equal(role == "silo" && tls == "none", LinkSettings.IsOpen(options));
    }

    [Theory]
    [InlineData("all", "none", "10.0.0.1", "ask for no certificate")]
    [InlineData("front", "none", "127.0.0.1", "Gateways are asked without TLS")]
    [InlineData("all", "none", "127.0.0.1", null)]
    [InlineData("all", "loopback", "127.0.0.1", null)]
    public async Task Plain_connections_to_anywhere_are_told_at_the_start(string role, string tls, string listen, string? warning)
    {
        var options = Clustered(role);
        (options.ClusterTls, options.SiloListen, options.Listen, options.AdminListen) = (tls, listen, "http://127.0.0.1:0", "http://127.0.0.1:0");
        await using var server = await Support.ServerUnderTest.StartAsync(into =>
        {
            foreach (var property in SettingsReader.Properties(typeof(ServerOptions)))
                property.SetValue(into, property.GetValue(options));
        });
        string[] warnings = [.. server.Log.Entries.Where(entry => entry.Text.Contains("certificate", StringComparison.Ordinal) || entry.Text.Contains("Gateways are asked", StringComparison.Ordinal)).Select(entry => entry.Text)];
        if (warning is null)
            Assert.Empty(warnings);
        else
            Assert.Contains(warning, Assert.Single(warnings));
    }

    private static ServerOptions Clustered(string role) => new()
    {
        Role = role,
        Clustering = "postgres",
        Storage = "postgres",
        PostgresConnection = "Host=db",
        LedgerWitness = "none",
        KeyFile = typeof(ServerOptions).Assembly.Location,
    };

    private ServerOptions Case(string what)
    {
        var options = Clustered(what is "all" or "front" or "silo's for a front" ? what.Split(' ')[^1] : "silo");
        var (silo, front) = (_authority.Issue(["silo.dpattn"], ThrowawayAuthority.SiloUses), _authority.Issue(["front.dpattn"], ThrowawayAuthority.FrontUses));
        using var other = new ThrowawayAuthority("other");
        var hour = TimeSpan.FromHours(1);
        var (certificate, key) = what switch
        {
            "front" or "front's for a silo" => front,
            "front's name for a silo" => _authority.Issue(["front.dpattn"], ThrowawayAuthority.SiloUses),
            "another's key" => (silo.Certificate, front.Key),
            "no key anywhere" => (silo.Certificate, ""),
            "encrypted key" => (silo.Certificate, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAAw\n-----END ENCRYPTED PRIVATE KEY-----\n"),
            "certificate that is none" => ("nothing", silo.Key),
            "broken certificate" => ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", silo.Key),
            "other authority" => other.Issue(["silo.dpattn"], ThrowawayAuthority.SiloUses),
            "expired" => _authority.Issue(["silo.dpattn"], ThrowawayAuthority.SiloUses, -2 * hour, -hour),
            "early" => _authority.Issue(["silo.dpattn"], ThrowawayAuthority.SiloUses, hour, 2 * hour),
            "one file" => (silo.Certificate + "\n" + silo.Key, ""),
            _ => silo,
        };
        var authority = what switch { "empty authority" => "", "leaf as authority" => $"{_authority.Pem}\n{front.Certificate}", _ => _authority.Pem };
        string Write(string name, string text)
        {
            var path = Path.Combine(_directory.FullName, name);
            File.WriteAllText(path, text);
            return path;
        }
        options.ClusterTls = "mutual";
        options.ClusterCertificate = what switch { "no certificate" => "", "missing certificate" => "/no/such/tls.crt", _ => Write("tls.crt", certificate) };
        options.ClusterCertificateKey = what switch { "missing key" => "/no/such/tls.key", "one file" or "no key anywhere" => "", _ => Write("tls.key", key) };
        options.ClusterAuthority = what switch { "no authority" => "", "missing authority" => "/no/such/ca.crt", "directory" => "/", _ => Write("ca.crt", authority) };
        if (what == "same names")
            options.ClusterFrontName = "SILO.dpattn";
        if (what == "other name")
            options.ClusterSiloName = "silo.example.org";
        if (what == "embedded")
            (options.Role, options.Clustering) = ("all", "none");
        if (what == "certificate without mutual")
            options.ClusterTls = "none";
        return options;
    }
}
