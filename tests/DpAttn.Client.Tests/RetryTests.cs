using System.Net;
using System.Net.Sockets;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

public class RetryTests
{
    private static readonly AttendOptions Opening = new() { MaxEpsilon = 1 };
    private static readonly float[] Query = [0.5f, 0.25f];

    [Theory]
    [InlineData(HttpStatusCode.RequestTimeout)]
    [InlineData(HttpStatusCode.TooManyRequests)]
    [InlineData(HttpStatusCode.BadGateway)]
    [InlineData(HttpStatusCode.ServiceUnavailable)]
    [InlineData(HttpStatusCode.GatewayTimeout)]
    public async Task A_transient_status_is_retried_with_the_same_key_and_body(HttpStatusCode status)
    {
        var handler = ScriptedHandler.Of(
            () => Replies.Problem(status, ProblemCodes.Busy, retryable: true),
            () => Replies.Text("<html>", status),
            () => Replies.Json(Replies.Answers(1, 2, charged: 1)));
        using var test = new TestClient(handler);

        var answer = await test.Client.AttendAsync("packages", Query, Opening);

        Assert.Equal(1, answer.Privacy.Charged);
        Assert.Equal(3, handler.Sent.Count);
        Assert.NotNull(handler.Sent.First().Key);
        Assert.Single(handler.Sent.Select(sent => sent.Key).Distinct());
        Assert.Single(handler.Sent.Select(sent => sent.Text).Distinct());
    }

    [Fact]
    public async Task A_refusal_by_the_budget_is_never_retried_and_typed()
    {
        var handler = ScriptedHandler.Of(() => Replies.Problem(Problems.Exhausted));
        using var test = new TestClient(handler);

        var refusal = await Assert.ThrowsAsync<PrivacyBudgetExceededException>(() => test.Client.AttendAsync("packages", Query, Opening));

        Assert.Single(handler.Sent);
        Assert.Equal((1.25, 0.5, 0.8, 1e-6), (refusal.Requested, refusal.Remaining, refusal.ShortBy, refusal.Delta));
        Assert.Equal(new TierPrice(0, 0.4, 1e-6, "r1"), refusal.Affordable);
        Assert.Equal(ProblemCodes.BudgetExhausted, refusal.Code);
        Assert.Equal(HttpStatusCode.Forbidden, refusal.Status);
        Assert.Equal(handler.Only.Key, refusal.IdempotencyKey);
        Assert.Equal("the limit does not admit tier 2", refusal.Message);
    }

    // A proxy that changes statuses must not turn a refusal into a storm of retries.
    [Theory]
    [InlineData(HttpStatusCode.ServiceUnavailable)]
    [InlineData(HttpStatusCode.TooManyRequests)]
    public async Task A_refusal_by_the_budget_is_not_retried_under_any_status(HttpStatusCode status)
    {
        var handler = ScriptedHandler.Of(() => Replies.Problem(Problems.Exhausted with { Status = (int)status, Retryable = true }));
        using var test = new TestClient(handler);
        await Assert.ThrowsAsync<PrivacyBudgetExceededException>(() => test.Client.AttendAsync("packages", Query, Opening));
        Assert.Single(handler.Sent);
    }

    [Theory]
    [InlineData(HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest)]
    [InlineData(HttpStatusCode.Unauthorized, ProblemCodes.Unauthenticated)]
    [InlineData(HttpStatusCode.Forbidden, ProblemCodes.Forbidden)]
    [InlineData(HttpStatusCode.NotFound, ProblemCodes.NotFound)]
    [InlineData(HttpStatusCode.Conflict, ProblemCodes.Conflict)]
    [InlineData(HttpStatusCode.Conflict, ProblemCodes.RequestInUse)]
    [InlineData(HttpStatusCode.Gone, ProblemCodes.AnswerExpired)]
    [InlineData(HttpStatusCode.RequestEntityTooLarge, ProblemCodes.TooLarge)]
    [InlineData(HttpStatusCode.UnprocessableEntity, ProblemCodes.RequestConflict)]
    [InlineData(HttpStatusCode.InternalServerError, ProblemCodes.InternalError)]
    public async Task Other_statuses_are_not_retried_even_if_they_say_so(HttpStatusCode status, string code)
    {
        var handler = ScriptedHandler.Of(() => Replies.Problem(status, code, retryable: true, retryAfter: 1));
        using var test = new TestClient(handler);

        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AttendAsync("packages", Query, Opening));

