using System.Net;
using DpAttn.Client;
using DpAttn.Contracts;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Testing.Tests;

/// <summary>The same of the client over gateways, without HTTP.</summary>
[Collection(nameof(SiloAndFront))]
public sealed class ClusterClientConformance : ClientConformance, IAsyncDisposable
{
    private readonly List<ServiceProvider> _services = [];
    private ClusterUnderTest? _cluster;
    private SiloAndFront? _silo;

    protected override async Task<(IDpAttentionClient Owner, IDpAttentionClient User)> ClientsAsync()
    {
        _silo = await SiloAndFront.SiloAsync();
        _cluster = await SiloAndFront.StartAsync();
        var @operator = Connect(_cluster.OperatorKey);
        var owner = await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner));
        var user = await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User));
        return (Connect(owner.Key), Connect(user.Key));
    }

    [Fact]
    public async Task It_carries_the_credential_of_whoever_asks_and_can_do_no_more_than_that()
    {
        await ClientsAsync();
        var @operator = Connect(_cluster!.OperatorKey);
        var user = await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User));
        var carried = new AsyncLocal<string>();
        var shared = Connect(_ => ValueTask.FromResult(carried.Value!));
        carried.Value = user.Key;
        Assert.Equal(ProblemCodes.Forbidden, (await Assert.ThrowsAsync<DpAttentionException>(() => shared.ListLedgersAsync())).Code);
        carried.Value = _cluster.OperatorKey;
        Assert.NotNull(await shared.ListLedgersAsync());
        carried.Value = "dpattn_0000000000000000_" + new string('A', 43);
        var refused = await Assert.ThrowsAsync<DpAttentionException>(() => shared.ListStoresAsync());
        Assert.Equal((ProblemCodes.Unauthenticated, HttpStatusCode.Unauthorized, false), (refused.Code, refused.Status, refused.Problem!.Retryable));
        Assert.DoesNotContain("AAAA", refused.ToString(), StringComparison.Ordinal);
        carried.Value = "not sendable";
        Assert.Contains("CredentialProvider", (await Assert.ThrowsAsync<DpAttentionException>(() => shared.ListStoresAsync())).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<NotSupportedException>(() => @operator.BackupAsync(Stream.Null));
    }

    [Fact]
    public async Task Without_a_gateway_it_says_so_after_its_retries()
    {
        _silo = await SiloAndFront.SiloAsync();
        var services = new ServiceCollection();
        services.AddDpAttentionCluster(cluster =>
        {
            cluster.Gateways.Add(new IPEndPoint(IPAddress.Loopback, 1));
            cluster.CredentialProvider = _ => ValueTask.FromResult("key");
            cluster.MaxRetries = 1;
            cluster.RetryDelay = TimeSpan.FromMilliseconds(1);
        });
        await using var provider = services.BuildServiceProvider();
        var lost = await Assert.ThrowsAsync<DpAttentionException>(() => provider.GetRequiredService<IDpAttentionClient>().ListStoresAsync());
        Assert.Equal(ProblemCodes.ShardUnavailable, lost.Code);
        Assert.Contains("after 2 attempts", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_cannot_be_are_refused_by_name()
    {
        AssertRefused("Gateways", _ => { });
        AssertRefused("MembershipConnection", options =>
        {
            options.Gateways.Add(new IPEndPoint(IPAddress.Loopback, 1));
            options.MembershipConnection = "Host=db";
        });
        AssertRefused("CredentialProvider", options => options.Gateways.Add(new IPEndPoint(IPAddress.Loopback, 1)));
        AssertRefused("ClusterId", options => options.ClusterId = "");
        AssertRefused("MaxRetries", options =>
        {
            options.Gateways.Add(new IPEndPoint(IPAddress.Loopback, 1));
            options.CredentialProvider = _ => ValueTask.FromResult("key");
            options.MaxRetries = -1;
        });

        AssertRefused("Gateways has one on another machine", options => Ask(options, "10.0.0.1"));
        AssertRefused("Certificate", options =>
        {
            Ask(options);
            options.Authority = "ca.crt";
        });
        AssertRefused("Authority", options =>
        {
            Ask(options);
            options.Certificate = "tls.crt";
        });
        AssertRefused("AllowPlaintext", options =>
        {
            Ask(options);
            (options.Certificate, options.Authority, options.AllowPlaintext) = ("tls.crt", "ca.crt", true);
        });
        AssertRefused("FrontName", options =>
        {
            Ask(options);
            (options.Certificate, options.Authority, options.FrontName) = ("tls.crt", "ca.crt", "SILO.dpattn");
        });
        AssertRefused("Certificate: it is no file", options =>
        {
            Ask(options);
            (options.Certificate, options.Authority) = ("/no/such/tls.crt", "/no/such/ca.crt");
        });

        static void Ask(DpAttentionClusterOptions options, string gateway = "127.0.0.1")
        {
            options.Gateways.Add(new IPEndPoint(IPAddress.Parse(gateway), 1));
            options.CredentialProvider = _ => ValueTask.FromResult("key");
        }

        static void AssertRefused(string name, Action<DpAttentionClusterOptions> configure)
        {
            using var provider = new ServiceCollection().AddDpAttentionCluster(configure).BuildServiceProvider();
            Assert.Contains(name, Assert.Throws<ArgumentException>(provider.GetRequiredService<IDpAttentionClient>).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Callers over a gateway are told what callers over HTTP are told.</summary>
    [Fact]
    public void Problems_are_those_of_the_http_interface()
    {
        var expected = Server.Http.ProblemTable.All.ToDictionary(kind => kind.Code, kind => (kind.Status, kind.IsRetryable ? kind.RetryAfterSeconds ?? 0 : 0));
        Assert.Equal(expected.OrderBy(kind => kind.Key), Client.Internal.ProblemRules.All.ToDictionary(kind => kind.Key, kind => (kind.Value.Status, kind.Value.RetryAfter)).OrderBy(kind => kind.Key));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var services in _services)
            await services.DisposeAsync();
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }

    private IDpAttentionClient Connect(string key) => Connect(_ => ValueTask.FromResult(key));

    private IDpAttentionClient Connect(Func<CancellationToken, ValueTask<string>> credential)
    {
        var services = new ServiceCollection();
        services.AddDpAttentionCluster(cluster =>
        {
            cluster.ClusterId = "pair";
            cluster.Gateways.Add(_silo!.Gateway);
            cluster.CredentialProvider = credential;
            cluster.PublishPollDelay = TimeSpan.FromMilliseconds(50);
        });
        var provider = services.BuildServiceProvider();
        _services.Add(provider);
        return provider.GetRequiredService<IDpAttentionClient>();
    }
}
