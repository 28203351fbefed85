using System.Text;
using System.Text.Json;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Contracts;
using DpAttn.Privacy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace DpAttn.Benchmarks.Server;

/// <summary>
/// HTTP attend against an endpoint of the same server that parses and returns bodies of the same size and does nothing else; and batches of 512
/// against the library's own rate.
/// </summary>
internal static class AttendRatio
{
    private const int Rows = 20_000;
    private const int Connections = 4;
    private const int RequestsPerTurn = 8000;
    private const int Batch = 512;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        byte[] answer = [];
        AttendResponse? response = null;
        await using var cluster = await BenchCluster.StartAsync(Rows, map: server =>
        {
            server.MapPost("/v1/echo-bytes", context => EchoBytesAsync(context, answer));
            server.MapPost("/v1/echo", context => EchoAsync(context, response!));
        });
        var query = Data.UnitRows(1, BenchStore.Dimension, 7);
        var body = Encoding.UTF8.GetBytes($"{{\"queries\":[[{string.Join(',', query.Data.Select(x => ((double)x).ToString("R")))}]]}}");
        var attendPath = $"/v1/stores/{BenchStore.Name}/attend";
        using (var probe = new HttpClient())
            answer = await ProbeAsync(probe, cluster, attendPath, body);
        response = JsonSerializer.Deserialize<AttendResponse>(answer, Json);
        Console.WriteLine($"  request {body.Length} bytes, answer {answer.Length} bytes, {Connections} connections");
        using var attend = new Team(() => new RawHttp(cluster.Endpoint, attendPath, cluster.UserKey, "application/json", body));
        using var echo = new Team(() => new RawHttp(cluster.Endpoint, "/v1/echo", cluster.UserKey, "application/json", body));
        using var bytes = new Team(() => new RawHttp(cluster.Endpoint, "/v1/echo-bytes", cluster.UserKey, "application/json", body));
        var ratio = PairedRatio.Run($"echo, {RequestsPerTurn} requests", echo.Turn, $"attend, {RequestsPerTurn} requests", attend.Turn);
        Console.WriteLine($"  attend reaches {ratio:P0} of the rate of an endpoint that parses such a query and returns such an answer (at least 60 % is asked for)");
        var stricter = PairedRatio.Run($"echo of ready bytes, {RequestsPerTurn} requests", bytes.Turn, $"attend, {RequestsPerTurn} requests", attend.Turn);
        Console.WriteLine($"  attend reaches {stricter:P0} of the rate of one that parses the query and returns ready bytes, which formats no number");

        BatchRatio(cluster, attendPath);
    }

    private static void BatchRatio(BenchCluster cluster, string attendPath)
    {
        var queries = Data.UnitRows(Batch, BenchStore.Dimension, 9);
        using var npy = new MemoryStream();
        Npy.Write(npy, queries);
        using var http = new RawHttp(cluster.Endpoint, attendPath, cluster.UserKey, "application/x-npy", npy.ToArray(), accept: "application/x-npy");
        var parameters = Data.UnitBallParameters(Rows, BenchStore.Dimension, BenchStore.Dimension, 2);
        var sums = MomentAccumulator.Sum(parameters, RowSet.Create(Data.UnitRows(2000, BenchStore.Dimension, 1), Data.UnitRows(2000, BenchStore.Dimension, 2)));
        var ladder = MomentRelease.Calibrate(parameters, [new Epsilon(1)], new Delta(1e-6));
        var answerer = new MomentAnswerer(MomentRelease.Publish(sums, ladder, ReleaseKey.NewSecret()).Tiers[0]);
        var wide = new Matrix<double>(Batch, BenchStore.Dimension, Array.ConvertAll(queries.Data, x => (double)x));
        var ratio = PairedRatio.Run($"library, a batch of {Batch}", () => answerer.Answer(wide), $"HTTP .npy, a batch of {Batch}", () => http.Ask());
        Console.WriteLine($"  HTTP reaches {ratio:P0} of the library's rate (at least 50 % is asked for)");
    }

    private static async Task<byte[]> ProbeAsync(HttpClient http, BenchCluster cluster, string path, byte[] body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(cluster.Endpoint, path)) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Authorization = new("Bearer", cluster.UserKey);
        using var response = await http.SendAsync(request);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsByteArrayAsync();
    }

    /// <summary>Parses a query and returns an answer, as a plain endpoint does: the framework's serialiser both ways.</summary>
    private static async Task EchoAsync(HttpContext context, AttendResponse response)
    {
        var request = await context.Request.ReadFromJsonAsync<AttendRequest>(Json);
        if (request!.Queries[0].Count != BenchStore.Dimension)
            throw new InvalidOperationException("not the benchmark's query");
        await context.Response.WriteAsJsonAsync(response, Json);
    }

    /// <summary>Parses the numbers of the request and returns a body of the answer's size.</summary>
    private static async Task EchoBytesAsync(HttpContext context, byte[] answer)
    {
        using var parsed = await JsonDocument.ParseAsync(context.Request.Body);
        var numbers = parsed.RootElement.GetProperty("queries")[0].EnumerateArray().Select(number => number.GetDouble()).ToArray();
        if (numbers.Length != BenchStore.Dimension)
            throw new InvalidOperationException("not the benchmark's query");
        context.Response.ContentType = "application/json";
        await context.Response.BodyWriter.WriteAsync(answer);
    }

    /// <summary>Connections that share a turn's requests.</summary>
    private sealed class Team(Func<RawHttp> connect) : IDisposable
    {
        private readonly RawHttp[] _connections = [.. Enumerable.Range(0, Connections).Select(_ => connect())];

        public void Turn() => Task.WaitAll([.. _connections.Select(connection => Task.Factory.StartNew(
            () =>
            {
                for (var i = 0; i < RequestsPerTurn / Connections; i++)
                    connection.Ask();
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))]);

        public void Dispose()
        {
            foreach (var connection in _connections)
                connection.Dispose();
        }
    }
}
