using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DpAttn.Client;
using DpAttn.Cluster;
using DpAttn.Server.Tests.Support;
using DpAttn.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DpAttn.Server.Tests;

/// <summary>Alone, as some of it sets the environment of the process.</summary>
[Collection(nameof(SettingsTests))]
public sealed class SettingsTests
{
    private static WebApplication Build(params string[] args) =>
        DpAttnServer.Build(args, builder =>
        {
            builder.Logging.ClearProviders();
            builder.Services.AddSingleton<IFrontDoor>(new FakeFrontDoor());
        });

    [Theory]
    [InlineData("Lissten", "http://127.0.0.1:0", "DpAttn:Lissten is no setting")]
    [InlineData("Listen:0", "http://127.0.0.1:0", "DpAttn:Listen is one value")]
    [InlineData("MaxQueries", "0", "DpAttn:MaxQueries is '0'; it must be a whole number from 1 to 1048576")]
    [InlineData("MaxQueries", "many", "DpAttn:MaxQueries is 'many'; it must be a whole number from 1")]
    [InlineData("MaxQueries", "", "DpAttn:MaxQueries is ''; it must be a whole number from 1")]
    [InlineData("MaxBodyBytes", "99999999999", "DpAttn:MaxBodyBytes is '99999999999'; it must be a whole number from 1024 to 1073741824")]
    [InlineData("RequestTimeoutSeconds", "-1", "DpAttn:RequestTimeoutSeconds is '-1'")]
    [InlineData("DataDirectory", "", "DpAttn:DataDirectory is ''; it must not be empty")]
    [InlineData("WitnessDirectory", "dpattn-data", "DpAttn:WitnessDirectory is 'dpattn-data', within the data directory")]
    [InlineData("WitnessDirectory", "dpattn-data/deeper", "DpAttn:WitnessDirectory is 'dpattn-data/deeper', within the data directory")]
    [InlineData("WitnessConnection", "Host=w", "DpAttn:WitnessConnection is stated, which needs DpAttn:Storage to be 'postgres'")]
    [InlineData("MaintenanceTimeoutSeconds", "1", "DpAttn:MaintenanceTimeoutSeconds is '1'; it must be a whole number from 10 to 86400")]
    [InlineData("Listen", "", "DpAttn:Listen is ''; it must not be empty")]
    [InlineData("Listen", ";", "DpAttn:Listen is ';'; it must name at least one address")]
    [InlineData("Listen", "ftp://127.0.0.1:80", "DpAttn:Listen is 'ftp://127.0.0.1:80'; it must be http or https")]
    [InlineData("Listen", "http://example.org:80", "it must be http or https, an IP address, localhost or *")]
    [InlineData("Listen", "nonsense", "DpAttn:Listen is 'nonsense'")]
    [InlineData("Listen", "http://127.0.0.1:99999", "DpAttn:Listen is 'http://127.0.0.1:99999'")]
    [InlineData("Listen", "http://127.0.0.1:80/path", "DpAttn:Listen is")]
    [InlineData("Listen", "http://unix:/tmp/socket", "DpAttn:Listen is")]
    [InlineData("Listen", "http://localhost:0", "a free port (0) needs an IP address")]
    [InlineData("AdminListen", "http://127.0.0.1:1;x", "DpAttn:AdminListen is 'x'")]
    [InlineData("Listen", "https://127.0.0.1:0", "which needs DpAttn:Certificate")]
    [InlineData("Storage", "mysql", "DpAttn:Storage is 'mysql'; it must be sqlite or postgres")]
    [InlineData("Storage", "postgres", "which needs DpAttn:PostgresConnection")]
    [InlineData("Storage", "postgres", "which needs DpAttn:KeyFile")]
    [InlineData("OtlpEndpoint", "collector:4317", "DpAttn:OtlpEndpoint: it must be the http or https address of an OpenTelemetry collector")]
    [InlineData("OtlpEndpoint", "http://user:secret@collector:4317", "DpAttn:OtlpEndpoint: it must be the http or https address of an OpenTelemetry collector without a user in it")]
    [InlineData("JwtAuthority", "http://issuer.example.org", "DpAttn:JwtAuthority is 'http://issuer.example.org'; it must be an https address")]
    [InlineData("JwtAuthority", "https://issuer.example.org", "DpAttn:JwtAuthority needs DpAttn:JwtAudience")]
    [InlineData("JwtRoleClaim", "", "DpAttn:JwtRoleClaim is ''; it must not be empty")]
    [InlineData("RequestsPerSecond", "-1", "DpAttn:RequestsPerSecond is '-1'; it must be a whole number from 0 to 1000000")]
    [InlineData("TrustedProxies", "10.0.0.1;proxy", "DpAttn:TrustedProxies is 'proxy'; it must be IP addresses or networks")]
    [InlineData("TrustedProxies", "10.0.0.0/33", "DpAttn:TrustedProxies is '10.0.0.0/33'; it must be IP addresses or networks")]
    [InlineData("TrustedProxies", "0.0.0.0/0", "DpAttn:TrustedProxies is '0.0.0.0/0', which is everybody")]
    [InlineData("OtlpProtocol", "json", "DpAttn:OtlpProtocol is 'json'; it must be grpc or http/protobuf")]
    [InlineData("Role", "king", "DpAttn:Role is 'king'; it must be all or silo or front")]
    [InlineData("Role", "silo", "DpAttn:Role is 'silo', which needs DpAttn:Clustering 'postgres'")]
    [InlineData("Role", "front", "DpAttn:Role is 'front', which needs DpAttn:Clustering 'postgres'")]
    [InlineData("Clustering", "gossip", "DpAttn:Clustering is 'gossip'; it must be none or postgres")]
    [InlineData("Clustering", "postgres", "DpAttn:Clustering is 'postgres', which needs DpAttn:Storage 'postgres'")]
    [InlineData("Clustering", "postgres", "DpAttn:LedgerWitness is 'file', a witness of one process, and DpAttn:Clustering is 'postgres': state DpAttn:WitnessConnection, a database that all silos share, or 'none'")]
    [InlineData("ClusterId", "", "DpAttn:ClusterId is ''; it must have 1 to 100 characters")]
    [InlineData("SiloListen", "localhost", "DpAttn:SiloListen is 'localhost'; it must be an IP address")]
    [InlineData("SiloListen", "0.0.0.0", "DpAttn:SiloListen is '0.0.0.0', every address, which needs DpAttn:AdvertisedAddress")]
    [InlineData("AdvertisedAddress", "0.0.0.0", "DpAttn:AdvertisedAddress is '0.0.0.0'; it must be an IP address at which others reach this silo")]
    [InlineData("GatewayPort", "11111", "DpAttn:GatewayPort is 11111, and so is DpAttn:SiloPort: they must differ")]
    [InlineData("SiloPort", "0", "DpAttn:SiloPort is '0'; it must be a whole number from 1 to 65535")]
    [InlineData("LedgerWitness", "memory", "DpAttn:LedgerWitness is 'memory'; it must be file or none")]
    [InlineData("KeyFile", "/no/such/dpattn.key", "DpAttn:KeyFile is '/no/such/dpattn.key', which is no file")]
    [InlineData("Certificate", "/no/such/file.pem", "DpAttn:Certificate is '/no/such/file.pem', which is no file")]
    [InlineData("CertificateKey", "/no/such/key.pem", "DpAttn:CertificateKey is '/no/such/key.pem', which is no file")]
    public void A_setting_that_cannot_be_is_refused_at_start_by_name_value_and_bound(string name, string value, string message)
    {
        var refusal = Assert.Throws<SettingsException>(() => Build($"--DpAttn:{name}={value}"));
        Assert.Contains(message, refusal.Message);
    }

