using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;

namespace DpAttn.Cli.Tests.Bench;

/// <summary>dpattn bench accuracy, on sizes that take moments. Seeds are fixed wherever a number is judged.</summary>
public sealed class AccuracyTests : IDisposable
{
    private static readonly string[] Small =
        ["bench", "accuracy", "--rows", "2000", "--key-dimension", "2", "--epsilon", "1", "--value-dimension", "4", "--query-count", "2", "--grid-cells", "64", "--alpha", "0.5", "--threads", "1"];

    private static readonly string[] Fields =
        ["mechanism", "calibration", "workload", "rows", "keyDimension", "valueDimension", "epsilon", "delta", "rmse", "rmseLow", "rmseHigh", "signalRms", "queryMicrosMedian", "refused"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_json_is_an_array_with_every_mechanism_at_every_point()
    {
        var results = Results("--rows", "2000,500", "--key-dimension", "2,3", "--epsilon", "1,4", "--workload", "uniform-1/d,unit-1", "--seed", "1");
        // The base, another n, another epsilon, another d: four points, two workloads, six mechanisms.
        Assert.Equal(48, results.Length);
        Assert.All(results, result => Assert.Equal(Fields, result.EnumerateObject().Select(property => property.Name)));
        Assert.Equal(
            [("distance-tree", "joint"), ("distance-tree", "paper"), ("exact", "none"), ("mean", "gaussian"), ("moment-tree", "gaussian"), ("per-query", "gaussian")],
            results.Select(r => (Text(r, "mechanism"), Text(r, "calibration"))).Distinct().Order());
        Assert.Equal(
            [(500, 2, 1.0), (2000, 2, 1), (2000, 2, 4), (2000, 3, 1)],
            results.Select(r => ((int)Number(r, "rows"), (int)Number(r, "keyDimension"), Number(r, "epsilon"))).Distinct().Order());
        Assert.All(results, r => Assert.Equal((4, 1e-6), (Number(r, "valueDimension"), Number(r, "delta"))));
        Assert.All(results, r => Assert.True(Number(r, "signalRms") > 0));
    }

    [Fact]
    public void The_spread_brackets_the_error_and_only_exact_attention_has_none()
    {
        foreach (var result in Results("--seed", "2").Where(r => r.GetProperty("refused").ValueKind == JsonValueKind.Null))
        {
            double low = Number(result, "rmseLow"), error = Number(result, "rmse"), high = Number(result, "rmseHigh");
            Assert.True(Number(result, "queryMicrosMedian") >= 0);
            if (Text(result, "mechanism") == "exact")
                Assert.Equal((0, 0, 0), (low, error, high));
            else
                Assert.True(0 < low && low < error && error < high, $"{Text(result, "mechanism")}: {low} {error} {high}");
        }
    }

    /// <summary>Acceptance in small: the joint calibration errs at most a fifth as much as the paper's, the moment tree less than either, and all errors fall with epsilon.</summary>
    [Fact]
    public void The_joint_calibration_errs_less_than_the_papers_and_the_moment_tree_least()
    {
        var results = Results("--workload", "uniform-1/d", "--epsilon", "1,8", "--rows", "3000", "--key-dimension", "4", "--grid-cells", "256", "--alpha", "0.1", "--seed", "3");
        double Error(string mechanism, string calibration, double epsilon) =>
            Number(results.Single(r => Text(r, "mechanism") == mechanism && Text(r, "calibration") == calibration && Number(r, "epsilon") == epsilon), "rmse");
        Assert.True(Error("distance-tree", "joint", 1) <= Error("distance-tree", "paper", 1) / 5);
        Assert.True(Error("moment-tree", "gaussian", 1) < Error("distance-tree", "joint", 1));
        foreach (var (mechanism, calibration) in new[] { ("moment-tree", "gaussian"), ("distance-tree", "joint"), ("distance-tree", "paper"), ("per-query", "gaussian") })
            Assert.True(Error(mechanism, calibration, 8) < Error(mechanism, calibration, 1));
    }

    [Fact]
    public void A_seed_repeats_the_noise_and_without_one_it_is_fresh()
    {
        string[] Errors(params string[] flags) => [.. Results(["--workload", "uniform-1/d", .. flags]).Select(r => r.GetProperty("rmse").GetRawText())];
        Assert.Equal(Errors("--seed", "5"), Errors("--seed", "5"));
        // The last is exact attention, without any.
        Assert.All(Errors("--seed", "5").Zip(Errors("--seed", "6")).SkipLast(1), pair => Assert.NotEqual(pair.First, pair.Second));
        Assert.All(Errors().Zip(Errors()).SkipLast(1), pair => Assert.NotEqual(pair.First, pair.Second));
    }

    [Fact]
    public void What_does_not_fit_a_workload_is_shown_with_its_reason()
    {
        var refused = Results("--workload", "unit-8", "--degree", "1", "--kernel", "taylor", "--seed", "1").ToLookup(r => r.GetProperty("refused").ValueKind != JsonValueKind.Null);
        Assert.Equal(["mean", "exact", "per-query"], refused[false].Select(r => Text(r, "mechanism")).OrderBy(name => name.Length));
        var reasons = refused[true].ToDictionary(r => $"{Text(r, "mechanism")} {Text(r, "calibration")}", r => Text(r, "refused"));
        Assert.Contains("not positive", reasons["distance-tree joint"]);
        Assert.Contains("must be below 1", reasons["moment-tree gaussian"]);
        Assert.Equal(["distance-tree joint", "distance-tree paper", "moment-tree gaussian"], reasons.Keys.Order());
        Assert.All(refused[true], r => Assert.All(new[] { "rmse", "rmseLow", "rmseHigh", "queryMicrosMedian" }, name => Assert.Equal(JsonValueKind.Null, r.GetProperty(name).ValueKind)));
        var table = Run("--workload", "unit-1");
        Assert.Matches("(?m)^ +distance-tree paper .* refused ", table.Output);
        Assert.Contains("distance-tree paper refused: the paper's domain is a box that does not go below 0", table.Output);
    }

    [Fact]
    public void The_table_has_plots_against_each_number_that_varies()
    {
        var printed = Run("--workload", "unit-1", "--epsilon", "1,4", "--rows", "2000,500");
        Assert.Equal((ExitCode.Done, ""), (printed.ExitCode, printed.Error));
        Assert.Equal(2, printed.Output.Split('\n').Count(line => line.Contains("unit-1: error   (- signal, m moment-tree, j distance-tree joint", StringComparison.Ordinal)));
        foreach (var mark in "mjqv")
            Assert.Contains(printed.Output.Split('\n'), line => line.IndexOf('|', StringComparison.Ordinal) is >= 0 and var bar && line[bar..].Contains(mark, StringComparison.Ordinal));
    }

    [Fact]
    public void The_plot_is_an_svg_file_whose_marks_lie_inside_it()
    {
        XNamespace svg = "http://www.w3.org/2000/svg";
        var file = _folder.PathOf("plot.svg");
        var results = Results("--workload", "uniform-1/d,unit-1", "--epsilon", "1,4", "--plot", file, "--seed", "1");
        var root = XDocument.Load(file).Root!;
        Assert.Equal(svg + "svg", root.Name);
        double Of(XElement element, string name) => double.Parse(element.Attribute(name)!.Value, CultureInfo.InvariantCulture);
        var circles = root.Descendants(svg + "circle").ToArray();
        Assert.Equal(results.Count(r => r.GetProperty("rmse").ValueKind == JsonValueKind.Number && Number(r, "rmse") > 0), circles.Length);
        Assert.All(circles, circle => Assert.True(Of(circle, "cx") is > 62 and < 366 && Of(circle, "cy") is > 34 and < 256));
        Assert.Equal(2, root.Elements(svg + "g").Count());
        Assert.Contains(root.Descendants(svg + "text"), text => text.Value == "uniform-1/d: error against epsilon");
    }

    [Fact]
    public void Rows_of_ones_own_are_measured_at_every_epsilon()
    {
        var random = new Random(7);
        float[][] Rows(int columns) => [.. Enumerable.Range(0, 500).Select(_ => Enumerable.Range(0, columns).Select(_ => (float)(random.NextDouble() / 4)).ToArray())];
        string[] files = ["--keys", _folder.Matrix("k.npy", Rows(3)), "--values", _folder.Matrix("v.npy", Rows(2))];
        string[] run = ["bench", "accuracy", .. files, "--epsilon", "1,4", "--query-count", "3", "--grid-cells", "64", "--output", "json"];
        JsonElement[] results = [.. Dpattn.Run([.. run, "--key-box", "0,1", "--value-radius", "1"]).Json().EnumerateArray()];
        Assert.Equal(12, results.Length);
        Assert.All(results, r => Assert.Equal((500, 3, 2, "k.npy, v.npy"), ((int)Number(r, "rows"), (int)Number(r, "keyDimension"), (int)Number(r, "valueDimension"), Text(r, "workload"))));
        Assert.All(results, r => Assert.Equal(JsonValueKind.Null, r.GetProperty("refused").ValueKind));
        Dpattn.Run([.. run, "--key-box", "0,0.01", "--value-radius", "1"]).IsRefused(ExitCode.Failed, "key of row 0", "[0, 0.01]");
        Dpattn.Run([.. run, "--key-box", "0,1", "--query-box", "0,0.0001", "--value-radius", "1"]).IsRefused(ExitCode.Failed, "query 0");
        Dpattn.Run(run).IsRefused(ExitCode.Usage, "state the bound of the keys");
        Dpattn.Run([.. run, "--key-box", "0,1", "--value-radius", "1", "--rows", "5"]).IsRefused(ExitCode.Usage, "--rows shapes made rows");
    }

    /// <summary>The slots' count is then a noised column: nothing may need n.</summary>
    [Fact]
    public void Add_remove_is_measured_too() =>
        Assert.All(Results("--workload", "uniform-1/d", "--adjacency", "add-remove").Where(r => Text(r, "mechanism") != "exact"), r => Assert.InRange(Number(r, "rmse"), 1e-6, 0.6));

    [Theory]
    [InlineData("--draws must lie between 30 and 10000, not 29", "--draws", "29")]
    [InlineData("--rows must lie between 1 and 10000000, not 0", "--rows", "10,0")]
    [InlineData("--rows takes a whole number", "--rows", "many")]
    [InlineData("--rows has a number twice", "--rows", "10,10")]
    [InlineData("--key-dimension must lie between 1 and 1024, not -1", "--key-dimension", "-1")]
    [InlineData("--value-dimension must lie between 1 and 1024, not 0", "--value-dimension", "0")]
    [InlineData("--query-count must lie between 1 and 1024, not 2000", "--query-count", "2000")]
    [InlineData("epsilon must lie in (0, 200]", "--epsilon", "1,0")]
    [InlineData("--epsilon takes at most 16 numbers, not 17", "--epsilon", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17")]
    [InlineData("delta", "--delta", "2")]
    [InlineData("--alpha must be 0 (exact distances) or lie between", "--alpha", "-1")]
    [InlineData("--grid-cells must be a power of two, not 100", "--grid-cells", "100")]
    [InlineData("--copies must be odd, not 2", "--copies", "2")]
    [InlineData("--degree must lie between 1 and", "--degree", "0")]
    [InlineData("--threads must be at least 1", "--threads", "0")]
    [InlineData("--workload takes uniform-1/d, uniform-1/sqrt-d, unit-1, unit-8, not 'other'", "--workload", "unit-1,other")]
    [InlineData("--scale is a bound of rows of your own", "--scale", "1")]
    [InlineData("--values is missing", "--keys", "K.npy")]
    [InlineData("--keys is missing", "--queries", "Q.npy")]
    [InlineData("--plot draws an .svg file, not 'plot.png'", "--plot", "plot.png")]
    [InlineData("--seed", "--seed", "x")]
    public void Bad_input_is_refused_before_anything_is_measured(string message, params string[] flags) =>
        Dpattn.Run(["bench", "accuracy", .. flags]).IsRefused(ExitCode.Usage, message);

    [Fact]
    public void A_plot_without_a_folder_is_refused_before_anything_is_measured() =>
        Dpattn.Run("bench", "accuracy", "--plot", _folder.PathOf("nowhere/plot.svg")).IsRefused(ExitCode.Failed, "there is no folder");

    private static JsonElement[] Results(params string[] flags) => [.. Run([.. flags, "--output", "json"]).Json().EnumerateArray()];

    private static Printed Run(params string[] flags) => Dpattn.Run([.. Without(flags), .. flags]);

    /// <summary>The small defaults that are not stated otherwise: a list that is stated twice would be one longer list.</summary>
    private static IEnumerable<string> Without(string[] flags)
    {
        yield return Small[0];
        yield return Small[1];
        for (var i = 2; i < Small.Length; i += 2)
        {
            if (flags.Contains(Small[i]))
                continue;
            yield return Small[i];
            yield return Small[i + 1];
        }
    }

    private static string Text(JsonElement result, string name) => result.GetProperty(name).GetString()!;

    private static double Number(JsonElement result, string name) => result.GetProperty(name).GetDouble();
}
