using System.Text.RegularExpressions;

namespace DpAttn.Server.Tests.Telemetry;

/// <summary>What a query of Prometheus names: its metrics, and the labels that it selects or groups by.</summary>
internal static partial class PromQl
{
    private static readonly HashSet<string> Words = ["and", "or", "unless", "offset", "bool", "on", "ignoring", "by", "without", "group_left", "group_right"];

    /// <summary>The names of metrics in a query.</summary>
    public static IReadOnlySet<string> MetricsOf(string query)
    {
        var bare = Window().Replace(Grouping().Replace(Selector().Replace(query, ""), " "), "");
        return Name().Matches(bare).Where(name => !name.Groups["call"].Success).Select(name => name.Groups["name"].Value).Where(name => !Words.Contains(name)).ToHashSet();
    }

    /// <summary>The labels in a query, with the values that they are compared with; none where it only groups.</summary>
    public static IEnumerable<(string Label, string[] Values)> LabelsOf(string query)
    {
        foreach (Match selector in Selector().Matches(query))
        {
            foreach (Match one in Comparison().Matches(selector.Value))
                yield return (one.Groups["label"].Value, one.Groups["value"].Value.Split('|'));
        }
        foreach (Match grouping in Grouping().Matches(query))
        {
            foreach (var label in grouping.Groups["labels"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                yield return (label, []);
        }
    }

    [GeneratedRegex("""\{[^}]*\}""")]
    private static partial Regex Selector();

    [GeneratedRegex("""(?<label>[a-z_]+)(=~|!~|!=|=)"(?<value>[^"]*)"/?""")]
    private static partial Regex Comparison();

    [GeneratedRegex(@"\b(by|without|on|ignoring)\s*\((?<labels>[^)]*)\)")]
    private static partial Regex Grouping();

    [GeneratedRegex(@"\[[^\]]*\]|offset\s+\w+|\b\d[\w.]*")]
    private static partial Regex Window();

    [GeneratedRegex(@"(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?<call>\s*\()?")]
    private static partial Regex Name();
}
