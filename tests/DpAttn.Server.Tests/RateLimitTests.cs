using System.Net;
using System.Net.Http.Headers;
using DpAttn.Client;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Server.Http;
using DpAttn.Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Server.Tests;

public sealed class RateLimitTests
{
    private readonly ManualClock _clock = new();

    [Fact]
    public void A_bucket_gives_its_burst_and_then_its_rate()
    {
        var buckets = new TokenBuckets<string>(perSecond: 2, burst: 3, mostBuckets: 10, _clock);
        Assert.Equal([null, null, null], Enumerable.Range(0, 3).Select(_ => buckets.TryTake("a")));
        Assert.Equal(TimeSpan.FromSeconds(0.5), buckets.TryTake("a"));
        // Being refused costs nothing, and others are others.
        Assert.Equal(TimeSpan.FromSeconds(0.5), buckets.Look("a"));
        Assert.Null(buckets.TryTake("b"));
        _clock.Advance(TimeSpan.FromSeconds(0.4));
        Assert.Equal(0.1, buckets.TryTake("a")!.Value.TotalSeconds, 6);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Null(buckets.TryTake("a"));
        Assert.NotNull(buckets.TryTake("a"));
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal([null, null, null], Enumerable.Range(0, 3).Select(_ => buckets.TryTake("a")));
        Assert.NotNull(buckets.TryTake("a"));
    }

    [Fact]
    public void However_many_come_only_so_many_are_remembered_and_the_busy_ones_stay()
    {
        var buckets = new TokenBuckets<int>(perSecond: 1, burst: 1, mostBuckets: 100, _clock);
        Assert.Null(buckets.TryTake(-1));
        for (var i = 0; i < 10_000; i++)
        {
            Assert.Null(buckets.TryTake(i));
            Assert.NotNull(buckets.TryTake(-1));
        }
        Assert.Equal(100, buckets.Count);
        Assert.Null(buckets.Look(123_456));
        Assert.Equal(100, buckets.Count);
    }

