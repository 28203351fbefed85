using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing.Tests;

/// <summary>A per-query store over HTTP against a whole embedded server: real rows, restarts, and what requests that cannot be are told.</summary>
public sealed class PerQueryOverHttpTests : IDisposable
{
    private const int Copies = 300;
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-per-query-");

    public void Dispose() => _directory.Delete(recursive: true);

    /// <summary>
    /// 320 numbers at epsilon 4 for 20 queries: fewer than 85 % within their 95 % intervals has a chance below 1e-9 if numbers were independent; numbers of one query share
    /// their denominator's noise, which 20 queries outweigh.
    /// </summary>
    [Fact]
    public async Task Sharp_attention_over_real_rows_is_near_the_exact_one()
    {
        const int Queries = 20;
        const double Scale = 8;
        Matrix<float> keys = Packages("keys.npy"), values = Packages("values.npy"), queries = Packages("queries.npy");
        await using var cluster = await DpAttnTestCluster.StartAsync();
        var (owner, user) = (await cluster.CreateClientAsync(Roles.Owner, "olga"), await cluster.CreateClientAsync(Roles.User, "ulf"));
        await owner.EnsureStoreAsync("packages", new StoreDefinition
        {
            KeyDimension = 64,
            ValueDimension = 16,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Scale = Scale,
            Mechanism = new MechanismDefinition("per-query"),
            Ladder = [1, 4],
            Limit = 12,
            Capacity = 100_000,
        });
        const int Batch = 10_000;
        for (var start = 0; start < keys.Rows; start += Batch)
        {
            var count = Math.Min(Batch, keys.Rows - start);
            await owner.AppendAsync("packages", $"b{start}", keys.Data.AsMemory(start * 64, count * 64), values.Data.AsMemory(start * 16, count * 16), count, clip: true);
        }
        await owner.GrantAsync("packages", "ulf", 10);
        var asked = queries.Data.AsMemory(0, Queries * 64);
        var answer = await user.AttendAsync("packages", asked, Queries, new AttendOptions { MaxEpsilon = 5, IdempotencyKey = "real", Clip = true });
        Assert.Equal((1, 4.0, 4.0, false), (answer.Privacy.Tier, answer.Privacy.TierEpsilon, answer.Privacy.Charged, answer.Privacy.Replayed));

        var exact = new ExactAttention<float>(keys, values, Scale).Attend(new Matrix<float>(Queries, 64, asked.ToArray()));
        var within = 0;
        for (var i = 0; i < Queries; i++)
        {
            for (var j = 0; j < 16; j++)
                within += exact[i, j] >= answer.IntervalLow[i][j] && exact[i, j] <= answer.IntervalHigh[i][j] ? 1 : 0;
        }
        Assert.InRange(within, (int)(0.85 * Queries * 16), Queries * 16);
        // The intervals say something: the noise is far below the values' own size.
        Assert.InRange(answer.NoiseDeviations.SelectMany(row => row).Average(x => x!.Value), 1e-6, 0.2);

        var again = await user.AttendAsync("packages", asked, Queries, new AttendOptions { MaxEpsilon = 5, IdempotencyKey = "real", Clip = true });
        Assert.Equal(answer.Outputs, again.Outputs);
        Assert.Equal(answer.NoiseDeviations, again.NoiseDeviations);
        Assert.Equal((true, 0.0), (again.Privacy.Replayed, again.Privacy.Charged));
        Assert.Equal(4, (await user.GetBudgetAsync("packages")).Spent, 1e-6);
    }

    [Fact]
    public async Task A_retry_after_a_restart_gets_the_same_bytes_for_nothing()
    {
        string userKey;
        (string Figures, JsonNode Privacy) first;
        const string Body = """{"queries":[[0.5,0.25],[1,0]],"tier":1}""";
        await using (var cluster = await StartAsync())
        {
            userKey = await LoadAsync(cluster);
            first = await AskAsync(cluster, userKey, Body, "ask-1");
            Assert.Equal((1, 1.0, 1e-6, false), (first.Privacy["tier"]!.GetValue<int>(), first.Privacy["charged"]!.GetValue<double>(), first.Privacy["delta"]!.GetValue<double>(), first.Privacy["replayed"]!.GetValue<bool>()));
            Assert.Null(first.Privacy["release"]);
        }
        await using var restarted = await StartAsync();
        var again = await AskAsync(restarted, userKey, Body, "ask-1", isReplay: true);
        Assert.Equal(first.Figures, again.Figures);
        Assert.Equal((0.0, true), (again.Privacy["charged"]!.GetValue<double>(), again.Privacy["replayed"]!.GetValue<bool>()));
        // Rows were not loaded for it; they are for the next one.
        Assert.NotEqual(first.Figures, (await AskAsync(restarted, userKey, Body, "ask-2")).Figures);
    }

