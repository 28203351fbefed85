using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Tests.Support;
using Microsoft.Extensions.Logging;

namespace DpAttn.Server.Tests;

public sealed class LoggingTests
{
    private const string Subject = "planted-subject@example.org";
    private const string PlantedKey = "dpk_planted_9f8e7d";
    private const string Number = "0.8714159265";
    private const string Text = "planted-text";

    /// <summary>Sends secrets wherever a caller may put them, in good requests and bad ones, while every category logs at its lowest level.</summary>
    [Fact]
    public async Task No_subject_key_query_or_row_is_ever_logged()
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.MaxJsonLineBytes = 1024);
        var number = double.Parse(Number, System.Globalization.CultureInfo.InvariantCulture);
        server.Door.Answer(nameof(IFrontDoor.CreateKeyAsync), _ => new KeyCreated("key-1", PlantedKey, "acc-2", Roles.User));
        server.Door.Answer(nameof(IFrontDoor.AttendAsync), _ => new AttendResult([Samples.Answer([number])], Samples.Privacy));
        await SendAsync(HttpMethod.Post, "/v1/keys", Responses.JsonBody(new KeyRequest(Subject, Roles.User)));
        await SendAsync(HttpMethod.Post, "/v1/keys", Responses.JsonBody($"{{\"subject\":\"{Subject}\",\"{Text}\":1}}"));
        await SendAsync(HttpMethod.Post, "/v1/keys", Responses.JsonBody($"{{\"subject\":\"{Subject}\" {Text}"));
        await SendAsync(HttpMethod.Post, "/v1/accounts/lookup", Responses.JsonBody(new AccountLookup(Subject)));
        await SendAsync(HttpMethod.Post, "/v1/stores/s/attend", Responses.JsonBody($"{{\"queries\":[[{Number}]]}}"));
        await SendAsync(HttpMethod.Post, "/v1/stores/s/attend", Responses.JsonBody($"{{\"queries\":[[{Number},\"{Text}\"]]}}"));
        await SendAsync(HttpMethod.Post, "/v1/stores/s/attend", Arrays.Content(Arrays.Npy(1, 1, number), "application/x-npy"), accept: "application/x-npz");
        await SendAsync(HttpMethod.Post, "/v1/stores/s/rows", Responses.JsonBody($"{{\"key\":[{Number}],\"value\":[{Number}]}}", "application/x-ndjson"));
        await SendAsync(HttpMethod.Post, "/v1/stores/s/rows", Responses.JsonBody($"{{\"key\":[{Number}],\"value\":[\"{Text}\"]}}", "application/x-ndjson"));
        await SendAsync(HttpMethod.Post, "/v1/stores/s/rows", Responses.JsonBody($"{{\"key\":[{Number}],\"value\":[1]}}".PadRight(2000), "application/x-ndjson"));
        await SendAsync(HttpMethod.Post, "/v1/stores/s/rows", Arrays.Parts(("keys", Arrays.Npy(1, 1, number)), (Text, Encoding.UTF8.GetBytes(Text))));
        await SendAsync(HttpMethod.Post, "/v1/stores/s/rows", Arrays.Content(Arrays.Npz(CompressionLevel.Optimal, (Text + ".npy", Encoding.UTF8.GetBytes(Number))), "application/zip"));
        await SendAsync(HttpMethod.Put, "/v1/stores/s", Responses.JsonBody($"{{\"keyDimension\":{Number}}}"));
        foreach (var failure in (Exception[])[
            new InvalidOperationException($"{Subject} {PlantedKey} {Number}", new FormatException(Text)),
            new ProblemException(ProblemCodes.LedgerUnavailable, "the ledger is gone", new IOException(Text)),
            new ProblemException(ProblemCodes.InvalidRequest, "the name is taken", new ArgumentException(Subject)),
            new ArgumentException(Subject), new TimeoutException(Text)])
        {
            server.Door.Throw(nameof(IFrontDoor.CreateKeyAsync), failure);
            server.Door.Throw(nameof(IFrontDoor.AttendAsync), failure);
            await SendAsync(HttpMethod.Post, "/v1/keys", Responses.JsonBody(new KeyRequest(Subject, Roles.User)));
            await SendAsync(HttpMethod.Post, "/v1/stores/s/attend", Responses.JsonBody($"{{\"queries\":[[{Number}]]}}"));
        }
        foreach (var credential in (AuthenticationHeaderValue[])[new("Bearer", PlantedKey), new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("x:" + PlantedKey)))])
        {
            foreach (var path in (string[])["/v1/stores", "/docs/"])
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Authorization = credential } };
                using var response = await server.Anonymous.SendAsync(request);
                Assert.Equal(401, (int)response.StatusCode);
            }
        }

        var entries = server.Log.Entries.ToList();
        // Both the server's own log and the framework's were listened to.
        Assert.Contains(entries, entry => entry.Category == "DpAttn.Server" && entry.Level == LogLevel.Information);
        Assert.Contains(entries, entry => entry.Category == "DpAttn.Server" && entry.Level == LogLevel.Error);
        Assert.Contains(entries, entry => entry.Category.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) && entry.Level <= LogLevel.Debug);
        foreach (var (category, level, text) in entries)
        {
            foreach (var secret in (string[])[Subject, PlantedKey, FakeFrontDoor.Key, Number, Text])
                Assert.False(text.Contains(secret, StringComparison.OrdinalIgnoreCase), $"{category} logged {secret} at {level}: {text}");
        }

        async Task SendAsync(HttpMethod method, string path, HttpContent content, string accept = "*/*")
        {
            using var request = new HttpRequestMessage(method, path) { Content = content, Headers = { { "Accept", accept }, { "Idempotency-Key", "b1" } } };
            using var response = await server.Client.SendAsync(request);
        }
    }

    [Fact]
    public async Task A_refusal_is_logged_by_code_route_and_trace_not_by_path()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Throw(nameof(IFrontDoor.GetStoreAsync), new ProblemException(ProblemCodes.NotFound, "no such store"));
        var problem = await server.Client.GetAsync("/v1/stores/somebodys-name").ProblemAsync(ProblemCodes.NotFound);
        var entry = Assert.Single(server.Log.Entries, entry => entry.Category == "DpAttn.Server" && entry.Text.Contains("not_found", StringComparison.Ordinal));
        Assert.Contains($"404 not_found: GET /v1/stores/{{store}}, trace {problem.TraceId}", entry.Text);
    }

    [Fact]
    public async Task A_callers_trace_is_the_trace_of_the_problem()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/nowhere") { Headers = { { "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } } };
        var problem = await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.NotFound);
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", problem.TraceId);
    }

    [Fact]
    public async Task By_default_a_served_request_leaves_no_line()
    {
        await using var server = await ServerUnderTest.StartAsync();
        await server.Client.GetAsync("/v1/stores").TextAsync();
        Assert.DoesNotContain(server.Log.Entries, entry => entry.Category == "DpAttn.Server" && entry.Text.Contains("/v1/stores", StringComparison.Ordinal));
    }
}