    [Fact]
    public void Two_witnesses_and_a_witness_in_the_ledgers_own_database_are_refused()
    {
        const string Database = "Host=db;Database=dpattn;Password=quite-hidden";
        var refusal = Assert.Throws<SettingsException>(() => Build(
            "--DpAttn:Storage=postgres", $"--DpAttn:PostgresConnection={Database}", $"--DpAttn:WitnessConnection={Database}", "--DpAttn:WitnessDirectory=somewhere"));
        Assert.Contains("DpAttn:WitnessConnection and DpAttn:WitnessDirectory are two witnesses", refusal.Message);
        Assert.Contains("DpAttn:WitnessConnection names the ledger's own database", refusal.Message);
        Assert.DoesNotContain("hidden", refusal.Message);
    }

    [Fact]
    public void A_standard_variable_that_names_no_collector_is_refused_without_repeating_it()
    {
        var refusal = Assert.Throws<SettingsException>(() => Build("--OTEL_EXPORTER_OTLP_ENDPOINT=http://user:quite-secret@collector"));
        Assert.Contains("OTEL_EXPORTER_OTLP_ENDPOINT: it must be the http or https address", refusal.Message);
        Assert.DoesNotContain("quite-secret", refusal.Message);
    }

    [Fact]
    public void A_silo_without_an_admin_listener_is_refused_and_a_front_needs_no_keys()
    {
        string[] cluster = ["--DpAttn:Clustering=postgres", "--DpAttn:Storage=postgres", "--DpAttn:PostgresConnection=Host=db", "--DpAttn:LedgerWitness=none"];
        var refusal = Assert.Throws<SettingsException>(() => Build([.. cluster, "--DpAttn:Role=silo", "--DpAttn:AdminListen="]));
        Assert.Contains("DpAttn:AdminListen is '', and DpAttn:Role is 'silo'", refusal.Message);
        Assert.Contains("which needs DpAttn:KeyFile", refusal.Message);
        Assert.Contains(
            "DpAttn:WitnessConnection is stated, and DpAttn:LedgerWitness is 'none'",
            Assert.Throws<SettingsException>(() => Build([.. cluster, "--DpAttn:WitnessConnection=Host=witness"])).Message);
        new ServerOptions { Role = "front", Clustering = "postgres", Storage = "postgres", PostgresConnection = "Host=db" }.Validate();
    }

