using DpAttn.Attention;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Server.Http;
using DpAttn.Server.Tests.Support;
using DpAttn.Storage;

namespace DpAttn.Server.Tests;

public sealed class ProblemTests
{
    public static TheoryData<string> Codes => [.. typeof(ProblemCodes).GetFields().Select(constant => (string)constant.GetRawConstantValue()!)];

    [Fact]
    public void Every_code_has_one_line_in_the_table() =>
        Assert.Equal(Codes.Select(row => row.Data).Order(), ProblemTable.All.Select(kind => kind.Code).Order());

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task Every_code_leaves_with_its_status_and_the_front_doors_words(string code)
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Throw(nameof(IFrontDoor.AttendAsync), new ProblemException(code, "what, where and the bound"));
        var sending = server.Client.PostAsync("/v1/stores/s/attend", Responses.JsonBody("""{"queries":[[1,2,3]]}"""));
        // Names that are taken and rows in releases are no matter of attend.
        var status = code is ProblemCodes.Conflict or ProblemCodes.RowPublished ? ProblemTable.Of(code).Status : (int?)null;
        var problem = await sending.ProblemAsync(code, status);
        Assert.Equal(code == ProblemCodes.InternalError ? ProblemTranslator.InternalDetail : "what, where and the bound", problem.Detail);
        Assert.Null(problem.Requested);
        Assert.Null(problem.Prices);
    }

    [Fact]
    public async Task A_refusal_carries_its_amounts()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Throw(nameof(IFrontDoor.AttendAsync), new ProblemException(ProblemCodes.BudgetExhausted, "too much")
        {
            Requested = 2,
            Remaining = 0.5,
            ShortBy = 1.25,
            Delta = 1e-6,
            Affordable = new TierPrice(0, 0.4, 1e-6, "rel-1"),
        });
        var problem = await server.Client.PostAsync("/v1/stores/s/attend", Responses.JsonBody("""{"queries":[[1]],"tier":2}""")).ProblemAsync(ProblemCodes.BudgetExhausted);
        Assert.Equal((2, 0.5, 1.25, 1e-6), (problem.Requested, problem.Remaining, problem.ShortBy, problem.Delta));
        Assert.Equal(new TierPrice(0, 0.4, 1e-6, "rel-1"), problem.Affordable);

        server.Door.Throw(nameof(IFrontDoor.AttendAsync), new ProblemException(ProblemCodes.NotOpened, "open one") { Prices = [new TierPrice(1, 1, 1e-6, "rel-1")] });
        problem = await server.Client.PostAsync("/v1/stores/s/attend", Responses.JsonBody("""{"queries":[[1]]}""")).ProblemAsync(ProblemCodes.NotOpened);
        Assert.Equal([new TierPrice(1, 1, 1e-6, "rel-1")], problem.Prices!);
    }

    [Fact]
    public async Task An_unbounded_amount_is_left_out_rather_than_breaking_the_problem()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Throw(nameof(IFrontDoor.AttendAsync), new ProblemException(ProblemCodes.BudgetExhausted, "too much") { Requested = double.PositiveInfinity, Remaining = 1 });
        var problem = await server.Client.PostAsync("/v1/stores/s/attend", Responses.JsonBody("""{"queries":[[1]]}""")).ProblemAsync(ProblemCodes.BudgetExhausted);
        Assert.Null(problem.Requested);
        Assert.Equal(1, problem.Remaining);
    }

    [Theory]
    [InlineData("Production")]
    [InlineData("Development")]
    public async Task A_fault_tells_nothing_but_its_trace(string environment)
    {
        await using var server = await ServerUnderTest.StartAsync(configure: builder => builder.Environment.EnvironmentName = environment);
        server.Door.Throw(nameof(IFrontDoor.GetStoreAsync), new InvalidOperationException("secret-connection-string", new FormatException("secret-inner")));
        using var response = await server.Client.GetAsync("/v1/stores/s");
        var text = await response.Content.ReadAsStringAsync();
        Assert.DoesNotContain("secret", text);
        Assert.DoesNotContain("InvalidOperation", text);
        var problem = await Task.FromResult(response).ProblemAsync(ProblemCodes.InternalError);
        var entry = Assert.Single(server.Log.Entries, entry => entry.Level >= Microsoft.Extensions.Logging.LogLevel.Error);
        Assert.Contains(problem.TraceId, entry.Text);
        Assert.Contains("InvalidOperationException", entry.Text);
        Assert.Contains("FormatException", entry.Text);
        Assert.DoesNotContain("secret", entry.Text);
    }

    public static TheoryData<string, Exception, string> StorageFailures => new()
    {
        { "releases", new StorageFullException("write"), ProblemCodes.StorageFull },
        { "releases", new StorageBusyException("write"), ProblemCodes.Busy },
        { "releases", new StorageOutcomeUnknownException("write"), ProblemCodes.ChargeUnknown },
        { "releases", new StorageUnavailableException("read"), ProblemCodes.ShardUnavailable },
        { "releases", new StorageCorruptException("read"), ProblemCodes.InternalError },
        { "releases", new StorageRefusedException("open"), ProblemCodes.InternalError },
        { "releases", new TimeoutException("grain"), ProblemCodes.ChargeUnknown },
        { "releases", new NotSupportedException("bug"), ProblemCodes.InternalError },
        { "attend", new StorageUnavailableException("read"), ProblemCodes.LedgerUnavailable },
    };

    [Theory]
    [MemberData(nameof(StorageFailures))]
    public async Task A_storage_that_fails_says_whether_to_retry(string resource, Exception failure, string code)
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Throw(nameof(IFrontDoor.PublishAsync), failure);
        server.Door.Throw(nameof(IFrontDoor.AttendAsync), failure);
        var body = Responses.JsonBody(resource == "attend" ? """{"queries":[[1]]}""" : "{}");
        await server.Client.PostAsync($"/v1/stores/s/{resource}", body).ProblemAsync(code);
    }

    [Fact]
    public async Task What_the_library_refuses_is_told_in_its_own_words()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.SetBudgetAsync), _ => Epsilon.Budget(201));
        var problem = await server.Client.PutAsync("/v1/stores/s/budgets/a", Responses.JsonBody(new LimitRequest(201))).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains("200", problem.Detail);
        Assert.DoesNotContain("Parameter", problem.Detail);
        Assert.DoesNotContain("\n", problem.Detail);

        server.Door.Answer(nameof(IFrontDoor.GetStoreAsync), _ => new Matrix<double>(1, 2, new double[3]));
        problem = await server.Client.GetAsync("/v1/stores/s").ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Equal("a matrix of 1 x 2 needs 2 elements, not 3", problem.Detail);

        server.Door.Answer(nameof(IFrontDoor.GetStoreAsync), _ => new Matrix<double>(-1, 2, []));
        problem = await server.Client.GetAsync("/v1/stores/s").ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.StartsWith("rows", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_argument_exception_of_anything_else_is_a_fault()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.GetStoreAsync), _ => new Dictionary<string, int> { { "a", 1 }, { "a", 2 } });
        await server.Client.GetAsync("/v1/stores/s").ProblemAsync(ProblemCodes.InternalError);
    }

    [Fact]
    public void Only_the_first_line_of_a_message_is_told()
    {
        Assert.Equal("rows ('-1') must be at least 0.", ProblemTranslator.FirstLine("rows ('-1') must be at least 0. (Parameter 'rows')\nActual value was -1."));
        Assert.Equal("as it is (Parameter 'x') here", ProblemTranslator.FirstLine("as it is (Parameter 'x') here"));
    }

    [Fact]
    public async Task A_method_that_a_path_does_not_know_is_405_with_those_it_does()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await server.Client.PostAsync("/v1/stores/s", null);
        Assert.Equal(["DELETE", "GET", "PUT"], response.Content.Headers.Allow.Order());
        var problem = await Task.FromResult(response).ProblemAsync(ProblemCodes.InvalidRequest, 405);
        Assert.Contains("PUT", problem.Detail);
    }

    [Theory]
    [InlineData("PUT", "/v1/stores/s", "application/json")]
    [InlineData("POST", "/v1/stores/s/rows", "application/x-ndjson")]
    [InlineData("POST", "/v1/stores/s/attend", "application/x-npy")]
    [InlineData("POST", "/v1/stores/s/releases", "application/json")]
    [InlineData("POST", "/v1/keys", "application/json")]
    public async Task A_body_of_another_media_type_is_415_with_those_that_are_read(string method, string path, string supported)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = Responses.JsonBody("{}", "text/plain") };
        request.Headers.Add("Idempotency-Key", "b1");
        var problem = await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.InvalidRequest, 415);
        Assert.Contains(supported, problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task A_body_without_a_media_type_is_415_where_one_is_needed()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/stores/s") { Content = new ByteArrayContent("{}"u8.ToArray()) };
        await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.InvalidRequest, 415);
    }

    [Fact]
    public async Task A_caller_that_goes_away_is_no_fault()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var reached = new TaskCompletionSource();
        var left = new TaskCompletionSource();
        server.Door.AnswerAsync(nameof(IFrontDoor.GetStoreAsync), async (_, token) =>
        {
            reached.SetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, token);
            }
            finally
            {
                left.SetResult();
            }
            return null;
        });
        using var impatience = new CancellationTokenSource();
        var asking = server.Client.GetAsync("/v1/stores/s", impatience.Token);
        await reached.Task;
        await impatience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await left.Task.WaitAsync(TimeSpan.FromSeconds(10));
        await server.Client.GetAsync("/v1/stores").TextAsync();
        Assert.DoesNotContain(server.Log.Entries, entry => entry.Level >= Microsoft.Extensions.Logging.LogLevel.Warning);
    }
}
