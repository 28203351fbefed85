using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using DpAttn.Contracts;
using DpAttn.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace DpAttn.Server.Tests.Telemetry;

/// <summary>A whole server that exports to a collector, and a day in its life: rows, publishes, answers, refusals and faults, with secrets wherever a secret may stand.</summary>
public sealed class TelemetryRun : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-telemetry-");
    private readonly WebApplication _server;
    private readonly HttpClient _http;
    private readonly Faults _ledger;
    private readonly Faults _blobs;
    private readonly List<string> _keys = [];
    private readonly List<string> _accounts = [];

    private TelemetryRun(Action<WebApplication>? map)
    {
        var options = new ServerOptions
        {
            DataDirectory = Path.Combine(_directory.FullName, "data"),
            Listen = "http://127.0.0.1:0",
            AdminListen = "http://127.0.0.1:0",
            OtlpEndpoint = Collector.Endpoint,
            OtlpProtocol = ServerOptions.OtlpHttp,
        };
        _server = DpAttnServer.Build(
            options,
            builder =>
            {
                builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Debug);
                EmbeddedCluster.Add(builder, options, _keys.Add);
                builder.Services.AddSingleton(provider => Faults.Before(provider.GetRequiredService<SqliteStorage>().Ledger));
                builder.Services.AddSingleton(provider => Faults.Before(provider.GetRequiredService<SqliteStorage>().Segments));
            },
            map);
        _ledger = (Faults)(object)_server.Services.GetRequiredService<IBudgetLedger>();
        _blobs = (Faults)(object)_server.Services.GetRequiredService<ISegmentStore>();
        _http = new HttpClient();
    }

    internal Collector Collector { get; } = new();

    /// <summary>Keys that the cluster made.</summary>
    public string[] Keys => [.. _keys];

    /// <summary>The accounts of those whom the first key made.</summary>
    public string[] Accounts => [.. _accounts];

    /// <summary>What the cluster made and no exporter may tell: the part of each key that is secret, and accounts.</summary>
    public string[] Made => [.. _keys.Select(key => key[^20..]), .. _accounts];

    public static async Task<TelemetryRun> StartAsync(Action<WebApplication>? map = null)
    {
        var run = new TelemetryRun(map);
        await run._server.StartAsync();
        run._http.BaseAddress = run._server.Services.GetRequiredService<ServerAddresses>().Api[0];
        return run;
    }

    /// <summary>What the scrape endpoint says.</summary>
    public async Task<string> ScrapeAsync() => await _http.GetStringAsync(new Uri(_server.Services.GetRequiredService<ServerAddresses>().Admin[0], "/metrics"));

    /// <summary>Lets everything out.</summary>
    public void Flush()
    {
        Assert.True(_server.Services.GetRequiredService<TracerProvider>().ForceFlush(10_000));
        // False where a reader is a scrape endpoint, which pushes nothing; the other has pushed by then.
        _ = _server.Services.GetRequiredService<MeterProvider>().ForceFlush(10_000);
        Assert.True(_server.Services.GetRequiredService<LoggerProvider>().ForceFlush(10_000));
    }

    /// <summary>The day.</summary>
    public async Task LiveAsync()
    {
        var owner = await NewKeyAsync(_keys[0], Secrets.Owner, Roles.Owner);
        var user = await NewKeyAsync(owner, Secrets.User, Roles.User);
        foreach (var (store, mechanism) in new[] { (Secrets.Store, "moment-tree"), (Secrets.Store + "-distance", "distance-tree"), (Secrets.Store + "-asked", "per-query") })
        {
            await ExpectAsync(201, owner, HttpMethod.Put, $"/v1/stores/{store}", $$"""
                {"keyDimension": 2, "valueDimension": 1, "keys": {"ball": { "radius": 1 } }, "values": { "entry": 1 }, "adjacency": "add-remove", "publicRows": 9000,
                 "mechanism": {"name": "{{mechanism}}" }, "ladder": [0.5, 1], "limit": 3, "delta": 1e-6, "capacity": 20000, "shards": 2}
                """);
            await ExpectAsync(201, owner, HttpMethod.Post, $"/v1/stores/{store}/rows", Rows(), request: Secrets.Batch, type: "application/x-ndjson");
            await ExpectAsync(400, owner, HttpMethod.Post, $"/v1/stores/{store}/rows", $"{{\"key\":[{Number(Secrets.RowNumber)}],\"value\":[\"{Secrets.Text}\"]}}", request: "other", type: "application/x-ndjson");
            await ExpectAsync(200, owner, HttpMethod.Post, "/v1/accounts/lookup", $"{{\"subject\": \"{Secrets.User}\"}}");
            await ExpectAsync(404, owner, HttpMethod.Delete, $"/v1/stores/{store}/rows/{Secrets.Text}/3");
            var account = await AccountAsync(owner);
            await ExpectAsync(200, owner, HttpMethod.Put, $"/v1/stores/{store}/budgets/{account}", """{"epsilon": 0.6}""");
            var isAsked = mechanism == "per-query";
            if (!isAsked)
            {
                await ExpectAsync(202, owner, HttpMethod.Post, $"/v1/stores/{store}/releases", "{}");
                await PublishedAsync(owner, store);
            }
            var query = $"\"queries\": [[{Number(Secrets.QueryNumber)}, 0.1]]{(isAsked ? "" : ", \"release\": \"r000001\"")}";
            // The ledger's failure quotes what a driver might.
            _ledger.Failing = [nameof(IBudgetLedger.OpenAsync), nameof(IBudgetLedger.ChargeAsync)];
            await ExpectAsync(503, user, HttpMethod.Post, $"/v1/stores/{store}/attend", $"{{{query}, \"tier\": 0}}", request: Secrets.Request + "-0");
            _ledger.Failing = [];
            if (isAsked)
            {
                _blobs.Failing = [nameof(ISegmentStore.ReadAsync), nameof(ISegmentStore.PutAsync)];
                await ExpectAsync(503, user, HttpMethod.Post, $"/v1/stores/{store}/attend", $"{{{query}, \"tier\": 0}}", request: Secrets.Request);
                _blobs.Failing = [];
            }
            await ExpectAsync(200, user, HttpMethod.Post, $"/v1/stores/{store}/attend", $"{{{query}, \"tier\": 0}}", request: Secrets.Request);
            await ExpectAsync(403, user, HttpMethod.Post, $"/v1/stores/{store}/attend", $"{{{query}, \"tier\": 1}}", request: Secrets.Request + "-1");
            await ExpectAsync(400, user, HttpMethod.Post, $"/v1/stores/{store}/attend", $"{{\"queries\": [[{Number(Secrets.QueryNumber)}, 7]]}}", request: "q");
            await ExpectAsync(400, user, HttpMethod.Post, $"/v1/stores/{store}/attend", $"{{\"queries\": [[\"{Secrets.Text}\"");
            if (!isAsked)
                await ExpectAsync(204, owner, HttpMethod.Delete, $"/v1/stores/{store}/releases/r000001");
        }
        await ExpectAsync(401, Secrets.OtherKey, HttpMethod.Get, $"/v1/stores/{Secrets.Text}?name={Secrets.Text}");
        await ExpectAsync(404, user, HttpMethod.Get, $"/{Secrets.Text}?name={Secrets.Text}");
        await ExpectAsync(404, user, HttpMethod.Get, $"/v1/stores/{Secrets.Text}");
    }

    public async Task<int> SendAsync(string key, HttpMethod method, string path, string? body = null, string? request = null, string type = "application/json")
    {
        using var message = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(type)) };
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        message.Headers.TryAddWithoutValidation("User-Agent", Secrets.Text);
        message.Headers.TryAddWithoutValidation("traceparent", $"00-{ActivityTraceId.CreateRandom()}-{ActivitySpanId.CreateRandom()}-01");
        message.Headers.TryAddWithoutValidation("tracestate", $"a={Secrets.Text}");
        message.Headers.TryAddWithoutValidation("baggage", $"a={Secrets.Text}");
        if (request is not null)
            message.Headers.Add("Idempotency-Key", request);
        using var response = await _http.SendAsync(message);
        LastBody = await response.Content.ReadAsStringAsync();
        return (int)response.StatusCode;
    }

    public string LastBody { get; private set; } = "";

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
        Collector.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task ExpectAsync(int status, string key, HttpMethod method, string path, string? body = null, string? request = null, string type = "application/json")
    {
        var answered = await SendAsync(key, method, path, body, request, type);
        Assert.True(status == answered, $"{method} {path}: {answered}, expected {status}: {LastBody}");
    }

    public async Task<string> NewKeyAsync(string key, string subject, string role)
    {
        await ExpectAsync(201, key, HttpMethod.Post, "/v1/keys", $"{{\"subject\": \"{subject}\", \"role\": \"{role}\"}}");
        var created = JsonDocument.Parse(LastBody).RootElement;
        var made = created.GetProperty("key").GetString()!;
        _keys.Add(made);
        _accounts.Add(created.GetProperty("account").GetString()!);
        return made;
    }

    private async Task<string> AccountAsync(string owner)
    {
        await ExpectAsync(200, owner, HttpMethod.Post, "/v1/accounts/lookup", $"{{\"subject\": \"{Secrets.User}\"}}");
        return JsonDocument.Parse(LastBody).RootElement.GetProperty("account").GetString()!;
    }

    private async Task PublishedAsync(string owner, string store)
    {
        for (var i = 0; ; i++)
        {
            await ExpectAsync(200, owner, HttpMethod.Get, $"/v1/stores/{store}/releases/r000001");
            var state = JsonDocument.Parse(LastBody).RootElement.GetProperty("state").GetString();
            if (state == "published")
                return;
            Assert.True(state == "publishing" && i < 600, LastBody);
            await Task.Delay(50);
        }
    }

    private static string Number(double number) => number.ToString("R", CultureInfo.InvariantCulture);

    private static string Rows()
    {
        var lines = new StringBuilder();
        for (var i = 0; i < Secrets.Slots; i++)
            lines.Append(i < Secrets.Rows ? $"{{\"key\":[{Number(Secrets.RowNumber)},0.2],\"value\":[{Number(Secrets.ValueNumber)}]}}\n" : "{}\n");
        return lines.ToString();
    }
}