    [Fact]
    public void All_faults_are_told_at_once()
    {
        var refusal = Assert.Throws<SettingsException>(() => Build("--DpAttn:MaxQueries=0", "--DpAttn:MaxConnections=0"));
        Assert.Equal(2, refusal.Faults.Count);
        refusal = Assert.Throws<SettingsException>(() => Build("--DpAttn:Foo=0", "--DpAttn:MaxConnections=x"));
        Assert.Equal(2, refusal.Faults.Count);
    }

    [Fact]
    public void A_secret_setting_is_repeated_by_no_fault()
    {
        const string Secret = "Host=db;Password=quite-secret";
        foreach (var other in new[] { "--DpAttn:Storage=mysql", "--DpAttn:Storage=postgres", "--DpAttn:MaxQueries=0", "--DpAttn:Foo=1" })
            Assert.DoesNotContain("secret", Assert.Throws<SettingsException>(() => Build($"--DpAttn:PostgresConnection={Secret}", $"--DpAttn:WitnessConnection={Secret}2", other)).Message.Replace("a secret that is not repeated", "", StringComparison.Ordinal));
        var faults = SettingsReader.Check(new ServerOptions { PostgresConnection = null! }, "DpAttn").Concat(SettingsReader.Check(new SecretNumber { Pin = 1234 }, "Test")).ToList();
        Assert.Equal("Test:Pin is a secret that is not repeated; it must be a whole number from 1 to 9", Assert.Single(faults, fault => fault.StartsWith("Test", StringComparison.Ordinal)));
    }

    private sealed class SecretNumber
    {
        [Secret, System.ComponentModel.DataAnnotations.Range(1, 9)]
        public int Pin { get; set; }
    }

    [Fact]
    public async Task Migrating_a_file_makes_it_and_says_so_and_does_not_serve()
    {
        var folder = Directory.CreateTempSubdirectory();
        var (output, before) = (new StringWriter(), Console.Out);
        Console.SetOut(output);
        try
        {
            var data = Path.Combine(folder.FullName, "data");
            Assert.Equal(0, await DpAttnServer.RunAsync([DpAttnServer.MigrateFlag, $"--DpAttn:DataDirectory={data}"]));
            Assert.True(File.Exists(Path.Combine(data, SqliteStorage.FileName)));
        }
        finally
        {
            Console.SetOut(before);
            folder.Delete(recursive: true);
        }
        Assert.Contains("has the schema of this version", output.ToString());
    }