    [Fact]
    public async Task An_account_that_asks_too_often_is_told_to_wait_and_others_are_not()
    {
        await using var server = await StartAsync(options => (options.RequestsPerSecond, options.RequestBurst) = (1, 3));
        for (var i = 0; i < 3; i++)
            Assert.Equal(200, await GetAsync(server, "alice-key-1"));
        using var refused = await SendAsync(server, "alice-key-1");
        var problem = await Task.FromResult(refused).ProblemAsync(ProblemCodes.RateLimited);
        Assert.True(problem.Retryable);
        Assert.Equal((429, TimeSpan.FromSeconds(1)), ((int)refused.StatusCode, refused.Headers.RetryAfter!.Delta));
        // All credentials of an account are one account; another account is another.
        Assert.Equal(429, await GetAsync(server, "alice-key-2"));
        Assert.Equal(200, await GetAsync(server, "bob-key-1"));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, await GetAsync(server, "alice-key-2"));
        Assert.Equal(429, await GetAsync(server, "alice-key-1"));
        // Health has no account.
        Assert.Equal("ok\n", await server.Admin.GetStringAsync("/readyz"));
    }

    [Fact]
    public async Task An_address_that_fails_too_often_is_not_looked_at_any_more_but_who_was_good_there_is()
    {
        await using var server = await StartAsync(options => (options.AuthFailuresPerMinute, options.AuthFailureBurst) = (2, 5));
        Assert.Equal(200, await GetAsync(server, "alice-key-1"));
        for (var i = 0; i < 5; i++)
            Assert.Equal(401, await GetAsync(server, i % 2 == 0 ? $"wrong {i}" : null));
        var looked = server.Door.Authentications;
        using (var refused = await SendAsync(server, "wrong"))
            Assert.Equal((429, TimeSpan.FromSeconds(30)), ((int)refused.StatusCode, refused.Headers.RetryAfter!.Delta));
        Assert.Equal(429, await GetAsync(server, null));
        Assert.Equal(429, await GetAsync(server, "bob-key-1"));
        Assert.Equal(looked, server.Door.Authentications);
        Assert.Equal(200, await GetAsync(server, "alice-key-1"));
        // Once it is worth looking at it again, what is good is good.
        _clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(200, await GetAsync(server, "bob-key-1"));
        Assert.Equal(401, await GetAsync(server, "wrong"));
        Assert.Equal(429, await GetAsync(server, "wrong"));
    }

    [Fact]
    public async Task A_credential_that_was_good_and_is_not_any_more_is_refused_at_a_blocked_address_too()
    {
        await using var server = await StartAsync(options => (options.AuthFailuresPerMinute, options.AuthFailureBurst) = (1, 1));
        Assert.Equal(200, await GetAsync(server, "alice-key-1"));
        Assert.Equal(401, await GetAsync(server, "wrong"));
        server.Door.Throw(nameof(IFrontDoor.AuthenticateAsync), new ProblemException(ProblemCodes.Unauthenticated, "revoked"));
        Assert.Equal(401, await GetAsync(server, "alice-key-1"));
        // And is looked at no more often than any other there.
        Assert.Equal(429, await GetAsync(server, "alice-key-1"));
    }

    [Theory]
    [InlineData(ProblemCodes.Unauthenticated, 401)]
    [InlineData(ProblemCodes.Forbidden, 403)]
    [InlineData(ProblemCodes.InvalidRequest, 400)]
    public async Task A_credential_that_lets_nobody_in_counts_as_a_failure_whatever_is_wrong_with_it(string code, int status)
    {
        await using var server = await StartAsync(options => (options.AuthFailuresPerMinute, options.AuthFailureBurst) = (1, 3));
        server.Door.Throw(nameof(IFrontDoor.AuthenticateAsync), new ProblemException(code, "no"));
        for (var i = 0; i < 3; i++)
            Assert.Equal(status, await GetAsync(server, "token"));
        Assert.Equal(429, await GetAsync(server, "token"));
    }

    [Theory]
    [InlineData(ProblemCodes.ShardUnavailable, 503)]
    [InlineData(ProblemCodes.Busy, 503)]
    [InlineData(ProblemCodes.StorageFull, 503)]
    [InlineData(ProblemCodes.InternalError, 500)]
    public async Task A_credential_that_nobody_could_look_at_does_not_count(string code, int status)
    {
        await using var server = await StartAsync(options => (options.AuthFailuresPerMinute, options.AuthFailureBurst) = (1, 1));
        Assert.Equal(200, await GetAsync(server, "alice-key-1"));
        server.Door.Throw(nameof(IFrontDoor.AuthenticateAsync), new ProblemException(code, "later"));
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(status, await GetAsync(server, "bob-key-1"));
            Assert.Equal(status, await GetAsync(server, "alice-key-1"));
        }
    }

    [Fact]
    public async Task Two_credentials_at_once_count_as_a_failure_too()
    {
        await using var server = await StartAsync(options => (options.AuthFailuresPerMinute, options.AuthFailureBurst) = (1, 1));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/stores/s") { Headers = { Authorization = new("Bearer", "alice-key-1") } };
        request.Headers.Add("X-Api-Key", "alice-key-1");
        using var response = await server.Anonymous.SendAsync(request);
        Assert.False(response.IsSuccessStatusCode);
        Assert.Equal(429, await GetAsync(server, "bob-key-1"));
    }

    [Fact]
    public async Task What_a_budget_refuses_is_never_a_rate()
    {
        await using var server = await StartAsync(options => (options.RequestsPerSecond, options.RequestBurst) = (1, 1000));
        server.Door.Throw(nameof(IFrontDoor.AttendAsync), new ProblemException(ProblemCodes.BudgetExhausted, "the budget does not admit this"));
        for (var i = 0; i < 200; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/stores/s/attend") { Content = Responses.JsonBody("{\"queries\":[[1]]}"), Headers = { Authorization = new("Bearer", "alice-key-1") } };
            using var response = await server.Anonymous.SendAsync(request);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
            Assert.Null(response.Headers.RetryAfter);
        }
    }

    [Fact]
    public async Task Zero_is_no_limit()
    {
        await using var server = await StartAsync(options => (options.RequestsPerSecond, options.RequestBurst, options.AuthFailuresPerMinute, options.AuthFailureBurst) = (0, 1, 0, 1));
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(200, await GetAsync(server, "alice-key-1"));
            Assert.Equal(401, await GetAsync(server, "wrong"));
        }
    }

    /// <summary>The SDK and the server together, in real time: a client that is too fast is slowed down, and loses nothing.</summary>
    [Fact]
    public async Task The_SDK_waits_as_long_as_it_is_told_and_asks_again()
    {
        await using var server = await ServerUnderTest.StartAsync(options => (options.RequestsPerSecond, options.RequestBurst) = (1, 1), door: Door());
        using var client = new DpAttentionClient(new DpAttentionOptions { Endpoint = server.Address, ApiKey = "alice-key-1", RetryDelay = TimeSpan.FromMilliseconds(1), MaxRetryDelay = TimeSpan.FromMilliseconds(1) });
        var began = TimeProvider.System.GetTimestamp();
        await client.GetStoreAsync("s");
        await client.GetStoreAsync("s");
        // Retries after a millisecond would have been used up long before.
        Assert.InRange(TimeProvider.System.GetElapsedTime(began).TotalSeconds, 0.95, 30);
        Assert.Equal(2, server.Door.Calls.Count);
    }

    private Task<ServerUnderTest> StartAsync(Action<ServerOptions> settings) =>
        ServerUnderTest.StartAsync(settings, door: Door(), configure: builder => builder.Services.AddSingleton<TimeProvider>(_clock));

    /// <summary>Keys of two accounts.</summary>
    private static FakeFrontDoor Door()
    {
        var door = new FakeFrontDoor();
        door.Answer(nameof(IFrontDoor.AuthenticateAsync), arguments => arguments[0] is string key && key.IndexOf("-key-", StringComparison.Ordinal) is > 0 and var end
            ? new Principal(new AccountId(key[..end]), Roles.Owner)
            : throw new ProblemException(ProblemCodes.Unauthenticated, "the key is unknown or revoked"));
        return door;
    }

    private static async Task<int> GetAsync(ServerUnderTest server, string? key)
    {
        using var response = await SendAsync(server, key);
        return (int)response.StatusCode;
    }

    private static async Task<HttpResponseMessage> SendAsync(ServerUnderTest server, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/stores/s");
        if (key is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key.Replace(' ', '_'));
        return await server.Anonymous.SendAsync(request);
    }
}
