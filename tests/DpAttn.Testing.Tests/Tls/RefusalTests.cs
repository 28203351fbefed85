using System.Diagnostics;
using System.Net;
using DpAttn.Client;
using DpAttn.Cluster;
using DpAttn.Cluster.Tests.Access;
using DpAttn.Contracts;
using DpAttn.Gateway;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Serialization;

namespace DpAttn.Testing.Tests.Tls;

/// <summary>Who is refused by a whole cluster, over HTTP before a front and over the gateway of a silo with a front's certificate.</summary>
[Collection(nameof(SiloAndFront))]
public sealed class RefusalTests : IAsyncLifetime
{
    private const string Store = "refusals";
    private readonly List<IAsyncDisposable> _made = [];
    private TlsCluster _cluster = null!;

    public static TheoryData<string> Ways => ["http", "gateway"];

    private static DateTimeOffset Now => DateTimeOffset.UtcNow;

    public async ValueTask InitializeAsync() => _cluster = await TlsCluster.SharedAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var made in _made)
            await made.DisposeAsync();
    }

    [Fact]
    public async Task Nobody_gets_nothing()
    {
        using var http = new HttpClient { BaseAddress = _cluster.Front.Endpoint };
        foreach (var path in (string[])["/v1/stores", $"/v1/stores/{Store}/budgets/me", "/v1/keys", "/v1/audit", "/v1/backup", "/v1/none"])
        {
            using var response = await http.GetAsync(path);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }
        await using var gateway = new GatewayConnection(_cluster.Gateway(_cluster.Gateways[0]), NullLoggerFactory.Instance);
        gateway.Start();
        var door = new DoorClient(gateway, TimeSpan.FromSeconds(8));
        foreach (var credential in (string?[])[null, "", "nobody"])
        {
            foreach (var request in (DoorRequest[])[new(Operations.Authenticate), new(Operations.ListStores), new(Operations.GetMyBudget, Store), new(Operations.ListKeys)])
            {
                var refused = await Assert.ThrowsAsync<GatewayProblemException>(() => door.AskAsync<object>(credential, request, CancellationToken.None));
                Assert.Equal(ProblemCodes.Unauthenticated, refused.Report.Code);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Tokens_that_are_not_good_are_refused_and_a_good_one_is_not(string way)
    {
        var issuer = _cluster.Issuer;
        (string Token, string Detail)[] bad =
        [
            (issuer.Token(Now, from: TimeSpan.FromHours(-2), to: TimeSpan.FromHours(-1)), "expired"),
            (issuer.Token(Now, from: TimeSpan.FromHours(1), to: TimeSpan.FromHours(2)), "not valid yet"),
            (issuer.Token(Now, audience: "other"), "another audience"),
            (issuer.Token(Now, issuer: "https://other.example.org"), "another issuer"),
            (TestIssuer.Unsigned("{\"alg\":\"none\"}", "{}"), "no valid token"),
        ];
        foreach (var (token, detail) in bad)
        {
            var refused = await RefusedAsync(ProblemCodes.Unauthenticated, Connect(way, token).ListStoresAsync());
            Assert.Contains(detail, refused.Message, StringComparison.Ordinal);
        }
        Assert.NotNull(await Connect(way, issuer.Token(Now)).ListStoresAsync());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_role_does_what_it_may_and_nothing_else(string way)
    {
        foreach (var roles in (string[])["other", "dpattn-owner dpattn-user"])
            await RefusedAsync(ProblemCodes.Forbidden, Connect(way, _cluster.Issuer.Token(Now, roles: roles)).ListStoresAsync());
        await _cluster.PublishAsync(Store, rows: 10);
        foreach (var user in (string[])[await _cluster.KeyAsync("ulf", Roles.User), _cluster.Issuer.Token(Now, roles: "dpattn-user")])
        {
            var client = Connect(way, user);
            await RefusedAsync(ProblemCodes.Forbidden, client.CreateKeyAsync(new KeyRequest("x", Roles.User)));
            await RefusedAsync(ProblemCodes.Forbidden, client.ListAuditAsync().ToListAsync().AsTask());
            await RefusedAsync(ProblemCodes.Forbidden, client.EnsureStoreAsync("theirs", new StoreDefinition { KeyDimension = 1, ValueDimension = 1, Keys = new RegionBound(new BallBound(1)), Values = new ValueBoundStatement(Radius: 1), Ladder = [1], Limit = 1, Capacity = 1 }));
            await RefusedAsync(ProblemCodes.Forbidden, client.AcknowledgeLedgersAsync());
        }
        // Neither does an owner ask queries of its own store, nor another owner see it.
        await RefusedAsync(ProblemCodes.Forbidden, Connect(way, await _cluster.KeyAsync("olga", Roles.Owner)).AttendAsync(Store, new float[] { 0.5f, 0.1f }));
        await RefusedAsync(ProblemCodes.NotFound, Connect(way, await _cluster.KeyAsync("otto", Roles.Owner)).StartPublishAsync(Store));
        await RefusedAsync(ProblemCodes.Forbidden, Connect(way, _cluster.OperatorKey).AttendAsync(Store, new float[] { 0.5f, 0.1f }));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Nobody_sees_or_spends_the_budget_of_another_user(string way)
    {
        await _cluster.PublishAsync(Store, rows: 10);
        var ulf = Connect(way, await _cluster.KeyAsync("ulf", Roles.User));
        var account = (await ulf.GetBudgetAsync(Store)).Account!;
        foreach (var stranger in (string[])[await _cluster.KeyAsync("uma", Roles.User), _cluster.Issuer.Token(Now, subject: "ulf")])
        {
            // The same name of another issuer is somebody else.
            var client = Connect(way, stranger);
            await RefusedAsync(ProblemCodes.NotFound, client.GetBudgetAsync(Store));
            await RefusedAsync(ProblemCodes.NotFound, client.ListLedgerAsync(Store).ToListAsync().AsTask());
            await RefusedAsync(ProblemCodes.NotFound, client.ListAccountLedgerAsync(Store, account).ToListAsync().AsTask());
            await RefusedAsync(ProblemCodes.NotFound, client.ListBudgetsAsync(Store));
            await RefusedAsync(ProblemCodes.NotFound, client.AttendAsync(Store, new float[] { 0.5f, 0.1f }, new AttendOptions { MaxEpsilon = 1 }));
        }
        await RefusedAsync(ProblemCodes.Forbidden, ulf.ListAccountLedgerAsync(Store, account).ToListAsync().AsTask());
        await RefusedAsync(ProblemCodes.NotFound, Connect(way, await _cluster.KeyAsync("otto", Roles.Owner)).ListAccountLedgerAsync(Store, account).ToListAsync().AsTask());
        Assert.Equal(account, (await ulf.GetBudgetAsync(Store)).Account);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_subject_of_an_issuer_is_granted_a_budget_before_its_first_token_and_nobody_else_has_it(string way)
    {
        await _cluster.PublishAsync(Store, rows: 10);
        var (subject, owner) = ($"grace-{way}", Connect(way, await _cluster.KeyAsync("olga", Roles.Owner)));
        var granted = await owner.GrantAsync(Store, new AccountLookup(subject, TestIssuer.Authority), 1);
        var own = await Connect(way, _cluster.Issuer.Token(Now, subject: subject)).GetBudgetAsync(Store);
        Assert.Equal((granted.Account, granted.Limit), (own.Account, own.Limit));
        await RefusedAsync(ProblemCodes.NotFound, Connect(way, await _cluster.KeyAsync(subject, Roles.User)).GetBudgetAsync(Store));
        await RefusedAsync(ProblemCodes.InvalidRequest, owner.GrantAsync(Store, new AccountLookup(subject, "https://other.example.org"), 1));
    }

    [Fact]
    public async Task A_key_that_was_taken_back_is_refused_everywhere_after_five_seconds()
    {
        var @operator = _cluster.Front.Connect(_cluster.OperatorKey);
        var key = await @operator.CreateKeyAsync(new KeyRequest("rolf", Roles.User));
        IDpAttentionClient[] everywhere = [Connect("http", key.Key), .. _cluster.Gateways.Select(gateway => Over(gateway, key.Key))];
        foreach (var client in everywhere)
            Assert.NotNull(await client.ListStoresAsync());
        await @operator.RevokeKeyAsync(key.Id);
        var revoked = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromSeconds(5) - Stopwatch.GetElapsedTime(revoked));
        foreach (var client in everywhere)
            await RefusedAsync(ProblemCodes.Unauthenticated, client.ListStoresAsync());
    }

    [Fact]
    public async Task A_client_without_a_certificate_reaches_no_gateway()
    {
        var user = await _cluster.KeyAsync("ulf", Roles.User);
        Assert.NotNull(await Over(_cluster.Gateways[0], user).ListStoresAsync());
        var services = _cluster.OverGateway(_cluster.Gateways[0], user, hasCertificate: false);
        _made.Add(services);
        await RefusedAsync(ProblemCodes.ShardUnavailable, services.GetRequiredService<IDpAttentionClient>().ListStoresAsync());
    }

    [Fact]
    public async Task With_a_fronts_certificate_the_front_door_is_all_that_can_be_called()
    {
        const string Incarnation = "0123456789abcdef0123456789abcdef";
        var settings = _cluster.Gateway(_cluster.Gateways[0]);
        using var links = new ClusterLinks(settings.Protection, settings.Links, LinkRole.Front, NullLogger.Instance);
        using var host = new HostBuilder()
            .ConfigureServices(services => services.AddSerializer(serializer => serializer.AddAssembly(typeof(IStoreGrain).Assembly).AddAssembly(typeof(IFrontDoorGrain).Assembly)))
            .UseOrleansClient(client => settings.Configure(client, links))
            .Build();
        await host.StartAsync();
        var grains = host.Services.GetRequiredService<IGrainFactory>();
        Assert.True(await grains.GetGrain<IFrontDoorGrain>(0).IsReadyAsync());
        Func<Task>[] others =
        [
            () => grains.GetGrain<IStoreGrain>(Incarnation).DeleteAsync("me", CancellationToken.None),
            () => grains.GetGrain<IShardGrain>($"{Incarnation}/0000").ReadAsync("r", 0, 1, CancellationToken.None),
            () => grains.GetGrain<ICoordinatorGrain>($"{Incarnation}/r").ReadPartsAsync(0, new LongBlock([1]), CancellationToken.None),
            () => grains.GetGrain<IAttentionGrain>(Incarnation).AnswerAsync(new AnswerCommand("r", 0, 1, [0], false), CancellationToken.None),
            () => grains.GetGrain<IBudgetGrain>($"{Incarnation}/account").SetLimitAsync(100, CancellationToken.None),
            () => grains.GetGrain<IManagementGrain>(0).GetHosts(),
        ];
        foreach (var call in others)
            Assert.Equal(ProblemCodes.Forbidden, (await Assert.ThrowsAsync<ProblemException>(call)).Code);
        await host.StopAsync();
    }

    private static async Task<DpAttentionException> RefusedAsync(string code, Task call)
    {
        var refused = await Assert.ThrowsAsync<DpAttentionException>(() => call);
        Assert.Equal(code, refused.Code);
        return refused;
    }

    private IDpAttentionClient Connect(string way, string credential)
    {
        if (way == "gateway")
            return Over(_cluster.Gateways[0], credential);
        var client = new DpAttentionClient(new DpAttentionOptions { Endpoint = _cluster.Front.Endpoint, CredentialProvider = _ => new(credential) });
        _made.Add(new Made(client));
        return client;
    }

    private IDpAttentionClient Over(IPEndPoint gateway, string credential)
    {
        var services = _cluster.OverGateway(gateway, credential);
        _made.Add(services);
        return services.GetRequiredService<IDpAttentionClient>();
    }

    private sealed class Made(IDisposable what) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            what.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
