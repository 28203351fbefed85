using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Server;

namespace DpAttn.Testing.Tests;

/// <summary>Bad input over HTTP against a whole cluster: the documented problem, a text that names what and the bound, and nothing changed.</summary>
public abstract class BadInputOverHttp : IAsyncLifetime
{
    private const string Rows = "/v1/stores/s/rows";
    private readonly HttpClient _http = new();
    private ClusterUnderTest _cluster = null!;
    private string _owner = "", _other = "", _user = "", _userKeyId = "";

    public async ValueTask InitializeAsync()
    {
        _cluster = await StartAsync(options => options.MaxBodyBytes = 1 << 20);
        _http.BaseAddress = _cluster.Endpoint;
        var @operator = _cluster.Connect(_cluster.OperatorKey!);
        _owner = (await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner))).Key;
        _other = (await @operator.CreateKeyAsync(new KeyRequest("otto", Roles.Owner))).Key;
        var user = await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User));
        (_user, _userKeyId) = (user.Key, user.Id);
        var owner = _cluster.Connect(_owner);
        await owner.EnsureStoreAsync("s", Definition());
        await owner.EnsureStoreAsync("slots", Definition() with { Adjacency = "add-remove" });
        await owner.GrantAsync("s", "ulf", 1);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }

    /// <summary>Starts a cluster without stores.</summary>
    private protected abstract Task<ClusterUnderTest> StartAsync(Action<ServerOptions> configure);

    [Fact]
    public async Task Bad_rows_are_refused_and_change_nothing()
    {
        (string What, HttpContent Body, string[] Words)[] cases =
        [
            ("NaN", Npy([0, float.NaN], [0]), ["key of row 0", "NaN"]),
            ("infinity", Npy([0, 0, 0, float.PositiveInfinity], [0, 0]), ["key of row 1", "infinite"]),
            ("key outside", Npy([0, 0, 0.9f, 0.9f], [0, 0]), ["key of row 1", "the l2 ball of radius 1"]),
            ("value outside", Npy([0, 0], [1.5f]), ["value of row 0", "radius 1"]),
            ("wrong dimension", Npy([0, 0, 0], [0], keyColumns: 3), ["3", "2"]),
            ("wrong dtype", Multipart(Header("<i4", "(1, 2)", 8), NpyBytes([0], 1)), ["dtype"]),
            ("object dtype", Multipart(Header("|O", "(1, 2)", 16), NpyBytes([0], 1)), ["dtype"]),
            ("wrong rank", Multipart(Header("<f4", "(1, 2, 1)", 8), NpyBytes([0], 1)), ["rank 3"]),
            ("truncated", Multipart(NpyBytes([0, 0], 2)[..^3], NpyBytes([0], 1)), ["bytes"]),
            ("header larger than the file", Multipart([.. NpyBytes([0, 0], 2)[..8], 0xff, 0xff, (byte)'{'], NpyBytes([0], 1)), ["header"]),
            ("no rows", Multipart(Header("<f4", "(0, 2)", 0), Header("<f4", "(0, 1)", 0)), ["at least one slot"]),
            ("rows that differ", Multipart(NpyBytes([0, 0, 0, 0], 2), NpyBytes([0], 1)), ["2", "1"]),
            ("JSON line out of bounds", Json("{\"key\":[0,2],\"value\":[0]}", "application/x-ndjson"), ["row 0"]),
            ("null slot under replace-one", Json("{}", "application/x-ndjson"), ["add-remove"]),
        ];
        foreach (var (what, body, words) in cases)
        {
            var problem = await RefusedAsync(HttpMethod.Post, Rows, _owner, HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, body, batch: "bad");
            foreach (var word in words)
                Assert.True(problem.Detail.Contains(word, StringComparison.OrdinalIgnoreCase), $"{what}: '{problem.Detail}' does not name {word}");
        }
        await RefusedAsync(HttpMethod.Post, Rows, _owner, HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, Npy([0, 0], [0]));
        await RefusedAsync(HttpMethod.Post, Rows, _owner, HttpStatusCode.RequestEntityTooLarge, ProblemCodes.TooLarge, Npy(new float[400_000], new float[200_000]), batch: "large");
        Assert.Equal(0, (await _cluster.Connect(_owner).GetStoreAsync("s")).Slots);

        // What is allowed at the edge: -0, subnormals, slots that are all null, and clipping.
        var owner = _cluster.Connect(_owner);
        Assert.Equal(1, (await owner.AppendAsync("s", "edge", new float[] { -0f, 1e-45f }, new float[] { -1e-39f }, 1)).Slots);
        Assert.Equal(1, (await owner.AppendAsync("s", "clipped", new float[] { 3, 4 }, new float[] { -9 }, 1, clip: true)).Slots);
        using var nulls = await SendAsync(HttpMethod.Post, "/v1/stores/slots/rows", _owner, Json("{}\n{}\n", "application/x-ndjson"), "nulls");
        Assert.Equal(HttpStatusCode.Created, nulls.StatusCode);
        var conflict = await RefusedAsync(HttpMethod.Post, Rows, _owner, HttpStatusCode.UnprocessableEntity, ProblemCodes.RequestConflict, Npy([0.5f, 0], [0]), batch: "edge");
        Assert.Contains("nothing was added", conflict.Detail, StringComparison.Ordinal);
        Assert.Equal(2, (await owner.GetStoreAsync("s")).Slots);
    }

    [Fact]
    public async Task Bad_definitions_are_refused_and_make_no_store()
    {
        (StoreDefinition Definition, string Word)[] cases =
        [
            (Definition() with { Delta = 1e-31 }, "2^-100"),
            (Definition() with { Delta = 0 }, "delta"),
            (Definition() with { Delta = 1 }, "delta"),
            (Definition() with { Ladder = [0, 1] }, "epsilon"),
            (Definition() with { Ladder = [201] }, "200"),
            (Definition() with { Ladder = [1, 0.5] }, "tier 1"),
            (Definition() with { Ladder = [] }, "ladder"),
            (Definition() with { Limit = -1 }, "epsilon"),
            (Definition() with { Limit = 40 }, "slack"),
            (Definition() with { KeyDimension = 70_000 }, "65536"),
            (Definition() with { KeyDimension = 5000, Mechanism = new MechanismDefinition(Degree: 4) }, "features"),
            (Definition() with { Capacity = long.MaxValue }, "64-bit"),
            (Definition() with { Scale = double.MaxValue }, "scale"),
            (Definition() with { Adjacency = "add-one" }, "replace-one"),
            (Definition() with { Keys = new RegionBound() }, "keys"),
            (Definition() with { Mechanism = new MechanismDefinition("laplace-tree") }, "moment-tree"),
            (Definition() with { Mechanism = new MechanismDefinition("distance-tree", Kernel: "taylor") }, "kernel"),
            (Definition() with { Mechanism = new MechanismDefinition("moment-tree", Alpha: 0.1) }, "alpha"),
            (Definition() with { Mechanism = new MechanismDefinition(Levels: "leaves") }, "levels must be root or all"),
            (Definition() with { Mechanism = new MechanismDefinition(BlockRows: 8) }, "blockRows, continual and slots belong to levels all"),
            (Definition() with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: 12) }, "blockRows must be a power of two between 1 and 1073741824"),
            (Definition() with { Mechanism = new MechanismDefinition(Levels: "all", Slots: "on-arrival") }, "slots belongs to continual stores"),
            (Definition() with { Mechanism = new MechanismDefinition("per-query", Levels: "all") }, "belong to moment-tree"),
            (Definition() with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: 1), Capacity = 1 << 22 }, "at most 1048576 are served: use larger blockRows"),
        ];
        foreach (var (definition, word) in cases)
        {
            var problem = await RefusedAsync(HttpMethod.Put, "/v1/stores/bad", _owner, HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, JsonContent.Create(definition));
            Assert.True(problem.Detail.Contains(word, StringComparison.OrdinalIgnoreCase), $"'{problem.Detail}' does not name {word}");
        }
        await RefusedAsync(HttpMethod.Put, "/v1/stores/bad", _owner, HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, Json("{\"keyDimension\":NaN}", "application/json"));
        await RefusedAsync(HttpMethod.Get, "/v1/stores/bad", _owner, HttpStatusCode.NotFound, ProblemCodes.NotFound);
    }

    [Fact]
    public async Task What_comes_too_early_or_from_the_wrong_one_is_refused()
    {
        var attend = Json("{\"queries\":[[0,0]]}", "application/json");
        await RefusedAsync(HttpMethod.Post, "/v1/stores/s/releases", _owner, HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, Json("{}", "application/json"));
        await RefusedAsync(HttpMethod.Post, "/v1/stores/s/attend", _user, HttpStatusCode.Conflict, ProblemCodes.NotPublished, attend);
        await RefusedAsync(HttpMethod.Post, "/v1/stores/nowhere/attend", _user, HttpStatusCode.NotFound, ProblemCodes.NotFound, attend);
        await RefusedAsync(HttpMethod.Post, "/v1/stores/slots/attend", _user, HttpStatusCode.NotFound, ProblemCodes.NotFound, attend);
        await RefusedAsync(HttpMethod.Get, "/v1/stores/s/budgets", _user, HttpStatusCode.Forbidden, ProblemCodes.Forbidden);
        await RefusedAsync(HttpMethod.Get, "/v1/stores/s/budgets", _other, HttpStatusCode.NotFound, ProblemCodes.NotFound);
        await RefusedAsync(HttpMethod.Get, "/v1/keys", _user, HttpStatusCode.Forbidden, ProblemCodes.Forbidden);
        await RefusedAsync(HttpMethod.Get, "/v1/audit", _owner, HttpStatusCode.Forbidden, ProblemCodes.Forbidden);
        await RefusedAsync(HttpMethod.Put, "/v1/stores/mine", _user, HttpStatusCode.Forbidden, ProblemCodes.Forbidden, JsonContent.Create(Definition()));
        await RefusedAsync(HttpMethod.Get, "/v1/stores", null, HttpStatusCode.Unauthorized, ProblemCodes.Unauthenticated);
        await RefusedAsync(HttpMethod.Get, "/v1/stores", _user[..^1] + (_user[^1] == 'A' ? 'B' : 'A'), HttpStatusCode.Unauthorized, ProblemCodes.Unauthenticated);
        await RefusedAsync(HttpMethod.Get, "/v1/stores", "nonsense", HttpStatusCode.Unauthorized, ProblemCodes.Unauthenticated);

        var owner = _cluster.Connect(_owner);
        await owner.AppendAsync("s", "b", new float[] { 0.5f, 0 }, new float[] { 0.5f }, 1);
        await owner.PublishAsync("s");
        foreach (var (queries, word) in new[] { ("[[0,2]]", "radius"), ("[[0]]", "2"), ("[]", "queries"), ("[[0,1e999]]", "queries") })
        {
            var problem = await RefusedAsync(
                HttpMethod.Post, "/v1/stores/s/attend", _user, HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, Json($"{{\"queries\":{queries},\"maxEpsilon\":1}}", "application/json"));
            Assert.Contains(word, problem.Detail, StringComparison.OrdinalIgnoreCase);
        }
        var closed = await RefusedAsync(HttpMethod.Post, "/v1/stores/s/attend", _user, HttpStatusCode.Conflict, ProblemCodes.NotOpened, attend);
        Assert.Equal([0.5, 1], closed.Prices!.Select(price => price.Epsilon));
        Assert.Equal(0, (await _cluster.Connect(_user).GetBudgetAsync("s")).SpentUnits);

        await _cluster.Connect(_cluster.OperatorKey!).RevokeKeyAsync(_userKeyId);
        await RefusedAsync(HttpMethod.Get, "/v1/stores", _user, HttpStatusCode.Unauthorized, ProblemCodes.Unauthenticated);
    }

    private static StoreDefinition Definition() => new()
    {
        KeyDimension = 2,
        ValueDimension = 1,
        Keys = new RegionBound(new BallBound(1)),
        Values = new ValueBoundStatement(Radius: 1),
        Ladder = [0.5, 1],
        Limit = 4,
        Capacity = 1_000_000,
    };

    private async Task<Problem> RefusedAsync(HttpMethod method, string path, string? key, HttpStatusCode status, string code, HttpContent? body = null, string? batch = null)
    {
        using var response = await SendAsync(method, path, key, body, batch);
        Assert.True(response.StatusCode == status, $"{method} {path}: {response.StatusCode} where {status} was expected: {await response.Content.ReadAsStringAsync()}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = await response.Content.ReadFromJsonAsync<Problem>();
        Assert.Equal(code, problem!.Code);
        return problem;
    }

    private Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? key, HttpContent? body = null, string? batch = null)
    {
        var request = new HttpRequestMessage(method, path) { Content = body };
        if (key is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (batch is not null)
            request.Headers.Add("Idempotency-Key", batch);
        return _http.SendAsync(request);
    }

    private static StringContent Json(string text, string type) => new(text, Encoding.UTF8, type);

    private static MultipartFormDataContent Npy(float[] keys, float[] values, int keyColumns = 2) => Multipart(NpyBytes(keys, keyColumns), NpyBytes(values, 1));

    private static MultipartFormDataContent Multipart(byte[] keys, byte[] values) => new()
    {
        { new ByteArrayContent(keys), "keys", "keys.npy" },
        { new ByteArrayContent(values), "values", "values.npy" },
    };

    private static byte[] NpyBytes(float[] numbers, int columns)
    {
        using var stream = new MemoryStream();
        Attention.IO.Npy.Write(stream, new Matrix<float>(numbers.Length / columns, columns, numbers));
        return stream.ToArray();
    }

    /// <summary>A header of one's own before zero bytes.</summary>
    private static byte[] Header(string dtype, string shape, int bytes)
    {
        var text = $"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)text.Length, 0, .. Encoding.ASCII.GetBytes(text), .. new byte[bytes]];
    }
}

/// <inheritdoc/>
public sealed class BadInputOverHttpTests : BadInputOverHttp
{
    private protected override Task<ClusterUnderTest> StartAsync(Action<ServerOptions> configure) => ClusterUnderTest.EmbeddedAsync(configure);
}

/// <inheritdoc/>
[Collection(nameof(SiloAndFront))]
public sealed class BadInputOverAFrontTests : BadInputOverHttp
{
    private protected override Task<ClusterUnderTest> StartAsync(Action<ServerOptions> configure) => SiloAndFront.StartAsync(configure);
}
