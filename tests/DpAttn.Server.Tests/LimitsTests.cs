using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Tests.Support;

namespace DpAttn.Server.Tests;

public sealed class LimitsTests
{
    private const string Query = """{"queries":[[1]]}""";

    /// <summary>Makes a call of the front door wait until it is let go.</summary>
    private static (SemaphoreSlim Reached, TaskCompletionSource Gate) Hold(FakeFrontDoor door, string method)
    {
        var reached = new SemaphoreSlim(0);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        door.AnswerAsync(method, async (_, token) =>
        {
            reached.Release();
            await gate.Task.WaitAsync(token);
            return Samples.Default(method);
        });
        return (reached, gate);
    }

    [Fact]
    public async Task Requests_beyond_the_places_and_the_queue_are_told_to_come_back()
    {
        await using var server = await ServerUnderTest.StartAsync(options => (options.MaxConcurrentRequests, options.RequestQueue) = (2, 1));
        var (reached, gate) = Hold(server.Door, nameof(IFrontDoor.GetStoreAsync));
        var working = new[] { server.Client.GetAsync("/v1/stores/s"), server.Client.GetAsync("/v1/stores/s") };
        await reached.WaitAsync();
        await reached.WaitAsync();
        var waiting = server.Client.GetAsync("/v1/stores/s");
        Problem problem;
        // Which of the two comes first is not ours to say: one of them waits, the other is refused.
        var other = server.Client.GetAsync("/v1/stores/s");
        var first = await Task.WhenAny(waiting, other);
        problem = await first.ProblemAsync(ProblemCodes.Busy);
        Assert.Contains("2 requests", problem.Detail);
        Assert.True(problem.Retryable);
        Assert.Equal("ok\n", await server.Admin.GetAsync("/readyz").TextAsync());
        gate.SetResult();
        foreach (var request in (Task<HttpResponseMessage>[])[.. working, first == waiting ? other : waiting])
            await request.TextAsync();
        await server.Client.GetAsync("/v1/stores/s").TextAsync();
    }

