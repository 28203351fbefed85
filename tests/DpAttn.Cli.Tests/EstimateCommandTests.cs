using System.Globalization;
using System.Text.Json;

namespace DpAttn.Cli.Tests;

public class EstimateCommandTests
{
    private static readonly string[] Store = ["--rows", "1000", "--key-dimension", "16", "--value-dimension", "4", "--key-radius", "1", "--value-radius", "1"];

    /// <summary>Delta = 2 B_v sqrt(A), the answer's noise sigma sqrt(A) / n, and A within a thousandth of e^L, L = 1/16.</summary>
    [Fact]
    public void The_error_at_an_epsilon_is_sensitivity_over_mu_times_the_query_norm_over_n()
    {
        var mu = Dpattn.Run("calc", "--epsilon", "1", "--delta", "1e-6", "--output", "json").Json().GetProperty("mu").GetDouble();
        var expected = 2 * Math.Exp(1 / 16.0) / mu / 1000;
        var estimate = Assert.Single(Estimates("--epsilon", "1"));
        Assert.InRange(estimate.GetProperty("typicalNoise").GetDouble(), expected * 0.997, expected * 1.003);
        Assert.InRange(estimate.GetProperty("worstNoise").GetDouble(), expected, 2 * expected);
        Assert.Equal(1, estimate.GetProperty("epsilon").GetDouble());
        Assert.Equal(1e-6, estimate.GetProperty("delta").GetDouble());
    }

    [Fact]
    public void The_epsilon_for_an_error_meets_that_error()
    {
        var answer = Assert.Single(Estimates("--error", "0.002"));
        Assert.Equal(0.002, answer.GetProperty("typicalNoise").GetDouble());
        var epsilon = answer.GetProperty("epsilon").GetDouble().ToString("R", CultureInfo.InvariantCulture);
        Assert.Equal(0.002, Assert.Single(Estimates("--epsilon", epsilon)).GetProperty("typicalNoise").GetDouble(), 2e-6);
    }

    /// <summary>What is promised before spending is what the release then carries.</summary>
    [Fact]
    public void The_estimate_for_a_store_is_what_its_demo_predicts()
    {
        var demo = Dpattn.Run("demo", "--rows", "5000", "--epsilon", "2", "--output", "json").Json();
        var estimate = Dpattn.Run("estimate", "--rows", "5000", "--key-dimension", "32", "--value-dimension", "8", "--key-radius", "1", "--value-radius", "1", "--epsilon", "2", "--output", "json")
            .Json().GetProperty("estimates")[0];
        var promised = estimate.GetProperty("typicalNoise").GetDouble();
        Assert.InRange(demo.GetProperty("predictedNoiseRms").GetDouble(), promised * 0.95, promised * 1.05);
        Assert.Equal(estimate.GetProperty("kernelErrorBound").GetDouble(), demo.GetProperty("kernelErrorBound").GetDouble());
    }

    [Fact]
    public void Without_an_epsilon_a_table_and_a_plot_show_seven()
    {
        Assert.Equal([0.1, 0.25, 0.5, 1, 2, 4, 8], Estimates().Select(e => e.GetProperty("epsilon").GetDouble()));
        var lines = Dpattn.Run(["estimate", .. Store]).Output.Split('\n');
        Assert.Equal(7, lines.Count(line => char.IsAsciiDigit(line.TrimStart().FirstOrDefault()) && !line.Contains('|', StringComparison.Ordinal) && line.StartsWith("  ", StringComparison.Ordinal) && !line.Contains("epsilon", StringComparison.Ordinal)));
        Assert.Contains(lines, line => line.Contains("error of an output coordinate", StringComparison.Ordinal));
        var plot = lines.Where(line => line.Contains('|', StringComparison.Ordinal)).Select(line => line[(line.IndexOf('|', StringComparison.Ordinal) + 1)..]).ToArray();
        // A falling curve: every line of the plot that has stars has them further right than the line above.
        var first = plot.Where(line => line.Contains('*', StringComparison.Ordinal)).Select(line => line.IndexOf('*', StringComparison.Ordinal)).ToArray();
        Assert.True(first.Length >= 5, "the curve has no slope");
        Assert.Equal(first.Order(), first);
        Assert.Equal(first.Distinct().Count(), first.Length);
    }

    [Fact]
    public void Under_add_remove_nothing_bounds_the_worst_noise()
    {
        Assert.Equal(JsonValueKind.Null, Assert.Single(Estimates("--epsilon", "1", "--adjacency", "add-remove")).GetProperty("worstNoise").ValueKind);
        Assert.Contains("no bound", Dpattn.Run(["estimate", .. Store, "--epsilon", "1", "--adjacency", "add-remove"]).Output);
    }

    [Fact]
    public void The_json_repeats_the_store()
    {
        var json = Dpattn.Run(["estimate", .. Store, "--epsilon", "1", "--degree", "3", "--output", "json"]).Json();
        Assert.Equal(1000, json.GetProperty("rows").GetInt64());
        Assert.Equal(16, json.GetProperty("keyDimension").GetInt32());
        Assert.Equal(4, json.GetProperty("valueDimension").GetInt32());
        Assert.Equal(19 * 18 * 17 / 6, json.GetProperty("features").GetInt32());
        Assert.Equal("replace-one", json.GetProperty("adjacency").GetString());
        Assert.Equal("moment-tree", json.GetProperty("mechanism").GetString());
    }

    [Theory]
    [InlineData("state --epsilon or --error, not both", "--epsilon", "1", "--error", "0.1")]
    [InlineData("target error must be finite and above 0", "--error", "0")]
    [InlineData("needs an epsilon of", "--error", "1e-15")]
    [InlineData("any epsilon above 0 gives a smaller error", "--error", "1e9")]
    [InlineData("no room for the slack of this release's discrete noise", "--epsilon", "26")]
    [InlineData("no room for the slack of discrete noise", "--epsilon", "100")]
    [InlineData("--epsilon takes a number, not 'one'", "--epsilon", "one")]
    public void What_no_store_could_keep_is_not_promised(string message, params string[] args) =>
        Dpattn.Run(["estimate", .. Store, .. args]).IsRefused(ExitCode.Usage, message);

    [Theory]
    [InlineData("--rows")]
    [InlineData("--key-dimension")]
    [InlineData("--value-dimension")]
    public void A_missing_or_impossible_count_is_named(string flag)
    {
        var at = Array.IndexOf(Store, flag);
        Dpattn.Run(["estimate", .. Store[..at], .. Store[(at + 2)..]]).IsRefused(ExitCode.Usage, flag);
        Dpattn.Run(["estimate", .. Store[..at], flag, "1.5", .. Store[(at + 2)..]]).IsRefused(ExitCode.Usage, $"{flag} takes a whole number of at most ", "not '1.5'");
        Dpattn.Run(["estimate", .. Store[..at], flag, "0", .. Store[(at + 2)..]]).IsRefused(ExitCode.Usage, flag == "--rows" ? "at least one row slot" : $"{flag} must be at least 1, not 0");
    }

    private static IReadOnlyList<JsonElement> Estimates(params string[] args) =>
        [.. Dpattn.Run(["estimate", .. Store, .. args, "--output", "json"]).Json().GetProperty("estimates").EnumerateArray()];
}
