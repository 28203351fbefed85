using System.Globalization;
using System.Net;
using DpAttn.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DpAttn.Client.Tests;

/// <summary>No row, query, key or name of a user ever stands in an exception or a log.</summary>
public class SecrecyTests
{
    private const string Subject = "ada.lovelace@example.org";
    private static readonly float[] Secret = [0.7182818f, -0.1415926f];

    private static readonly string[] Forbidden =
    [
        TestClient.ApiKey, Subject, "718281", "141592",
        Convert.ToHexString(BitConverter.GetBytes(Secret[0])),
    ];

    public static TheoryData<string> Faults => [.. FaultsByName.Keys];

    private static Dictionary<string, Func<HttpResponseMessage>> FaultsByName { get; } = new()
    {
        ["unreachable"] = () => throw new HttpRequestException(HttpRequestError.ConnectionError, "Connection refused (dpattn.test:443)"),
        ["broken"] = () => throw new IOException("broken pipe"),
        ["html"] = () => Replies.Text("<html>", HttpStatusCode.BadGateway),
        ["empty"] = () => Replies.Text("", HttpStatusCode.OK, "application/json"),
        // What a faulty server might echo: the request itself where an answer should stand.
        ["echo"] = () => Replies.Text($$"""{"queries":[[{{Secret[0].ToString("R", CultureInfo.InvariantCulture)}},{{Secret[1].ToString("R", CultureInfo.InvariantCulture)}}]],"key":"{{TestClient.ApiKey}}","subject":"{{Subject}}"}""", HttpStatusCode.OK, "application/json"),
        ["echoed text"] = () => Replies.Text($"0.7182818 {TestClient.ApiKey} {Subject}", HttpStatusCode.OK, "application/json"),
        ["echoed refusal"] = () => Replies.Text($"0.7182818 {TestClient.ApiKey} {Subject}", HttpStatusCode.BadRequest, "application/json"),
        ["refused"] = () => Replies.Problem(HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest),
        ["exhausted"] = () => Replies.Problem(Problems.Exhausted),
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Failures_and_logs_hold_none_of_it(string fault)
    {
        var handler = new ScriptedHandler((_, _) => Task.FromResult(FaultsByName[fault]()));
        using var log = new CollectedLog();
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(log));
        services.AddDpAttention(o =>
        {
            o.Endpoint = new Uri("https://dpattn.test");
            o.ApiKey = TestClient.ApiKey;
            o.MaxRetries = 1;
            o.RetryDelay = o.MaxRetryDelay = TimeSpan.FromMilliseconds(1);
        }).ConfigurePrimaryHttpMessageHandler(() => handler);
        using var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredService<IDpAttentionClient>();

        Func<Task>[] calls =
        [
            () => client.AttendAsync("packages", Secret, new AttendOptions { MaxEpsilon = 1 }),
            () => client.AttendAsync("packages", Secret, 1, new AttendOptions { MaxEpsilon = 1 }),
            () => client.AppendAsync("packages", "b1", Secret, Secret, 1),
            () => client.AppendAsync("packages", "load", new[] { new Row(Secret, Secret) }.ToAsyncEnumerable()),
            () => client.GrantAsync("packages", Subject, 1),
            () => client.CreateKeyAsync(new KeyRequest(Subject, Roles.User)),
        ];
        foreach (var call in calls)
        {
            var failure = await Assert.ThrowsAnyAsync<DpAttentionException>(call);
            Assert.All(Forbidden, secret => Assert.DoesNotContain(secret, failure.ToString(), StringComparison.OrdinalIgnoreCase));
        }
        Assert.NotEmpty(log.Lines);
        Assert.All(log.Lines, line => Assert.All(Forbidden, secret => Assert.DoesNotContain(secret, line, StringComparison.OrdinalIgnoreCase)));
    }

    [Fact]
    public async Task A_number_that_is_not_finite_is_refused_by_its_place_before_anything_is_sent()
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(Replies.Answers(1, 2)));
        using var test = new TestClient(handler);
        var one = await Assert.ThrowsAsync<ArgumentException>(() => test.Client.AttendAsync("packages", new[] { 0.7182818f, float.NaN }));
        Assert.StartsWith("query 0: coordinate 1 is NaN or infinite", one.Message);
        var many = await Assert.ThrowsAsync<ArgumentException>(() => test.Client.AttendAsync("packages", new[] { 0.7182818f, 1, float.PositiveInfinity, 1 }, 2));
        Assert.StartsWith("query 1: coordinate 0 is NaN or infinite", many.Message);
        Assert.DoesNotContain("718281", one.Message + many.Message);
        Assert.Empty(handler.Sent);
    }

    private sealed class CollectedLog : ILoggerProvider, ILogger
    {
        private readonly Lock _gate = new();

        public List<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            Add(state.ToString());
            return null;
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Add($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }

        private void Add(string? line)
        {
            lock (_gate)
                Lines.Add(line ?? "");
        }
    }
}
