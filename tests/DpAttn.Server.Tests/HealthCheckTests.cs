using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DpAttn.Server.Tests.Support;

namespace DpAttn.Server.Tests;

/// <summary>The server asked from outside by its own program. Alone, as standard error is the process's.</summary>
[Collection(nameof(SettingsTests))]
public sealed class HealthCheckTests
{
    [Fact]
    public async Task A_ready_server_is_0_and_one_that_is_not_is_1_with_the_status()
    {
        var door = new FakeFrontDoor();
        await using var server = await ServerUnderTest.StartAsync(door: door);
        var admin = $"--DpAttn:AdminListen={server.AdminAddress!.GetLeftPart(UriPartial.Authority)}";
        Assert.Equal((0, ""), await RunAsync(DpAttnServer.HealthCheckFlag, admin));
        door.IsReady = () => false;
        Assert.Equal((1, $"{server.AdminAddress}readyz answers 503"), await RunAsync(admin, DpAttnServer.HealthCheckFlag));
        // Alive all the same, and asked as somebody else would.
        Assert.Equal((0, ""), await RunAsync($"{DpAttnServer.HealthCheckFlag}={server.AdminAddress}livez"));
        Assert.Equal((1, $"{server.AdminAddress}readyz answers 503"), await RunAsync($"{DpAttnServer.HealthCheckFlag}={server.AdminAddress}readyz"));
    }

    [Fact]
    public async Task Where_nothing_listens_it_is_1()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var free = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        Assert.Equal((1, $"http://127.0.0.1:{free}/readyz does not answer: ConnectionError"), await RunAsync(DpAttnServer.HealthCheckFlag, $"--DpAttn:AdminListen=http://*:{free}"));
    }

    [Fact]
    public async Task Who_takes_the_connection_and_says_nothing_is_1_after_a_few_seconds()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var url = $"http://127.0.0.1:{((System.Net.IPEndPoint)listener.LocalEndpoint).Port}/readyz";
        Assert.Equal((1, $"{url} does not answer within 4 s"), await RunAsync($"{DpAttnServer.HealthCheckFlag}={url}"));
    }

    [Fact]
    public async Task An_admin_listener_with_a_certificate_of_another_name_is_asked_on_loopback()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=dpattn.example.org", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem());
            await using var server = await ServerUnderTest.StartAsync(options => (options.AdminListen, options.Certificate) = ("https://127.0.0.1:0", file));
            Assert.Equal((0, ""), await RunAsync(DpAttnServer.HealthCheckFlag, $"--DpAttn:AdminListen={server.AdminAddress!.GetLeftPart(UriPartial.Authority)}", $"--DpAttn:Certificate={file}"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>As with a renewal that went wrong: a start with these settings ends with 2, and the server that runs goes on with what it has read.</summary>
    [Fact]
    public async Task A_server_whose_other_settings_are_no_longer_good_is_as_well_as_it_says()
    {
        await using var server = await ServerUnderTest.StartAsync(door: new FakeFrontDoor());
        string[] bad =
        [
            $"--DpAttn:AdminListen={server.AdminAddress!.GetLeftPart(UriPartial.Authority)}", "--DpAttn:Certificate=/nonexistent/tls.crt", "--DpAttn:Clustering=postgres", "--DpAttn:ClusterTls=mutual",
            "--DpAttn:ClusterCertificate=/nonexistent/silo.crt", "--DpAttn:ClusterAuthority=/nonexistent/ca.crt", "--DpAttn:Role=none", "--DpAttn:MaxBodyBytes=much",
        ];
        Assert.Equal(2, (await RunAsync(bad)).Code);
        Assert.Equal((0, ""), await RunAsync([DpAttnServer.HealthCheckFlag, .. bad]));
    }

    [Theory]
    [InlineData("", "DpAttn:AdminListen is ''; --healthcheck needs an admin listener")]
    [InlineData("http://127.0.0.1:0", "DpAttn:AdminListen is 'http://127.0.0.1:0', a free port; --healthcheck needs one that is stated")]
    [InlineData("nonsense", "DpAttn:AdminListen is 'nonsense'")]
    public async Task Without_an_address_that_can_be_asked_it_is_1(string listen, string message)
    {
        var (code, said) = await RunAsync(DpAttnServer.HealthCheckFlag, $"--DpAttn:AdminListen={listen}");
        Assert.Equal(1, code);
        Assert.StartsWith(message, said);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/readyz")]
    [InlineData("ftp://127.0.0.1/readyz")]
    [InlineData("http://user:quite-secret@127.0.0.1/readyz")]
    public async Task What_is_no_address_is_1_and_not_repeated(string url)
    {
        var (code, said) = await RunAsync($"{DpAttnServer.HealthCheckFlag}={url}");
        Assert.Equal(1, code);
        Assert.StartsWith("--healthcheck names no address", said);
        Assert.DoesNotContain("secret", said);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8081", "http://127.0.0.1:8081/readyz")]
    [InlineData("http://*:8081;http://10.0.0.1:1", "http://127.0.0.1:8081/readyz")]
    [InlineData("http://0.0.0.0:8081", "http://127.0.0.1:8081/readyz")]
    [InlineData("http://localhost:8081", "http://127.0.0.1:8081/readyz")]
    [InlineData("https://10.0.0.1:8081", "https://10.0.0.1:8081/readyz")]
    [InlineData("http://[::1]:8081", "http://[::1]:8081/readyz")]
    public void It_asks_where_the_server_can_be_reached_from_its_own_machine(string listen, string address) =>
        Assert.Equal(new Uri(address), HealthCheck.AddressOf(listen));

    private static async Task<(int Code, string Said)> RunAsync(params string[] args)
    {
        var (output, error) = (new StringWriter(), Console.Error);
        Console.SetError(output);
        try
        {
            return (await DpAttnServer.RunAsync(args), output.ToString().Trim());
        }
        finally
        {
            Console.SetError(error);
        }
    }
}