        Assert.Single(handler.Sent);
        Assert.Empty(test.Waits);
        Assert.Equal(code, failure.Code);
        Assert.Equal(status, failure.Status);
    }

    [Fact]
    public async Task What_the_server_calls_not_retryable_is_not_retried()
    {
        var handler = ScriptedHandler.Of(() => Replies.Problem(HttpStatusCode.ServiceUnavailable, ProblemCodes.StorageFull, retryable: false));
        using var test = new TestClient(handler);
        await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AttendAsync("packages", Query, Opening));
        Assert.Single(handler.Sent);
    }

    [Fact]
    public async Task Retries_end_and_the_failure_carries_the_problem_and_the_key()
    {
        var handler = ScriptedHandler.Of(() => Replies.Problem(HttpStatusCode.ServiceUnavailable, ProblemCodes.ChargeUnknown, retryable: true));
        using var test = new TestClient(handler, o => o.MaxRetries = 3);

        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AttendAsync("packages", Query, Opening));

        Assert.Equal(4, handler.Sent.Count);
        Assert.Equal(3, test.Waits.Count);
        Assert.Equal(ProblemCodes.ChargeUnknown, failure.Code);
        Assert.Equal(handler.Sent.First().Key, failure.IdempotencyKey);
        Assert.Equal("attend to store 'packages': what, where and the bound (503 charge_unknown, trace trace1), after 4 attempts", failure.Message);
    }

    [Fact]
    public async Task Without_retries_there_is_one_attempt()
    {
        var handler = ScriptedHandler.Of(() => Replies.Problem(HttpStatusCode.ServiceUnavailable, ProblemCodes.Busy, retryable: true));
        using var test = new TestClient(handler, o => o.MaxRetries = 0);
        await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AttendAsync("packages", Query, Opening));
        Assert.Single(handler.Sent);
    }

    [Fact]
    public async Task A_failed_connection_is_retried_with_the_same_key()
    {
        var handler = new ScriptedHandler(
            (_, _) => throw new HttpRequestException(HttpRequestError.ConnectionError, "Connection refused", new SocketException((int)SocketError.ConnectionRefused)),
            (_, _) => throw new HttpRequestException(HttpRequestError.ResponseEnded, "The response ended"),
            (_, _) => throw new IOException("broken pipe"),
            (_, _) => Task.FromResult(Replies.Json(Replies.Answers(1, 2, charged: 1))));
        using var test = new TestClient(handler);
        await test.Client.AttendAsync("packages", Query, Opening);
        Assert.Equal(4, handler.Sent.Count);
        Assert.Single(handler.Sent.Select(sent => sent.Key).Distinct());
    }

    [Fact]
    public async Task A_server_whose_certificate_is_refused_is_not_asked_again()
    {
        var handler = new ScriptedHandler((_, _) => throw new HttpRequestException(HttpRequestError.SecureConnectionError, "The SSL connection could not be established"));
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AttendAsync("packages", Query, Opening));
        Assert.Single(handler.Sent);
        Assert.Contains("https://dpattn.test", failure.Message);
    }

    [Fact]
    public async Task A_timeout_is_retried_with_the_same_key_and_the_failure_names_the_option()
    {
        var handler = new ScriptedHandler(async (_, token) =>
        {
            await Task.Delay(Timeout.Infinite, token);
            throw new InvalidOperationException();
        });
        using var test = new TestClient(handler, o => (o.Timeout, o.MaxRetries) = (TimeSpan.FromMilliseconds(20), 2));

        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AttendAsync("packages", Query, Opening));

        Assert.Equal(3, handler.Sent.Count);
        Assert.Single(handler.Sent.Select(sent => sent.Key).Distinct());
        Assert.Equal("attend to store 'packages': no answer within Timeout (0.02 s), after 3 attempts", failure.Message);
        Assert.Null(failure.Status);
    }

    [Fact]
    public async Task Maintenance_that_times_out_is_not_begun_anew()
    {
        var handler = new ScriptedHandler((_, _) => throw new TaskCanceledException());
        using var test = new TestClient(handler);
        await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.VerifyLedgerAsync("inc1"));
        Assert.Single(handler.Sent);
        await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetStoreAsync("packages"));
        Assert.True(handler.Sent.Count > 2);
    }

    [Fact]
    public async Task A_caller_who_gives_up_gets_a_cancellation_and_no_retry()
    {
        using var stop = new CancellationTokenSource();
        var handler = new ScriptedHandler(async (_, token) =>
        {
            stop.Cancel();
            await Task.Delay(Timeout.Infinite, token);
            throw new InvalidOperationException();
        });
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => test.Client.AttendAsync("packages", Query, Opening, stop.Token));
        Assert.Equal(stop.Token, failure.CancellationToken);
        Assert.Single(handler.Sent);
    }

    [Fact]
    public async Task A_caller_who_gives_up_while_waiting_gets_a_cancellation()
    {
        using var stop = new CancellationTokenSource();
        var handler = ScriptedHandler.Of(() => Replies.Problem(HttpStatusCode.ServiceUnavailable, ProblemCodes.Busy, retryable: true));
        using var test = new TestClient(handler) { OnWait = stop.Cancel };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => test.Client.AttendAsync("packages", Query, Opening, stop.Token));
        Assert.Single(handler.Sent);
    }

    // The first attempt timed out at the client while the server was still at it: the key is in use by ourselves.
    [Fact]
    public async Task A_key_in_use_is_waited_for_only_after_an_attempt_of_unknown_outcome()
    {
        var handler = new ScriptedHandler(
            (_, _) => throw new HttpRequestException(HttpRequestError.ResponseEnded, "The response ended"),
            (_, _) => Task.FromResult(Replies.Problem(HttpStatusCode.Conflict, ProblemCodes.RequestInUse, retryable: true, retryAfter: 1)),
            (_, _) => Task.FromResult(Replies.Json(Replies.Answers(1, 2, charged: 1, replayed: true))));
        using var test = new TestClient(handler);

        var answer = await test.Client.AttendAsync("packages", Query, Opening);

        Assert.True(answer.Privacy.Replayed);
        Assert.Single(handler.Sent.Select(sent => sent.Key).Distinct());
    }

    [Fact]
    public async Task Waits_double_up_to_the_cap_and_at_least_half_of_each_is_waited()
    {
        var handler = ScriptedHandler.Of(() => Replies.Text("", HttpStatusCode.BadGateway));
        using var test = new TestClient(handler, o => (o.MaxRetries, o.RetryDelay, o.MaxRetryDelay) = (6, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(1000)));
        await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetStoreAsync("packages"));
        double[] full = [100, 200, 400, 800, 1000, 1000];
        Assert.Equal(full.Length, test.Waits.Count);
        Assert.All(test.Waits.Zip(full), pair => Assert.InRange(pair.First.TotalMilliseconds, pair.Second / 2, pair.Second));
    }

    // 40 first waits of 501 equally likely values: all equal with probability 501^-39, below 1e-100.
    [Fact]
    public async Task Waits_are_random_so_that_clients_do_not_come_back_together()
    {
        var waits = new HashSet<TimeSpan>();
        for (var i = 0; i < 40; i++)
        {
            var handler = ScriptedHandler.Of(() => Replies.Text("", HttpStatusCode.BadGateway), () => Replies.Json(Replies.Store()));
            using var test = new TestClient(handler);
            await test.Client.GetStoreAsync("packages");
            waits.Add(Assert.Single(test.Waits));
        }
        Assert.True(waits.Count > 1);
    }

    [Fact]
    public async Task Retry_After_in_seconds_is_waited_for()
    {
        var handler = ScriptedHandler.Of(
            () => Replies.Problem(HttpStatusCode.TooManyRequests, ProblemCodes.RateLimited, retryable: true, retryAfter: 7),
            () => Replies.Json(Replies.Store()));
        using var test = new TestClient(handler);
        await test.Client.GetStoreAsync("packages");
        Assert.Equal(TimeSpan.FromSeconds(7), Assert.Single(test.Waits));
    }

    [Fact]
    public async Task Retry_After_as_a_date_is_waited_for()
    {
        var clock = new FixedClock(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var handler = ScriptedHandler.Of(
            () =>
            {
                var response = Replies.Text("", HttpStatusCode.ServiceUnavailable);
                response.Headers.TryAddWithoutValidation("Retry-After", "Sun, 01 Mar 2026 12:00:09 GMT");
                return response;
            },
            () => Replies.Json(Replies.Store()));
        using var test = new TestClient(handler, clock: clock);
        await test.Client.GetStoreAsync("packages");
        Assert.Equal(TimeSpan.FromSeconds(9), Assert.Single(test.Waits));
    }

    [Fact]
    public async Task A_Retry_After_that_is_too_long_fails_at_once_and_says_so()
    {
        var handler = ScriptedHandler.Of(() => Replies.Problem(HttpStatusCode.ServiceUnavailable, ProblemCodes.Busy, retryable: true, retryAfter: 3600));
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetStoreAsync("packages"));
        Assert.Single(handler.Sent);
        Assert.Contains("it asks to wait 3600 s, more than MaxRetryAfter (15 s)", failure.Message);
    }

    [Fact]
    public async Task Reading_is_retried_without_a_key()
    {
        var handler = ScriptedHandler.Of(() => Replies.Text("", HttpStatusCode.BadGateway), () => Replies.Json(Replies.Store()));
        using var test = new TestClient(handler);
        await test.Client.GetStoreAsync("packages");
        Assert.All(handler.Sent, sent => Assert.Null(sent.Key));
    }

    [Fact]
    public async Task Two_calls_never_share_a_key()
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(Replies.Answers(1, 2)));
        using var test = new TestClient(handler);
        for (var i = 0; i < 50; i++)
            await test.Client.AttendAsync("packages", Query, Opening);
        Assert.Equal(50, handler.Sent.Select(sent => sent.Key).Distinct().Count());
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