    [Fact]
    public async Task Requests_that_cannot_be_are_told_why_and_cost_nothing()
    {
        await using var cluster = await StartAsync();
        var user = await LoadAsync(cluster);
        const string Fine = """{"queries":[[1,0]],"tier":1}""";
        foreach (var (body, key, status, code, words) in new[]
        {
            (Fine, null, HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, "Idempotency-Key"),
            ("""{"queries":[[1,0]]}""", null, HttpStatusCode.Conflict, ProblemCodes.NotOpened, "charged"),
            ("""{"queries":[[1,0]],"maxEpsilon":0.1}""", "k", HttpStatusCode.Conflict, ProblemCodes.NotOpened, "maxEpsilon"),
            ("""{"queries":[[1,0]],"release":"r1","tier":1}""", "k", HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, "no releases"),
            ("""{"queries":[[1,0]],"tier":7}""", "k", HttpStatusCode.NotFound, ProblemCodes.NotFound, "tiers 0 to 2"),
            ("""{"queries":[[2,0]],"tier":1}""", "k", HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, "query 0"),
            ("""{"queries":[[1,0,0]],"tier":1}""", "k", HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, "3"),
        })
        {
            using var response = await SendAsync(cluster, user, body, key);
            var problem = (await response.Content.ReadFromJsonAsync<Problem>())!;
            Assert.Equal((status, code), (response.StatusCode, problem.Code));
            Assert.Contains(words, problem.Detail, StringComparison.Ordinal);
            Assert.DoesNotContain(response.Headers, header => header.Key.StartsWith("Privacy-", StringComparison.Ordinal));
        }
        var client = cluster.Connect(user);
        Assert.Equal(0, (await client.GetBudgetAsync("s")).SpentUnits);
        await AskAsync(cluster, user, Fine, "k");
        using var conflict = await SendAsync(cluster, user, Fine.Replace("1,0", "0,1"), "k");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, conflict.StatusCode);
        Assert.Equal(1, (await client.GetBudgetAsync("s")).Spent, 1e-6);
    }

    [Fact]
    public async Task A_refusal_by_the_stores_limit_has_no_amounts_in_body_or_headers()
    {
        await using var cluster = await StartAsync();
        var user = await LoadAsync(cluster, storeLimit: 1);
        await AskAsync(cluster, user, """{"queries":[[1,0]],"tier":1}""", "first");
        using var response = await SendAsync(cluster, user, """{"queries":[[1,0]],"tier":0}""", "second");
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        var members = JsonNode.Parse(await response.Content.ReadAsStringAsync())!.AsObject().Select(member => member.Key);
        Assert.Equal(["code", "delta", "detail", "retryable", "status", "title", "traceId", "type"], members.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(response.Headers, header => header.Key.StartsWith("Privacy-", StringComparison.Ordinal));
    }

    private Task<DpAttnTestCluster> StartAsync() => DpAttnTestCluster.StartAsync(_directory.FullName);

    private static float[] Repeated(float[] numbers) => [.. Enumerable.Repeat(numbers, Copies).SelectMany(copy => copy)];

    /// <summary>A store of three rows, many times over, and a user who may ask it.</summary>
    private static async Task<string> LoadAsync(DpAttnTestCluster cluster, double storeLimit = 8)
    {
        var owner = await cluster.CreateClientAsync(Roles.Owner, "olga");
        await owner.EnsureStoreAsync("s", new StoreDefinition
        {
            KeyDimension = 2,
            ValueDimension = 1,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Mechanism = new MechanismDefinition("per-query"),
            Ladder = [0.5, 1, 2],
            Limit = storeLimit,
            Capacity = 1000,
        });
        // Enough of them that answers are not all noise: two that are clipped to the value bound could not be told apart.
        await owner.AppendAsync("s", "b", Repeated([0.5f, 0, 0, 0.5f, 0, 0]), Repeated([1, -1, 0]), 3 * Copies);
        var key = (await cluster.Connect(cluster.OperatorKey!).CreateKeyAsync(new KeyRequest("ulf", Roles.User))).Key;
        await owner.GrantAsync("s", "ulf", 6);
        return key;
    }

    /// <summary>The figures as they were sent, byte by byte, and the privacy record.</summary>
    private static async Task<(string Figures, JsonNode Privacy)> AskAsync(DpAttnTestCluster cluster, string credential, string body, string key, bool isReplay = false)
    {
        using var response = await SendAsync(cluster, credential, body, key);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        Assert.Equal(isReplay, response.Headers.Contains("Idempotency-Replayed"));
        Assert.False(response.Headers.Contains("Privacy-Release"));
        var privacy = text.IndexOf(",\"privacy\":", StringComparison.Ordinal);
        using var whole = JsonDocument.Parse(text);
        Assert.False(whole.RootElement.TryGetProperty("indistinguishableFromMean", out _));
        return (text[..privacy], JsonNode.Parse(whole.RootElement.GetProperty("privacy").GetRawText())!);
    }

    private static async Task<HttpResponseMessage> SendAsync(DpAttnTestCluster cluster, string credential, string body, string? key)
    {
        using var http = new HttpClient { BaseAddress = cluster.Endpoint };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/stores/s/attend") { Content = new StringContent(body, new MediaTypeHeaderValue("application/json")) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", credential);
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        return await http.SendAsync(request);
    }

    private static Matrix<float> Packages(string file)
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "DpAttnCluster.sln")))
            directory = directory.Parent;
        var path = directory?.Parent is { } beside ? Path.Combine(beside.FullName, "shared", "data", "packages", file) : null;
        if (path is null || !File.Exists(path))
            Assert.Skip($"../shared/data/packages/{file} is not there");
        return Npy.ReadMatrix(path!).Single!;
    }
}
