using System.Text.Json;
using DpAttn.Contracts;
using YamlDotNet.Serialization;

namespace DpAttn.Server.Tests.Telemetry;

/// <summary>Dashboard and alert rules ask for what a running server really exports, and each alert says what to do.</summary>
public sealed class MonitoringTests(ExportTests.Day day) : IClassFixture<ExportTests.Day>
{
    private static readonly string Files = Path.Combine(Checkout(), "helm", "dp-attn-cluster", "files");

    // What Prometheus adds itself: labels, and whether it could read a process.
    private static readonly string[] Added = ["le", "instance"];
    private const string Up = "up";

    private static readonly string[] LedgerFaults = ["suspended", "unpaired", "witness_unavailable", "unverified"];

    public static TheoryData<string> Places => ["dashboard.json", "rules.yaml"];

    [Theory]
    [MemberData(nameof(Places))]
    public void Every_metric_that_is_asked_for_is_exported_and_every_label_is_one_of_it(string place)
    {
        var exported = Exported();
        var queries = QueriesIn(place);
        Assert.True(queries.Count >= 15);
        foreach (var query in queries)
        {
            var metrics = PromQl.MetricsOf(query);
            Assert.NotEmpty(metrics);
            Assert.All(metrics, metric => Assert.True(metric == Up || exported.ContainsKey(metric), $"{query}: no server exports {metric}"));
            foreach (var (label, values) in PromQl.LabelsOf(query))
            {
                Assert.True(Added.Contains(label) || metrics.All(metric => exported[metric].Contains(label)), $"{query}: {label} is no label of it");
                if (label == "dpattn_reason")
                    Assert.All(values, reason => Assert.True(metrics.Contains("dpattn_ledger_faults") ? LedgerFaults.Contains(reason) : Codes().Contains(reason), $"{query}: {reason} is never a reason"));
            }
        }
    }

    /// <summary>What a server exports is on the dashboard, or nobody sees it.</summary>
    [Fact]
    public void Every_metric_of_ours_is_on_the_dashboard()
    {
        var shown = QueriesIn("dashboard.json").SelectMany(PromQl.MetricsOf).Select(Family).ToHashSet();
        foreach (var metric in Exported().Keys.Where(metric => metric.StartsWith("dpattn_", StringComparison.Ordinal)).Select(Family))
            Assert.Contains(metric, shown);

        static string Family(string metric) => metric.EndsWith("_bucket", StringComparison.Ordinal) || metric.EndsWith("_count", StringComparison.Ordinal) || metric.EndsWith("_sum", StringComparison.Ordinal) ? metric[..metric.LastIndexOf('_')] : metric;
    }

    [Fact]
    public void Every_alert_has_a_severity_a_summary_and_what_to_do_about_it()
    {
        var page = File.ReadAllText(Path.Combine(Checkout(), "deploy", "README.md")).ReplaceLineEndings("\n");
        var alerts = Rules().ToArray();
        Assert.True(alerts.Length >= 12);
        foreach (var alert in alerts)
        {
            var name = (string)alert["alert"];
            Assert.Contains((string)((Dictionary<object, object>)alert["labels"])["severity"], (string[])["critical", "warning"]);
            Assert.EndsWith(".", (string)((Dictionary<object, object>)alert["annotations"])["summary"]);
            var runbook = page.Split($"\n### {name}\n");
            Assert.True(runbook.Length == 2, $"deploy/README.md has no entry of {name}");
            Assert.True(runbook[1].Split("\n#")[0].Trim().Length > 80, $"the entry of {name} does not say what to do");
        }
        Assert.Equal(alerts.Length, alerts.Select(alert => alert["alert"]).Distinct().Count());
    }

    /// <summary>A series that first appears at 1 has not risen: an alert on its rise would miss the first event.</summary>
    [Fact]
    public void What_alerts_watch_for_a_rise_of_is_there_at_zero_before_anything_happened()
    {
        var watched = Rules().Select(rule => (string)rule["expr"]).Where(query => query.Contains("increase(", StringComparison.Ordinal) || query.Contains("dpattn_refusals_total", StringComparison.Ordinal)).ToArray();
        Assert.True(watched.Length >= 6);
        foreach (var query in watched)
        {
            var metric = Assert.Single(PromQl.MetricsOf(query));
            foreach (var (label, values) in PromQl.LabelsOf(query).Where(label => label.Values.Length > 0))
                Assert.All(values, value => Assert.Contains(day.Scrape.Split('\n'), line => line.StartsWith(metric + "{", StringComparison.Ordinal) && line.Contains($"{label}=\"{value}\"", StringComparison.Ordinal)));
        }
        Assert.Contains(day.Scrape.Split('\n'), line => line.StartsWith("dpattn_refusals_total{", StringComparison.Ordinal) && line.Contains("\"charge_unknown\"", StringComparison.Ordinal) && line.EndsWith(" 0", StringComparison.Ordinal));
    }

    [Fact]
    public void A_query_is_taken_apart_into_its_metrics_and_labels()
    {
        const string Query = "sum by (le, a) (rate(one_bucket{b=~\"x|y\", c!=\"\"}[5m])) / on (d) two offset 10m > 0.5 and max(three_seconds) >= 1";
        Assert.Equal(["one_bucket", "three_seconds", "two"], PromQl.MetricsOf(Query).Order());
        Assert.Equal(["b", "c", "le", "a", "d"], PromQl.LabelsOf(Query).Select(label => label.Label));
        Assert.Equal(["x", "y"], PromQl.LabelsOf(Query).First().Values);
    }

    /// <summary>The series that the server's page has, with their labels.</summary>
    private Dictionary<string, HashSet<string>> Exported()
    {
        var found = new Dictionary<string, HashSet<string>>();
        foreach (var line in day.Scrape.Split('\n').Where(line => line.Length > 0 && line[0] != '#'))
        {
            var name = line[..line.IndexOfAny(['{', ' '])];
            var labels = found.TryGetValue(name, out var known) ? known : found[name] = [];
            if (line.Contains('{'))
                labels.UnionWith(line[(line.IndexOf('{') + 1)..line.LastIndexOf('}')].Split("\",").Select(pair => pair.Split('=')[0]));
            // Left out where nothing failed, or no store was found, and so perhaps not in this run.
            foreach (var (metric, own) in Server.Telemetry.ExportedMetrics.All)
            {
                if (name.StartsWith(metric.Replace('.', '_'), StringComparison.Ordinal))
                    labels.UnionWith(own.Select(label => label.Replace('.', '_')));
            }
        }
        return found;
    }

    private static List<string> QueriesIn(string place)
    {
        if (place == "rules.yaml")
            return [.. Rules().Select(rule => (string)rule["expr"])];
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Files, place)));
        return [.. dashboard.RootElement.GetProperty("panels").EnumerateArray().Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray()).Select(target => target.GetProperty("expr").GetString()!)];
    }

    private static IEnumerable<Dictionary<object, object>> Rules()
    {
        var file = new DeserializerBuilder().Build().Deserialize<Dictionary<string, List<Dictionary<string, object>>>>(File.ReadAllText(Path.Combine(Files, "rules.yaml")));
        return file["groups"].SelectMany(group => (List<object>)group["rules"]).Cast<Dictionary<object, object>>();
    }

    private static HashSet<string> Codes() => [.. typeof(ProblemCodes).GetFields().Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!)];

    private static string Checkout()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "DpAttnCluster.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException("the tests do not run inside their checkout");
    }
}
