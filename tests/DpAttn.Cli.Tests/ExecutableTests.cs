using System.Text.RegularExpressions;

namespace DpAttn.Cli.Tests;

/// <summary>The program itself, as users start it.</summary>
public class ExecutableTests
{
    private const string Escape = "\u001b[";

    /// <summary>
    /// The main job with nothing stated. The noise is fresh in every run: an error of twice its prediction in root mean square over
    /// nine or more noised numbers has a probability below 1e-6.
    /// </summary>
    [Fact]
    public void The_demo_runs_the_main_job_on_50000_made_rows()
    {
        var printed = Dpattn.Start(["demo", "--output", "json"]);
        Assert.Equal("", printed.Error);
        var json = printed.Json();
        Assert.Equal(50_000, json.GetProperty("rows").GetInt32());
        Assert.Equal(1, json.GetProperty("epsilon").GetDouble());
        Assert.Equal(1e-6, json.GetProperty("delta").GetDouble());
        Assert.Equal("replace-one", json.GetProperty("adjacency").GetString());
        var signal = json.GetProperty("signalRms").GetDouble();
        var predicted = json.GetProperty("predictedNoiseRms").GetDouble();
        Assert.InRange(json.GetProperty("rmse").GetDouble(), 0.1 * predicted, 2.5 * predicted);
        Assert.True(2.5 * predicted < signal, "the demo shows nothing but noise");
        Assert.True(json.GetProperty("top1Private").GetDouble() > 0.9);
        Assert.InRange(json.GetProperty("budget").GetProperty("spent").GetDouble(), 1 - 1e-8, 1);
    }

    [Fact]
    public void The_four_exit_codes_reach_the_shell()
    {
        Assert.Equal(0, Dpattn.Start(["calc", "--epsilon", "1", "--delta", "1e-6"]).ExitCode);
        Dpattn.Start(["demo", "--rows", "600", "--key-radius", "0.5"]).IsRefused(1, "key of row 0");
        Dpattn.Start(["demo", "--epsilon", "-1"]).IsRefused(2, "epsilon must lie in (0, 200]");
        Dpattn.Start(["demo", "--rows", "600", "--limit", "0.1"]).IsRefused(3, "does not admit");
    }

    [Fact]
    public void Rows_that_do_not_fit_in_memory_are_a_message() =>
        Dpattn.Start(["demo", "--rows", "5000000"], ("DOTNET_GCHeapHardLimit", "0x8000000")).IsRefused(1, "the rows do not fit in memory");

    /// <summary>256 MiB of keys, 64 MiB of values; the heap may not grow beyond 4 GiB.</summary>
    [Fact]
    [Trait("Suite", "Long")]
    public void A_million_rows_stay_under_4_gibibytes()
    {
        var json = Dpattn.Start(
            ["demo", "--rows", "1000000", "--key-dimension", "64", "--value-dimension", "16", "--degree", "2", "--output", "json"],
            ("DOTNET_GCHeapHardLimit", "0x100000000")).Json();
        Assert.Equal(1_000_000, json.GetProperty("rows").GetInt32());
        Assert.True(json.GetProperty("rmse").GetDouble() < json.GetProperty("signalRms").GetDouble());
    }

    [Fact]
    public void Progress_is_drawn_on_a_terminal_and_nowhere_else()
    {
        string[] args = ["demo", "--rows", "100000", "--repeat", "3", "--output", "json"];
        var terminal = Dpattn.StartOnTerminal(args);
        Assert.Equal(0, terminal.ExitCode);
        foreach (var step in new[] { "making rows", "checking rows", "loading rows", "repeating with throw-away secrets" })
            Assert.Contains(step, terminal.Output);
        Assert.Matches(Colour, terminal.Output);
        Assert.Contains("\"rows\": 100000", terminal.Output);

        var plain = Dpattn.StartOnTerminal(args, ("NO_COLOR", "1"));
        Assert.Contains("loading rows", plain.Output);
        Assert.DoesNotMatch(Colour, plain.Output);

        var pipe = Dpattn.Start(args);
        Assert.DoesNotContain("loading rows", pipe.Error);
        Assert.DoesNotContain(Escape, pipe.Error);
        Assert.DoesNotContain(Escape, pipe.Output);
        pipe.Json();
    }

    [Fact]
    public void The_progress_of_a_measurement_is_drawn_on_a_terminal_and_nowhere_else()
    {
        string[] args = ["bench", "accuracy", "--rows", "500", "--key-dimension", "2", "--epsilon", "1", "--value-dimension", "2", "--query-count", "1", "--grid-cells", "16", "--workload", "unit-1", "--output", "json"];
        var terminal = Dpattn.StartOnTerminal(args);
        Assert.Equal(0, terminal.ExitCode);
        Assert.Contains("measuring", terminal.Output);
        var pipe = Dpattn.Start(args);
        Assert.Equal("", pipe.Error);
        Assert.Equal(6, pipe.Json().GetArrayLength());
    }

    private static Regex Colour => new("\u001b\\[[0-9;]*[0-9]m");
}
