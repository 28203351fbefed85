using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DpAttn.Server.Tests.Telemetry;

/// <summary>What leaves a server by its exporters, in a run with secrets in it.</summary>
public sealed class ExportTests(ExportTests.Day day) : IClassFixture<ExportTests.Day>
{
    [Fact]
    public void Nothing_that_is_exported_tells_a_secret()
    {
        Assert.Empty(Secrets.FindIn(day.Run.Collector.Received, day.Run.Made));
        Assert.Empty(Secrets.FindIn([("scrape", Encoding.UTF8.GetBytes(day.Scrape))], day.Run.Made));
        Assert.Equal(3, day.Run.Keys.Length);
        Assert.Equal(2, day.Run.Accounts.Distinct().Count());
        Assert.All(day.Run.Accounts, account => Assert.True(account.Length >= 20));
    }

    [Fact]
    public void There_was_something_to_look_through()
    {
        foreach (var signal in (string[])["traces", "metrics", "logs"])
            Assert.NotEmpty(day.Run.Collector.Of(signal));
        var logs = string.Concat(day.Run.Collector.Of("logs").Select(Encoding.UTF8.GetString));
        // Our own lines, the templates of others, and of failures their types.
        Assert.Contains("ledger_unavailable: POST /v1/stores/{store}/attend", logs);
        Assert.Contains("could not serve {Subject} at {Number}", logs);
        Assert.Contains("System.IO.IOException", logs);
        Assert.Contains("dpattn_attend_duration_seconds_bucket", day.Scrape);
    }

    [Fact]
    public void A_request_is_one_trace_from_the_front_over_grains_and_shards_to_the_storage()
    {
        var spans = day.Run.Collector.Of("traces").SelectMany(ExportedSpan.Of).ToList();
        var asked = spans.First(span => span.Name == "IShardGrain/SumQueriesAsync");
        var trace = spans.Where(span => span.Trace == asked.Trace).ToDictionary(span => span.Id);
        Assert.Equal(
            ["IShardGrain/SumQueriesAsync", "dpattn.fanout", "IAttentionGrain/AskAsync", "dpattn.attend", "POST /v1/stores/{store}/attend"],
            WayOf(asked, trace).Where(name => !name.StartsWith("IShardGrain", StringComparison.Ordinal) || name == asked.Name).Distinct());
        var names = trace.Values.Select(span => span.Name).ToHashSet();
        Assert.Contains("IBudgetGrain/ChargeAsync", names);
        Assert.Contains("dpattn.ledger.commit", names);
        Assert.Contains("dpattn.storage", names);
    }

    [Fact]
    public void The_metrics_of_the_page_are_those_that_a_run_exports()
    {
        var exported = day.Run.Collector.Of("metrics").SelectMany(ExportedMetric.Of).GroupBy(metric => metric.Name).Select(metric => (
            metric.Key,
            metric.First().Kind,
            metric.First().Unit));
        Assert.Equal(ReadmeTests.Table("Metrics").Select(row => (row[0], row[1], row[2])).Order(), exported.Order());
        // The labels of the page are those that may leave, and no point has another.
        var labels = ReadmeTests.Table("Metrics").ToDictionary(row => row[0], row => row[3].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(label => label.Trim('`')));
        Assert.Equal(ExportedMetrics.All.Keys.Order(), labels.Keys.Order());
        Assert.All(labels, page => Assert.Equal(ExportedMetrics.All[page.Key], page.Value));
        Assert.All(day.Run.Collector.Of("metrics").SelectMany(ExportedMetric.Of), metric => Assert.Subset(labels[metric.Name].ToHashSet(), metric.Labels.ToHashSet()));
        Assert.All(ReadmeTests.Table("Metrics"), row => Assert.NotEmpty(row[4]));
    }

