using System.Text.Json;
using DpAttn.Privacy;

namespace DpAttn.Cli.Tests;

public sealed class DemoCommandTests : IDisposable
{
    private static readonly float[][] Keys = [[1, 0], [0, 1], [-0.6f, 0.8f], [0.6f, -0.8f], [0, 0]];
    private static readonly float[][] Values = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]];
    private static readonly float[][] Queries = [[0.8f, 0.6f], [-1, 0], [0, 0.5f], [0.3f, -0.3f]];
    private static readonly string[] Bounds = ["--key-radius", "1", "--value-radius", "1"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_json_has_exactly_the_stated_names()
    {
        var json = Dpattn.Run("demo", "--rows", "600", "--output", "json").Json();
        Assert.Equal(
            [
                "rows", "keyDimension", "valueDimension", "mechanism", "features", "epsilon", "delta", "adjacency", "signalRms", "rmse", "rmseNoiseOnly",
                "predictedNoiseRms", "kernelErrorBound", "interval95Coverage", "indistinguishableShare", "top1Exact", "top1Private", "queryMicrosMedian",
                "exactQueryMicrosMedian", "publishSeconds", "budget",
            ],
            json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(["limit", "spent", "remaining"], json.GetProperty("budget").EnumerateObject().Select(p => p.Name));
        Assert.Equal("moment-tree", json.GetProperty("mechanism").GetString());
        foreach (var name in new[] { "queryMicrosMedian", "exactQueryMicrosMedian", "publishSeconds" })
            Assert.True(json.GetProperty(name).GetDouble() > 0, name);
    }

    [Fact]
    public void Opening_the_best_tier_spends_its_epsilon_and_no_query_spends_more()
    {
        var budget = Dpattn.Run("demo", "--rows", "600", "--epsilon", "1", "--limit", "2", "--output", "json").Json().GetProperty("budget");
        Assert.Equal(2, budget.GetProperty("limit").GetDouble());
        Assert.InRange(budget.GetProperty("spent").GetDouble(), 1 - 1e-8, 1);
        // mu squared adds, epsilon does not.
        var delta = new Delta(0.999e-6);
        double whole = GaussianCurve.MuFor(new Epsilon(2), delta).Value, spent = GaussianCurve.MuFor(new Epsilon(1), delta).Value;
        var left = GaussianCurve.EpsilonFor(new Mu(Math.Sqrt(whole * whole - spent * spent)), delta).Value;
        Assert.InRange(budget.GetProperty("remaining").GetDouble(), left * (1 - 1e-8), left);

        var table = Dpattn.Run("demo", "--rows", "600", "--epsilon", "1", "--limit", "2").Output;
        Assert.Matches(@"before +2 +0 +2\b", table);
        Assert.Matches(@"after opening the best tier +2 +1 +1\.\d+", table);
        Assert.Matches(@"after 1,000 queries +2 +1 +1\.\d+", table);
    }

    [Fact]
    public void Without_a_stated_limit_the_best_tier_uses_the_budget_up()
    {
        var budget = Dpattn.Run("demo", "--rows", "600", "--epsilon", "0.5", "--output", "json").Json().GetProperty("budget");
        Assert.Equal(0.5, budget.GetProperty("limit").GetDouble());
        Assert.InRange(budget.GetProperty("spent").GetDouble(), 0.5 * (1 - 1e-8), 0.5);
        Assert.InRange(budget.GetProperty("remaining").GetDouble(), 0, 1e-4);
    }

    [Fact]
    public void A_limit_below_the_tier_is_refused_by_the_budget()
    {
        Dpattn.Run("demo", "--rows", "600", "--epsilon", "1", "--limit", "0.999").IsRefused(ExitCode.RefusedByBudget, "limit of epsilon 0.999 at delta 1e-6", "does not admit a tier of epsilon 1", "nothing was charged");
        Dpattn.Run("demo", "--rows", "600", "--epsilon", "26").IsRefused(ExitCode.RefusedByBudget, "no room for the slack", "nothing was charged");
    }

    [Fact]
    public void Repeats_are_announced_and_only_the_first_is_charged()
    {
        var printed = Dpattn.Run("demo", "--rows", "600", "--repeat", "5", "--output", "json");
        Assert.Contains("5 times with throw-away secrets", printed.Error);
        Assert.Contains("only the first release is charged", printed.Error);
        Assert.InRange(printed.Json().GetProperty("budget").GetProperty("spent").GetDouble(), 1 - 1e-8, 1);

        var table = Dpattn.Run("demo", "--rows", "600", "--repeat", "5");
        Assert.Contains("mean of 5 publishes with throw-away secrets (only the first is charged)", table.Output);
        Assert.Equal("", Dpattn.Run("demo", "--rows", "600").Error);
    }

    /// <summary>Every figure that has no noise in it, calculated here a second time.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Exact_figures_of_own_files_are_right(bool float64)
    {
        var json = Dpattn.Run(["demo", .. Files(float64), "--queries", _folder.Matrix("q.npy", Queries), "--labels", _folder.Labels("l.npy", 0, 2, 1, 1), .. Bounds, "--scale", "0.7", "--output", "json"]).Json();
        double[][] exact = [.. Queries.Select(q => Attend(q, 0.7))];
        double[] mean = [.. Enumerable.Range(0, 3).Select(j => Values.Average(v => (double)v[j]))];
        var signal = Math.Sqrt(exact.Average(o => o.Select((x, j) => (x - mean[j]) * (x - mean[j])).Average()));
        Assert.InRange(json.GetProperty("signalRms").GetDouble(), signal * (1 - 1e-5), signal * (1 + 1e-5));
        long[] labels = [0, 2, 1, 1];
        var found = exact.Where((o, i) => o.Select((x, j) => (x - mean[j], j)).Max().j == labels[i]).Count() / 4.0;
        Assert.True(found is > 0 and < 1, "the labels tell nothing");
        Assert.Equal(found, json.GetProperty("top1Exact").GetDouble());
        Assert.Equal(5, json.GetProperty("rows").GetInt32());
        Assert.Equal(2, json.GetProperty("keyDimension").GetInt32());
        Assert.Equal(3, json.GetProperty("valueDimension").GetInt32());
        Assert.Equal(6, json.GetProperty("features").GetInt32());
    }

    [Fact]
    public void The_defaults_are_those_that_are_documented()
    {
        var table = Dpattn.Run(["demo", .. Files(), .. Bounds]).Output;
        Assert.Contains("degree 2, 6 features, scale 0.5", table);
        Assert.Contains("epsilon 1 at delta 1e-6, replace-one, unit: one row", table);
        Assert.Contains("ladder         epsilon 0.25, 0.5, 1", table);
        // Without --queries some of the keys are asked.
        Assert.Contains("after 5 queries", table);
        Assert.DoesNotContain("classes found", table);
        var json = Dpattn.Run(["demo", .. Files(), .. Bounds, "--output", "json"]).Json();
        Assert.Equal(JsonValueKind.Null, json.GetProperty("top1Exact").ValueKind);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("top1Private").ValueKind);
        Assert.Equal("add-remove", Dpattn.Run(["demo", .. Files(), .. Bounds, "--adjacency", "add-remove", "--output", "json"]).Json().GetProperty("adjacency").GetString());
    }

    [Fact]
    public void Queries_are_bound_as_the_keys_unless_stated_otherwise()
    {
        string[] demo = ["demo", .. Files(), .. Bounds, "--queries", _folder.Matrix("q.npy", [0.125f, 0.125f], [0, -1.5f])];
        Dpattn.Run(demo).IsRefused(ExitCode.Failed, "query 1", "the l2 ball of radius 1");
        Assert.Equal(ExitCode.Done, Dpattn.Run([.. demo, "--query-radius", "1.5"]).ExitCode);
        Assert.Equal(ExitCode.Done, Dpattn.Run([.. demo, "--query-box", "-1.5,0.125"]).ExitCode);
        Dpattn.Run([.. demo, "--query-box", "-1.5,0"]).IsRefused(ExitCode.Failed, "query 0", "coordinate 0 lies outside [-1.5, 0]");
        Dpattn.Run([.. demo, "--query-radius", "2", "--query-box", "0,1"]).IsRefused(ExitCode.Usage, "--query-radius or --query-box, not both");
    }

    [Fact]
    public void Clip_moves_rows_and_queries_to_the_bound()
    {
        string[] demo = ["demo", .. Files(), "--queries", _folder.Matrix("q.npy", [0, 3f]), "--key-radius", "0.5", "--value-radius", "0.5"];
        Dpattn.Run(demo).IsRefused(ExitCode.Failed, "key of row 0", "the l2 ball of radius 0.5");
        Assert.Equal(ExitCode.Done, Dpattn.Run([.. demo, "--clip"]).ExitCode);
        Assert.Equal(ExitCode.Done, Dpattn.Run(["demo", .. Files(), "--queries", _folder.Matrix("r.npy", [0, 3f]), "--key-box", "0,0.5", "--value-radius", "1", "--clip"]).ExitCode);
    }

    /// <summary>Numbers whose products leave float32 are compared in float64; where they leave that too, the comparison says so.</summary>
    [Fact]
    public void Clip_takes_any_finite_row_and_query_that_exact_attention_can_be_compared_on()
    {
        string[] Demo(string keys, string queries) => ["demo", "--keys", keys, "--values", _folder.Matrix("v.npy", Values[..2]), "--queries", queries, .. Bounds, "--clip", "--output", "json"];
        var ordinary = _folder.Matrix("k.npy", Keys[..2]);
        foreach (var far in new[] { Demo(ordinary, _folder.Matrix("q.npy", [0, 1e300])), Demo(_folder.Matrix("f.npy", [1e30f, -1e30f], [3e38f, 0]), _folder.Matrix("q.npy", [3e38f, 3e38f])) })
        {
            var json = Dpattn.Run(far).Json();
            Assert.True(double.IsFinite(json.GetProperty("rmse").GetDouble()));
            Assert.True(double.IsFinite(json.GetProperty("signalRms").GetDouble()));
        }
        Dpattn.Run(Demo(_folder.Matrix("f.npy", [1e300, -1e300], [1e308, 0]), _folder.Matrix("q.npy", [1e300, 1e300]))).IsRefused(ExitCode.Failed, "leaves double precision");
    }

    [Theory]
    [InlineData(-0f)]
    [InlineData(1e-45f)]
    [InlineData(-1e-39f)]
    public void Negative_zero_and_subnormals_are_accepted(float tiny)
    {
        var json = Dpattn.Run(
            "demo", "--keys", _folder.Matrix("k.npy", [tiny, 0.5f], [1, tiny]), "--values", _folder.Matrix("v.npy", [tiny], [1f]),
            "--queries", _folder.Matrix("q.npy", [tiny, tiny]), "--key-box", "-1,1", "--value-radius", "1", "--output", "json").Json();
        Assert.Equal(2, json.GetProperty("rows").GetInt32());
    }

    [Fact]
    public void Made_rows_are_the_same_in_every_run_and_their_noise_is_not()
    {
        var first = Dpattn.Run("demo", "--rows", "2000", "--output", "json").Json();
        var second = Dpattn.Run("demo", "--rows", "2000", "--output", "json").Json();
        Assert.Equal(first.GetProperty("signalRms").GetDouble(), second.GetProperty("signalRms").GetDouble());
        Assert.NotEqual(first.GetProperty("rmse").GetDouble(), second.GetProperty("rmse").GetDouble());
    }

    [Fact]
    public void Threads_change_no_exact_figure()
    {
        var one = Dpattn.Run("demo", "--rows", "3000", "--threads", "1", "--output", "json").Json();
        var three = Dpattn.Run("demo", "--rows", "3000", "--threads", "3", "--output", "json").Json();
        foreach (var name in new[] { "signalRms", "kernelErrorBound", "top1Exact" })
            Assert.Equal(one.GetProperty(name).GetDouble(), three.GetProperty(name).GetDouble());
    }

    private string[] Files(bool float64 = false) => float64
        ? ["--keys", _folder.Matrix("k.npy", Widen(Keys)), "--values", _folder.Matrix("v.npy", Widen(Values))]
        : ["--keys", _folder.Matrix("k.npy", Keys), "--values", _folder.Matrix("v.npy", Values)];

    private static double[][] Widen(float[][] rows) => [.. rows.Select(row => row.Select(x => (double)x).ToArray())];

    private static double[] Attend(float[] query, double scale)
    {
        double[] weights = [.. Keys.Select(k => Math.Exp(scale * ((double)k[0] * query[0] + (double)k[1] * query[1])))];
        return [.. Enumerable.Range(0, 3).Select(j => weights.Select((w, i) => w * Values[i][j]).Sum() / weights.Sum())];
    }
}
