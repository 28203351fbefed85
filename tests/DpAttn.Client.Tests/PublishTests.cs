using System.Net;

namespace DpAttn.Client.Tests;

public class PublishTests
{
    [Fact]
    public async Task A_publish_is_started_once_and_watched_to_its_end()
    {
        var handler = ScriptedHandler.Of(
            () => Replies.Text("", HttpStatusCode.ServiceUnavailable),
            () => Replies.Json(Replies.Release("publishing", 0), HttpStatusCode.Accepted),
            () => Replies.Json(Replies.Release("publishing", 0.25)),
            () => Replies.Text("", HttpStatusCode.BadGateway),
            () => Replies.Json(Replies.Release("publishing", 0.75)),
            () => Replies.Json(Replies.Release("published", 1)));
        using var test = new TestClient(handler);
        var progress = new Reports();

        var release = await test.Client.PublishAsync("packages", progress: progress);

        Assert.Equal("published", release.State);
        Assert.Equal([0, 0.25, 0.75, 1], progress.Values);
        Assert.Equal(["POST", "POST", "GET", "GET", "GET", "GET"], handler.Sent.Select(sent => sent.Method));
        Assert.Single(handler.Sent.Take(2).Select(sent => sent.Key).Distinct());
    }

    [Theory]
    [InlineData("failed", "the rows do not fit", "release r1 is failed: the rows do not fit")]
    [InlineData("retired", null, "release r1 is retired")]
    [InlineData("some\u001b[2Jthing", null, "release r1 is some [2Jthing")]
    public async Task A_publish_that_ends_otherwise_fails_with_its_reason(string state, string? reason, string message)
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(Replies.Release("publishing", 0)), () => Replies.Json(Replies.Release(state, 0.5, reason)));
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.PublishAsync("packages"));
        Assert.Equal("publish store 'packages': " + message, failure.Message);
    }

    [Fact]
    public async Task Looking_gets_slower_up_to_the_option_and_stops_on_cancellation()
    {
        using var stop = new CancellationTokenSource();
        var handler = ScriptedHandler.Of(() => Replies.Json(Replies.Release("publishing", 0.5)));
        using var test = new TestClient(handler, o => o.PublishPollDelay = TimeSpan.FromMilliseconds(300));
        test.OnWait = () =>
        {
            if (test.Waits.Count == 200)
                stop.Cancel();
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => test.Client.PublishAsync("packages", cancellationToken: stop.Token));
        Assert.Equal([50, 100, 200, 300, 300], test.Waits.Take(5).Select(wait => wait.TotalMilliseconds));
        Assert.All(test.Waits.Skip(5), wait => Assert.Equal(300, wait.TotalMilliseconds));
    }

    private sealed class Reports : IProgress<double>
    {
        public List<double> Values { get; } = [];

        public void Report(double value) => Values.Add(value);
    }
}
