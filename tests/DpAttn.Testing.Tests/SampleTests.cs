using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing.Tests;

/// <summary>The sample front end, as its page says to start it, before a real silo.</summary>
[Collection(nameof(SiloAndFront))]
public sealed class SampleTests
{
    [Fact]
    public async Task The_web_front_answers_in_the_name_of_whoever_asks()
    {
        var silo = await SiloAndFront.SiloAsync();
        await using var cluster = await SiloAndFront.StartAsync();
        var @operator = cluster.Connect(cluster.OperatorKey);
        var owner = cluster.Connect((await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner))).Key);
        var userKey = (await @operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User))).Key;
        await owner.EnsureStoreAsync("packages", new StoreDefinition
        {
            KeyDimension = 2,
            ValueDimension = 1,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Ladder = [1],
            Limit = 4,
            Capacity = 10,
        });
        await owner.AppendAsync("packages", "b", new float[] { 0.5f, 0.1f }, new float[] { 1 }, 1);
        await owner.PublishAsync("packages");
        await owner.GrantAsync("packages", "ulf", 1);
        var port = FreePort();
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "WebFront.dll"), "--urls", $"http://127.0.0.1:{port}", "--Cluster:Gateways", $"{silo.Gateway}", "--Cluster:Id", "pair"]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        try
        {
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(http, null)).Status);
            var closed = await AskAsync(http, userKey);
            Assert.Equal((HttpStatusCode.Conflict, ProblemCodes.NotOpened), (closed.Status, (string?)closed.Body!["code"]));
            var opened = await cluster.Connect(userKey).AttendAsync("packages", new float[] { 0.5f, 0.1f }, new AttendOptions { MaxEpsilon = 1 });
            var answer = await AskAsync(http, userKey);
            Assert.Equal((HttpStatusCode.OK, opened.Outputs[0][0]), (answer.Status, (double)answer.Body!["value"]![0]!));
            // Another user's key is another user; a key that is none is nobody.
            var stranger = (await @operator.CreateKeyAsync(new KeyRequest("uma", Roles.User))).Key;
            Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(http, stranger)).Status);
            Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(http, "dpattn_none")).Status);
            // A query in an address would be logged on its way.
            using var address = await http.GetAsync("/nearest?store=packages&q=0.5,0.1");
            Assert.Equal(HttpStatusCode.MethodNotAllowed, address.StatusCode);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
        var log = await process.StandardOutput.ReadToEndAsync();
        Assert.Contains("Now listening on", log, StringComparison.Ordinal);
        Assert.DoesNotContain("nearest", log, StringComparison.Ordinal);
        Assert.DoesNotContain("0.5,0.1", log, StringComparison.Ordinal);
    }

    private static async Task<(HttpStatusCode Status, JsonNode? Body)> AskAsync(HttpClient http, string? key)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/nearest") { Content = JsonContent.Create(new { store = "packages", q = (float[])[0.5f, 0.1f] }) };
                if (key is not null)
                    request.Headers.Authorization = new("Bearer", key);
                using var response = await http.SendAsync(request);
                return (response.StatusCode, response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) == true ? await response.Content.ReadFromJsonAsync<JsonNode>() : null);
            }
            catch (HttpRequestException) when (i < 600)
            {
                await Task.Delay(50);
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