    [Fact]
    public async Task Batches_of_rows_have_fewer_places_and_leave_the_others_alone()
    {
        await using var server = await ServerUnderTest.StartAsync(options => (options.MaxConcurrentUploads, options.UploadQueue) = (1, 0));
        var (reached, gate) = Hold(server.Door, nameof(IFrontDoor.AppendAsync));
        var working = AppendAsync("b1");
        await reached.WaitAsync();
        var problem = await AppendAsync("b2").ProblemAsync(ProblemCodes.Busy);
        Assert.Contains("1 batches of rows", problem.Detail);
        await server.Client.PostAsync("/v1/stores/s/attend", Responses.JsonBody(Query)).TextAsync();
        gate.SetResult();
        await working.TextAsync(HttpStatusCode.Created);
        await AppendAsync("b3").TextAsync(HttpStatusCode.Created);

        async Task<HttpResponseMessage> AppendAsync(string batch)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/stores/s/rows") { Content = Responses.JsonBody("{\"key\":[1],\"value\":[1]}", "application/x-ndjson") };
            request.Headers.Add("Idempotency-Key", batch);
            return await server.Client.SendAsync(request);
        }
    }

    [Theory]
    [InlineData("""{"queries":[[1]]}""", ProblemCodes.ShardUnavailable)]
    [InlineData("""{"queries":[[1]],"tier":1}""", ProblemCodes.ChargeUnknown)]
    [InlineData("""{"queries":[[1]],"maxEpsilon":1}""", ProblemCodes.ChargeUnknown)]
    public async Task A_cluster_that_does_not_answer_in_time_leaves_no_charge_in_doubt_unsaid(string body, string code)
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.RequestTimeoutSeconds = 1);
        Hold(server.Door, nameof(IFrontDoor.AttendAsync));
        var problem = await server.Client.PostAsync("/v1/stores/s/attend", Responses.JsonBody(body)).ProblemAsync(code);
        Assert.Contains("within 1 s", problem.Detail);
        Assert.True(problem.Retryable);
    }

    [Fact]
    public async Task A_credential_that_nobody_looks_at_is_waited_for_no_longer_than_an_answer()
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.RequestTimeoutSeconds = 1);
        Hold(server.Door, nameof(IFrontDoor.AuthenticateAsync));
        var problem = await server.Client.PostAsync("/v1/stores/s/attend", Responses.JsonBody(Query)).ProblemAsync(ProblemCodes.ShardUnavailable);
        Assert.Contains("within 1 s", problem.Detail);
        Assert.True(problem.Retryable);
        Assert.DoesNotContain(server.Door.Calls, call => call.Method == nameof(IFrontDoor.AttendAsync));
    }

    /// <summary>Of two seconds a credential takes one and a half; three and a half together would be two deadlines.</summary>
    [Fact]
    public async Task Credential_and_answer_have_one_deadline_together()
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.RequestTimeoutSeconds = 2);
        TimeSpan? given = null;
        server.Door.AnswerAsync(nameof(IFrontDoor.AuthenticateAsync), async (_, cancellationToken) =>
        {
            await Task.Delay(1500, cancellationToken);
            return server.Door.Principal;
        });
        server.Door.AnswerAsync(nameof(IFrontDoor.AttendAsync), async (_, cancellationToken) =>
        {
            var began = Stopwatch.GetTimestamp();
            await Task.Delay(Timeout.Infinite, cancellationToken).ContinueWith(_ => given = Stopwatch.GetElapsedTime(began), TaskScheduler.Default);
            throw new OperationCanceledException(cancellationToken);
        });
        await server.Client.PostAsync("/v1/stores/s/attend", Responses.JsonBody(Query)).ProblemAsync(ProblemCodes.ShardUnavailable);
        // Half a second, on a machine that may do other things; it was two.
        Assert.InRange(given!.Value, TimeSpan.Zero, TimeSpan.FromSeconds(1.5));
    }

    [Fact]
    public async Task A_stopping_server_finishes_what_is_under_way()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var (reached, gate) = Hold(server.Door, nameof(IFrontDoor.AttendAsync));
        var asking = server.Client.PostAsync("/v1/stores/s/attend", Responses.JsonBody(Query));
        await reached.WaitAsync();
        var stopping = server.App.StopAsync();
        using var fresh = new HttpClient { BaseAddress = server.Address };
        // New connections are refused before the old request is done.
        for (var refused = false; !refused;)
        {
            try
            {
                using var response = await fresh.GetAsync("/v1/stores");
            }
            catch (HttpRequestException)
            {
                refused = true;
            }
        }
        Assert.False(stopping.IsCompleted);
        gate.SetResult();
        await asking.TextAsync();
        await stopping;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_caller_that_sends_far_too_much_still_hears_why(bool isChunked)
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.MaxBodyBytes = 1 << 20);
        for (var i = 0; i < 3; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/stores/s/rows") { Content = Arrays.Content(new byte[16 << 20], "application/x-npz") };
            request.Headers.Add("Idempotency-Key", "b1");
            request.Headers.TransferEncodingChunked = isChunked;
            await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.TooLarge);
        }
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task A_body_that_stops_coming_gives_its_place_back()
    {
        await using var server = await ServerUnderTest.StartAsync(options => (options.MaxConcurrentUploads, options.UploadQueue) = (1, 0));
        using var socket = new TcpClient();
        await socket.ConnectAsync(server.Address.Host, server.Address.Port);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/stores/s/rows HTTP/1.1\r\nHost: x\r\nX-Api-Key: {FakeFrontDoor.Key}\r\nIdempotency-Key: b1\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000\r\n\r\n{{}}"));
        using var reader = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 408 Request Timeout", await reader.ReadLineAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/stores/s/rows") { Content = Responses.JsonBody("{\"key\":[1],\"value\":[1]}", "application/x-ndjson") };
        request.Headers.Add("Idempotency-Key", "b2");
        await server.Client.SendAsync(request).TextAsync(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Headers_have_a_cap()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/stores") { Headers = { { "X-Padding", new string('x', 20_000) } } };
        using var response = await server.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.RequestHeaderFieldsTooLarge, response.StatusCode);
        Assert.Empty(server.Door.Calls);
    }
}