    [Fact]
    public async Task Refused_settings_end_the_program_with_2_and_name_the_setting()
    {
        var (output, error) = (new StringWriter(), Console.Error);
        Console.SetError(output);
        try
        {
            Assert.Equal(2, await DpAttnServer.RunAsync(["--DpAttn:Foo=1"]));
        }
        finally
        {
            Console.SetError(error);
        }
        Assert.Contains("DpAttn:Foo is no setting", output.ToString());
    }

    [Fact]
    public async Task What_keeps_a_server_from_starting_is_one_line_and_1()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var taken = await RunAsync(builder => builder.Services.AddSingleton<IFrontDoor>(new FakeFrontDoor()));
        Assert.Contains("address already in use", taken);
        var refused = await RunAsync(_ => throw new StorageRefusedException("the storage is in use by another process"));
        Assert.Equal("the storage is in use by another process", refused.Trim());

        async Task<string> RunAsync(Action<WebApplicationBuilder> configure)
        {
            var (output, error) = (new StringWriter(), Console.Error);
            Console.SetError(output);
            try
            {
                Assert.Equal(1, await DpAttnServer.RunAsync([$"--DpAttn:Listen={server.Address}", "--DpAttn:AdminListen="], builder =>
                {
                    builder.Logging.ClearProviders();
                    configure(builder);
                }));
            }
            finally
            {
                Console.SetError(error);
            }
            return output.ToString();
        }
    }

    [Fact]
    public async Task Settings_come_from_the_environment_and_arguments_win()
    {
        Environment.SetEnvironmentVariable("DPATTN__MAXQUERIES", "17");
        Environment.SetEnvironmentVariable("DPATTN__UPLOADQUEUE", "3");
        try
        {
            await using var app = Build("--DpAttn:MaxQueries=18");
            var options = app.Services.GetRequiredService<ServerOptions>();
            Assert.Equal((18, 3), (options.MaxQueries, options.UploadQueue));
        }
        finally
        {
            Environment.SetEnvironmentVariable("DPATTN__MAXQUERIES", null);
            Environment.SetEnvironmentVariable("DPATTN__UPLOADQUEUE", null);
        }
    }

    [Fact]
    public async Task The_frameworks_own_settings_open_no_other_door()
    {
        foreach (var (name, value) in (ReadOnlySpan<(string, string?)>)[("ASPNETCORE_URLS", "http://127.0.0.1:0"), ("ASPNETCORE_HTTP_PORTS", "0"), ("Kestrel__Endpoints__Extra__Url", "http://127.0.0.1:0")])
            Environment.SetEnvironmentVariable(name, value);
        try
        {
            await using var server = await ServerUnderTest.StartAsync();
            var bound = server.App.Services.GetRequiredService<Microsoft.AspNetCore.Hosting.Server.IServer>().Features.Get<Microsoft.AspNetCore.Hosting.Server.Features.IServerAddressesFeature>()!.Addresses;
            Assert.Equal(new[] { server.Address, server.AdminAddress! }.Order(Comparer<Uri>.Create((a, b) => a.Port - b.Port)), bound.Select(address => new Uri(address)).Order(Comparer<Uri>.Create((a, b) => a.Port - b.Port)));
        }
        finally
        {
            foreach (var name in (string[])["ASPNETCORE_URLS", "ASPNETCORE_HTTP_PORTS", "Kestrel__Endpoints__Extra__Url"])
                Environment.SetEnvironmentVariable(name, null);
        }
    }

    [Fact]
    public void Every_setting_can_be_set_from_a_file()
    {
        var values = SettingsReader.Properties(typeof(ServerOptions)).ToDictionary(property => $"DpAttn:{property.Name}", property =>
            property.Name == "SiloPort" ? (string?)"1025" : property.PropertyType == typeof(int) ? "1024" : property.Name is "Listen" or "AdminListen" ? "http://127.0.0.1:1;http://[::1]:2" : property.Name switch { "DataDirectory" => "elsewhere", "Storage" => "sqlite", "PostgresConnection" => "Host=elsewhere", "Role" => "all", "Clustering" => "none", "ClusterId" => "other", "SiloListen" => "::1", "AdvertisedAddress" => "::2", "LedgerWitness" => "none", "OtlpProtocol" => "http/protobuf", "JwtSubjectClaim" => "oid", "JwtRoleClaim" => "groups", "ClusterTls" => "none", "ClusterSiloName" => "s.example", "ClusterFrontName" => "f.example", _ => "" });
        var options = ServerOptions.Read(new ConfigurationBuilder().AddInMemoryCollection(values).Build());
        foreach (var property in SettingsReader.Properties(typeof(ServerOptions)))
            Assert.Equal(values[$"DpAttn:{property.Name}"], Convert.ToString(property.GetValue(options), System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Options_stated_in_code_are_checked_as_well() =>
        Assert.Throws<SettingsException>(() => DpAttnServer.Build(new ServerOptions { MaxQueries = -1 }));

    [Fact]
    public void A_server_without_a_front_door_is_not_built() =>
        Assert.Contains("IFrontDoor", Assert.Throws<InvalidOperationException>(() => DpAttnServer.Build(new ServerOptions(), builder => builder.Logging.ClearProviders())).Message);

    [Theory]
    [InlineData("http://[::1]:0", "[::1]")]
    [InlineData("http://*:0", "localhost")]
    [InlineData("http://+:0", "localhost")]
    [InlineData("http://0.0.0.0:0", "0.0.0.0")]
    public async Task Addresses_are_told_as_they_are(string listen, string host)
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.Listen = listen);
        Assert.Equal(host, server.Address.Host);
        Assert.NotEqual(0, server.Address.Port);
        Assert.Equal(listen.Contains("::1", StringComparison.Ordinal), !server.Log.Entries.Any(entry => entry.Text.Contains("without TLS", StringComparison.Ordinal)));
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{server.Address.Port}") };
        if (host != "[::1]")
            Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/v1/stores")).StatusCode);
    }

    [Fact]
    public async Task Several_addresses_and_no_admin_listener_are_possible()
    {
        await using var server = await ServerUnderTest.StartAsync(options => (options.Listen, options.AdminListen) = ("http://127.0.0.1:0;http://127.0.0.1:0", ""));
        var addresses = server.App.Services.GetRequiredService<ServerAddresses>();
        Assert.Equal(2, addresses.Api.Distinct().Count());
        Assert.Empty(addresses.Admin);
        foreach (var address in addresses.Api)
            Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync(new Uri(address, "/v1/stores"))).StatusCode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tls_takes_a_pem_certificate(bool isOneFile)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=dpattn-test", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var (certificateFile, keyFile) = (Path.Combine(folder.FullName, "c.pem"), Path.Combine(folder.FullName, "k.pem"));
            await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem() + (isOneFile ? "\n" + key.ExportPkcs8PrivateKeyPem() : ""));
            await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());
            await using var server = await ServerUnderTest.StartAsync(options => (options.Listen, options.Certificate, options.CertificateKey) = ("https://127.0.0.1:0", certificateFile, isOneFile ? "" : keyFile));
            using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, shown, _, _) => shown?.Thumbprint == certificate.Thumbprint };
            using var client = new HttpClient(handler) { BaseAddress = server.Address, DefaultRequestHeaders = { { "X-Api-Key", FakeFrontDoor.Key } } };
            Assert.Equal("https", server.Address.Scheme);
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1/stores")).StatusCode);

            // The SDK talks to it where the certificate is trusted, and sends no key anywhere where it is not.
            var talk = new DpAttentionOptions { Endpoint = server.Address, ApiKey = FakeFrontDoor.Key, MaxRetries = 0 };
            using var trusting = new HttpClient(handler, disposeHandler: false);
            using var sdk = new DpAttentionClient(trusting, talk);
            Assert.NotNull(await sdk.GetStoreAsync("s"));
            var asked = server.Door.Authentications;
            using var distrusting = new DpAttentionClient(talk);
            await Assert.ThrowsAsync<DpAttentionException>(() => distrusting.GetStoreAsync("s"));
            Assert.Equal(asked, server.Door.Authentications);

            await File.WriteAllTextAsync(certificateFile, "not a certificate");
            var refusal = await Assert.ThrowsAsync<SettingsException>(() => ServerUnderTest.StartAsync(options => (options.Listen, options.Certificate, options.CertificateKey) = ("https://127.0.0.1:0", certificateFile, keyFile)));
            Assert.Contains("DpAttn:Certificate", refusal.Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}

[CollectionDefinition(nameof(SettingsTests), DisableParallelization = true)]
public sealed class SettingsTestsAlone;
