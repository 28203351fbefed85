using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Cli.Tests.Remote;

public class PublishVerbTests
{
    [Fact]
    public void A_publish_is_waited_for_and_its_tiers_are_shown()
    {
        var states = new Queue<ReleaseDescription>([Samples.Release("publishing", 0.5), Samples.Release("publishing", 0.4), Samples.Release("published")]);
        var verb = new Verb { Client = new() { StartPublish = (store, request) => Start(store, request, null), GetRelease = (_, id) => id == "r1" ? states.Dequeue() : throw new InvalidOperationException() } };
        verb.Done("publish", "packages");
        Assert.Empty(states);
        Assert.Equal([50, 100, 200], verb.Waits.Select(wait => wait.TotalMilliseconds));
        Assert.Contains("Release r1", verb.Output);
        Assert.Contains("0.11", verb.Output);
        Assert.Equal("", verb.Error);
    }

    [Fact]
    public void A_ladder_of_its_own_is_sent()
    {
        var verb = new Verb { Client = new() { StartPublish = (store, request) => Start(store, request, [0.25, 0.5], "published") } };
        Assert.Equal("published", verb.Done("publish", "packages", "--ladder", "0.25,0.5", "--output", "json").Json.GetProperty("state").GetString());
    }

    [Fact]
    public void A_ladder_may_be_stated_number_by_number()
    {
        var verb = new Verb { Client = new() { StartPublish = (store, request) => Start(store, request, [0.25, 0.5], "published") } };
        verb.Done("publish", "packages", "--ladder", "0.25", "--ladder", "0.5");
    }

    [Fact]
    public void A_detached_publish_is_not_waited_for()
    {
        var verb = new Verb { Client = new() { StartPublish = (store, request) => Start(store, request, null) } };
        Assert.Equal("publishing", verb.Done("publish", "packages", "--detach", "--output", "json").Json.GetProperty("state").GetString());
    }

    [Fact]
    public void A_publish_under_way_can_be_waited_for_without_starting_another()
    {
        var states = new Queue<ReleaseDescription>([Samples.Release("publishing", 0.5), Samples.Release("published")]);
        new Verb { Client = new() { GetRelease = (_, _) => states.Dequeue() } }.Done("publish", "packages", "--wait", "r1");
        Assert.Empty(states);
    }

    [Theory]
    [InlineData("failed", "a shard is lost", "dpattn: release r1 of store 'packages' is failed: a shard is lost")]
    [InlineData("retired", null, "dpattn: release r1 of store 'packages' is retired")]
    public void A_publish_that_ends_otherwise_is_a_failure(string state, string? why, string message)
    {
        var verb = new Verb { Client = new() { StartPublish = (store, request) => Start(store, request, null), GetRelease = (_, _) => Samples.Release(state, 0.5, why) } };
        Assert.Equal(message, verb.Fails(1, "publish", "packages"));
    }

    [Fact]
    public void A_lost_server_says_how_to_wait_on()
    {
        var verb = new Verb { Client = new() { StartPublish = (store, request) => Start(store, request, null), GetRelease = (_, _) => throw new DpAttentionException("read a release of store 'packages': no answer") } };
        Assert.Equal(
            ["dpattn: release r1 goes on being published on the server; 'dpattn publish packages --wait r1' waits for it", "dpattn: read a release of store 'packages': no answer"],
            verb.Fails(1, "publish", "packages").Split(Environment.NewLine));
    }

    [Fact]
    public void A_store_without_rows_is_a_failure()
    {
        var verb = new Verb { Client = new() { StartPublish = (_, _) => throw new DpAttentionException("publish store 'packages': no slots", Samples.Problem(400, ProblemCodes.InvalidRequest)) } };
        Assert.Equal("dpattn: publish store 'packages': no slots", verb.Fails(1, "publish", "packages"));
    }

    [Theory]
    [InlineData("--detach")]
    [InlineData("--ladder", "1")]
    public void Waiting_goes_with_nothing_that_starts(params string[] flags) =>
        Assert.Equal("dpattn: --wait starts nothing; --detach and --ladder do not go with it", new Verb().Fails(2, ["publish", "packages", "--wait", "r1", .. flags]));

    private static ReleaseDescription Start(string store, PublishRequest request, double[]? ladder, string state = "publishing")
    {
        Assert.Equal("packages", store);
        Assert.Equal(ladder, request.Ladder);
        return Samples.Release(state, 0);
    }
}
