using DpAttn.Client;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Gateway;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Serialization;

namespace DpAttn.Testing.Tests;

/// <summary>What a client of a gateway can do, and what it cannot.</summary>
[Collection(nameof(SiloAndFront))]
public sealed class GatewayTests : IAsyncLifetime
{
    private const string Store = "0123456789abcdef0123456789abcdef";
    private readonly CancellationToken _none = CancellationToken.None;
    private SiloAndFront _silo = null!;
    private readonly Transfers _transfers = new(mostBytes: 1 << 20);
    private IHost _host = null!;
    private IGrainFactory _grains = null!;

    public async ValueTask InitializeAsync()
    {
        _silo = await SiloAndFront.SiloAsync();
        _host = new HostBuilder()
            .ConfigureServices(services => services.AddSerializer(serializer => serializer.AddAssembly(typeof(IStoreGrain).Assembly).AddAssembly(typeof(IFrontDoorGrain).Assembly)))
            .UseOrleansClient(client => client
                .Configure<Orleans.Configuration.ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = ("pair", GatewaySettings.ServiceId))
                .UseStaticClustering(_silo.Gateway))
            .Build();
        await _host.StartAsync();
        _grains = _host.Services.GetRequiredService<IGrainFactory>();
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is null)
            return;
        await _host.StopAsync();
        _host.Dispose();
    }

    public static TheoryData<string> Grains => ["store", "shard", "coordinator", "attention", "budget", "management"];

    [Theory]
    [MemberData(nameof(Grains))]
    public async Task It_is_refused_by_every_grain_but_the_front_door(string grain)
    {
        Assert.Equal(ProblemCodes.Forbidden, (await Assert.ThrowsAsync<ProblemException>(() => CallAsync(grain))).Code);
        // Nor does it help to say something that only a silo knows.
        foreach (var guess in (string[])["", "0", new string('0', 64)])
        {
            RequestContext.Set("dpattn.seal", guess);
            Assert.Equal(ProblemCodes.Forbidden, (await Assert.ThrowsAsync<ProblemException>(() => CallAsync(grain))).Code);
        }
    }

    [Fact]
    public async Task Every_interface_of_the_cluster_is_among_those_that_are_refused()
    {
        var interfaces = typeof(IStoreGrain).Assembly.GetTypes().Where(type => type.IsInterface && typeof(IGrain).IsAssignableFrom(type)).Select(type => type.Name).Order();
        Assert.Equal(["IAttentionGrain", "IBudgetGrain", "ICoordinatorGrain", "IShardGrain", "IStoreGrain"], interfaces);
        Assert.True(await _grains.GetGrain<IFrontDoorGrain>(0).IsReadyAsync());
    }

    [Fact]
    public async Task The_credential_is_authenticated_with_every_call()
    {
        await using var cluster = await SiloAndFront.StartAsync();
        var @operator = cluster.Connect(cluster.OperatorKey);
        var user = await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User));
        var door = _grains.GetGrain<IFrontDoorGrain>(1);
        var known = GatewayJson.Read<Caller>(await door.AskAsync(new Credential(user.Key), new DoorRequest(Operations.Authenticate), _none));
        Assert.Equal((user.Account, Roles.User), (known.Account, known.Role));
        foreach (var credential in (string?[])[null, "", "dpattn_0000000000000000_" + new string('A', 43), user.Key[..^1] + (user.Key[^1] == 'A' ? 'B' : 'A')])
        {
            var refused = await Assert.ThrowsAsync<GatewayProblemException>(() => door.AskAsync(new Credential(credential), new DoorRequest(Operations.ListStores), _none));
            Assert.Equal(ProblemCodes.Unauthenticated, refused.Report.Code);
        }
        var forbidden = await Assert.ThrowsAsync<GatewayProblemException>(() => door.AskAsync(new Credential(user.Key), new DoorRequest(Operations.ListAudit, text: "10"), _none));
        Assert.Equal(ProblemCodes.Forbidden, forbidden.Report.Code);
        await @operator.RevokeKeyAsync(user.Id);
        var revoked = await Assert.ThrowsAsync<GatewayProblemException>(() => door.AskAsync(new Credential(user.Key), new DoorRequest(Operations.Authenticate), _none));
        Assert.Equal(ProblemCodes.Unauthenticated, revoked.Report.Code);
    }

    [Fact]
    public async Task What_makes_no_sense_is_told_so()
    {
        var door = _grains.GetGrain<IFrontDoorGrain>(2);
        var credential = new Credential(_silo.OperatorKey);
        DoorRequest[] requests =
        [
            new("noSuchOperation"), new(Operations.GetStore), new(Operations.CreateKey), new(Operations.CreateKey, body: new Document("{}"u8.ToArray())), new(Operations.CreateKey, body: new Document("x"u8.ToArray())),
            new(Operations.EraseRow, "s", "b", long.MaxValue), new(Operations.ListAudit, text: "many"), new(Operations.VerifyLedger),
        ];
        foreach (var request in requests)
            Assert.Equal(ProblemCodes.InvalidRequest, (await Assert.ThrowsAsync<GatewayProblemException>(() => door.AskAsync(credential, request, _none))).Report.Code);
        Assert.Equal(ProblemCodes.InvalidRequest, (await Assert.ThrowsAsync<GatewayProblemException>(() => door.MaintainAsync(credential, new DoorRequest(Operations.GetStore, "s"), _none))).Report.Code);
    }

    [Theory]
    [InlineData(int.MaxValue, int.MaxValue)]
    [InlineData(1 << 30, 1 << 30)]
    [InlineData(1, int.MaxValue)]
    public async Task A_header_of_a_monstrous_size_is_refused_and_takes_no_room(int rows, int columns)
    {
        var door = _grains.GetGrain<IFrontDoorGrain>(3);
        var credential = new Credential(_silo.OperatorKey);
        var client = _grains.CreateObjectReference<ITransfer>(_transfers);
        var queries = new AttendHeader("s", rows, columns, GatewayJson.Write(new AttendTerms()), 1, null);
        Assert.Equal(ProblemCodes.TooLarge, (await Assert.ThrowsAsync<GatewayProblemException>(() => door.AttendAsync(credential, queries, client, _none))).Report.Code);
        var batch = new AppendHeader("s", "b", new BatchShape(rows, columns, true, 1, true, false), false, 1, null);
        Assert.Equal(ProblemCodes.TooLarge, (await Assert.ThrowsAsync<GatewayProblemException>(() => door.AppendAsync(credential, batch, client, _none))).Report.Code);
    }

    [Fact]
    public async Task Numbers_are_not_fetched_for_what_is_refused_anyway()
    {
        var door = _grains.GetGrain<IFrontDoorGrain>(4);
        var credential = new Credential(_silo.OperatorKey);
        var client = _grains.CreateObjectReference<ITransfer>(_transfers);
        // Nothing is offered: whoever asks for it finds the client silent.
        async Task RefuseAsync(string code, Func<Task> call) => Assert.Equal(code, (await Assert.ThrowsAsync<GatewayProblemException>(call)).Report.Code);
        var options = GatewayJson.Write(new AttendTerms());
        await RefuseAsync(ProblemCodes.TooLarge, () => door.AttendAsync(credential, new AttendHeader("nosuch", 4097, 1, options, 1, null), client, _none));
        await RefuseAsync(ProblemCodes.NotFound, () => door.AttendAsync(credential, new AttendHeader("nosuch", 4096, 1, options, 1, null), client, _none));
        await RefuseAsync(ProblemCodes.NotFound, () => door.AppendAsync(credential, new AppendHeader("nosuch", "b", new BatchShape(1, 1, true, 1, true, false), false, 1, null), client, _none));
    }

    [Fact]
    public async Task A_message_that_is_too_long_is_refused_and_one_that_is_far_too_long_is_not_read()
    {
        var credential = new Credential(_silo.OperatorKey);
        var door = _grains.GetGrain<IFrontDoorGrain>(5);
        DoorRequest Long(int bytes) => new(Operations.CreateKey, body: new Document(new byte[bytes]));
        var refused = await Assert.ThrowsAsync<GatewayProblemException>(() => door.AskAsync(credential, Long((1 << 20) + 1), _none));
        Assert.Equal(ProblemCodes.TooLarge, refused.Report.Code);
        // A client of ours refuses to send it, with the same code.
        await using (var cluster = await SiloAndFront.StartAsync(options => options.MaxJsonBodyBytes = 4 << 20))
        {
            using var http = new HttpClient { DefaultRequestHeaders = { Authorization = new("Bearer", _silo.OperatorKey) } };
            using var content = new StringContent($"{{\"subject\":\"{new string('x', 2 << 20)}\",\"role\":\"user\"}}", System.Text.Encoding.UTF8, "application/json");
            using var response = await http.PostAsync(new Uri(cluster.Endpoint, "/v1/keys"), content);
            Assert.Equal(413, (int)response.StatusCode);
        }
        // The silo ends the connection instead of an answer: this is no problem of its front door.
        var lost = await Assert.ThrowsAnyAsync<Exception>(() => door.AskAsync(credential, Long(GatewaySettings.MostBodyBytes + 1), _none).WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.IsNotType<GatewayProblemException>(lost);
        await using var after = await SiloAndFront.StartAsync();
        Assert.NotNull(await after.Connect(after.OperatorKey).ListStoresAsync());
    }

    [Fact]
    public async Task Batches_and_answers_of_many_messages_arrive_whole()
    {
        const int Dimension = 64, Values = 32, Rows = 60_000, Queries = 2000;
        await using var cluster = await SiloAndFront.StartAsync();
        var @operator = cluster.Connect(cluster.OperatorKey);
        var owner = cluster.Connect((await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner))).Key);
        var user = cluster.Connect((await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User))).Key);
        await owner.EnsureStoreAsync("large", new StoreDefinition
        {
            KeyDimension = Dimension,
            ValueDimension = Values,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Mechanism = new MechanismDefinition(Degree: 1),
            Ladder = [4],
            Limit = 8,
            Capacity = 100_000,
        });
        // 23 MB: as many messages, and one float of the last row out of bounds is found.
        var keys = new float[Rows * Dimension];
        var values = new float[Rows * Values];
        for (var i = 0; i < Rows; i++)
            (keys[i * Dimension + i % Dimension], values[i * Values + i % Values]) = (1, 1);
        keys[^1] = 2;
        var bad = await Assert.ThrowsAsync<DpAttentionException>(() => owner.AppendAsync("large", "b", keys, values, Rows));
        Assert.Contains($"row {Rows - 1}", bad.Message, StringComparison.Ordinal);
        keys[^1] = 0;
        Assert.Equal(Rows, (await owner.AppendAsync("large", "b", keys, values, Rows)).Slots);
        Assert.True((await owner.AppendAsync("large", "b", keys, values, Rows)).Replayed);
        await owner.PublishAsync("large");
        await owner.GrantAsync("large", "ulf", 4);

        // 2 MB at once asked and 2.1 MB answered; each as if it were asked alone.
        var queries = new float[2 * Queries * Dimension];
        for (var i = 0; i < 2 * Queries; i++)
            queries[i * Dimension + i % Dimension] = 1 - i / (4f * Queries);
        var options = new AttendOptions { MaxEpsilon = 4 };
        var answers = await user.AttendAsync("large", queries, 2 * Queries, options);
        Assert.Equal(2 * Queries, answers.Outputs.Count);
        foreach (var i in (int[])[0, 1, Queries, 2 * Queries - 1])
        {
            var alone = await user.AttendAsync("large", queries.AsMemory(i * Dimension, Dimension));
            Assert.Equal(alone.Outputs[0], answers.Outputs[i]);
            Assert.Equal(alone.NoiseDeviations[0], answers.NoiseDeviations[i]);
            Assert.Equal(alone.IntervalLow[0], answers.IntervalLow[i]);
            Assert.Equal(alone.IntervalHigh[0], answers.IntervalHigh[i]);
        }
    }

    [Fact]
    public async Task A_front_without_a_silo_is_alive_not_ready_and_refuses_with_a_reason_to_retry()
    {
        var options = _silo.Options(DpAttn.Server.ServerOptions.RoleFront);
        options.ClusterId = "nobody";
        await using var front = await DpAttn.Server.EmbeddedServer.StartAsync(options);
        using var http = new HttpClient();
        Assert.Equal(200, (int)(await http.GetAsync(new Uri(front.AdminEndpoint!, "/livez"))).StatusCode);
        Assert.Equal(503, (int)(await http.GetAsync(new Uri(front.AdminEndpoint!, "/readyz"))).StatusCode);
        http.DefaultRequestHeaders.Authorization = new("Bearer", _silo.OperatorKey);
        using var refused = await http.GetAsync(new Uri(front.Endpoint, "/v1/stores"));
        Assert.Equal(503, (int)refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Contains(ProblemCodes.ShardUnavailable, await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_over_a_front_is_refused_clearly()
    {
        await using var cluster = await SiloAndFront.StartAsync();
        var refused = await Assert.ThrowsAsync<DpAttentionException>(() => cluster.Connect(cluster.OperatorKey).BackupAsync(Stream.Null));
        Assert.Equal(ProblemCodes.InvalidRequest, refused.Code);
        Assert.Contains("pg_basebackup", refused.Message, StringComparison.Ordinal);
    }

    private Task CallAsync(string grain) => grain switch
    {
        "store" => _grains.GetGrain<IStoreGrain>(Store).DeleteAsync("me", _none),
        "shard" => _grains.GetGrain<IShardGrain>($"{Store}/0000").ReadAsync("r", 0, 1, _none),
        "coordinator" => _grains.GetGrain<ICoordinatorGrain>($"{Store}/r").ReadPartsAsync(0, new LongBlock([1]), _none),
        "attention" => _grains.GetGrain<IAttentionGrain>(Store).AnswerAsync(new AnswerCommand("r", 0, 1, [0], false), _none),
        "budget" => _grains.GetGrain<IBudgetGrain>($"{Store}/account").SetLimitAsync(100, _none),
        "management" => _grains.GetGrain<IManagementGrain>(0).GetHosts(),
        _ => throw new ArgumentOutOfRangeException(nameof(grain)),
    };
}