    [Fact]
    public void Durations_are_in_seconds_with_buckets_from_half_a_millisecond()
    {
        var metrics = day.Run.Collector.Of("metrics").SelectMany(ExportedMetric.Of).ToList();
        foreach (var name in (string[])["dpattn.attend.duration", "dpattn.fanout.duration", "dpattn.ledger.commit.duration", "dpattn.storage.duration"])
        {
            foreach (var metric in metrics.Where(metric => metric.Name == name))
            {
                Assert.Equal("s", metric.Unit);
                Assert.Equal([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10], metric.Bounds);
            }
        }
    }

    /// <summary>The other side: what the scan is to find it finds, in every signal and as text and as a number.</summary>
    [Fact]
    public async Task A_planted_leak_is_found_in_every_signal()
    {
        await using var run = await TelemetryRun.StartAsync(app => app.MapGet("/v1/leak", (HttpContext context, ILoggerFactory loggers) =>
        {
            loggers.CreateLogger("DpAttn.Leak").LogInformation("{User}, {Account}, has {Rows} rows", Secrets.User, context.Caller().Account.Value, Secrets.Rows);
            Activity.Current?.SetTag("dpattn.mechanism", Secrets.Password).SetTag("dpattn.operation", Secrets.QueryNumber);
            using var meter = new Meter("DpAttn");
            meter.CreateCounter<long>("dpattn.charges", "{charge}").Add(Secrets.Rows, new KeyValuePair<string, object?>("dpattn.operation", Secrets.OtherKey));
            return "leaked";
        }));
        var user = await run.NewKeyAsync(run.Keys[0], Secrets.User, Roles.User);
        Assert.Equal(200, await run.SendAsync(user, HttpMethod.Get, "/v1/leak"));
        var scrape = await run.ScrapeAsync();
        run.Flush();
        var found = Secrets.FindIn(run.Collector.Received, run.Made);
        foreach (var leak in (string[])[
            "/v1/logs: " + Secrets.User, $"/v1/logs: the number {Secrets.Rows}", "/v1/traces: " + Secrets.Password, $"/v1/traces: the number {Secrets.QueryNumber:R}",
            "/v1/metrics: " + Secrets.OtherKey, $"/v1/metrics: the number {Secrets.Rows}"])
            Assert.Contains(leak, found);
        Assert.Contains("/v1/logs: " + run.Accounts[^1], found);
        Assert.Contains("scrape: " + Secrets.OtherKey, Secrets.FindIn([("scrape", Encoding.UTF8.GetBytes(scrape))]));
    }

    private static List<string> WayOf(ExportedSpan span, Dictionary<string, ExportedSpan> trace)
    {
        var way = new List<string>();
        for (var at = span; at is not null; at = trace.GetValueOrDefault(at.Parent))
            way.Add(at.Name);
        return way;
    }

    /// <summary>One run for all, with a library in it that tells what it should not.</summary>
    public sealed class Day : IAsyncLifetime
    {
        public TelemetryRun Run { get; private set; } = null!;

        public string Scrape { get; private set; } = "";

        public async ValueTask InitializeAsync()
        {
            Run = await TelemetryRun.StartAsync(app => app.MapGet("/v1/vendor", (HttpContext context, ILoggerFactory loggers) =>
            {
                var failure = new InvalidOperationException(Secrets.Text, new IOException(Secrets.Password));
                loggers.CreateLogger("Vendor.Library").LogError(failure, "could not serve {Subject} at {Number}", Secrets.User, Secrets.Rows);
                loggers.CreateLogger("DpAttn.Cluster").LogError(failure, "could not serve");
                using var source = new ActivitySource("DpAttn");
                using (var own = source.StartActivity("dpattn.storage"))
                    own?.AddException(failure);
                Activity.Current?.SetTag("enduser.id", Secrets.User).SetTag("db.query.text", Secrets.Rows).SetStatus(ActivityStatusCode.Error, Secrets.Text);
                return "served";
            }));
            await Run.LiveAsync();
            Assert.Equal(200, await Run.SendAsync(Run.Keys[0], HttpMethod.Get, "/v1/vendor"));
            Scrape = await Run.ScrapeAsync();
            Run.Flush();
        }

        public ValueTask DisposeAsync() => Run.DisposeAsync();
    }
}
