using System.Text.Json;

namespace DpAttn.Cli.Tests;

/// <summary>
/// The main job on real rows. Noise is fresh in every run; a figure's deviation from release to release was measured over 40 releases, and
/// with the repeats stated here every bound lies at least five deviations of the mean away from the figure's own mean: false alarms
/// below 1e-6. Noise 30 % too small would cover 99.5 %, noise 30 % too large 87 %: either fails.
/// </summary>
public sealed class RealRowsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Deviations of one release: rmse 3.8e-5, coverage 2.3 %, top-1 0.35 %. Of the mean of 200: 2.7e-6, 0.16 %, 0.025 %.</summary>
    [Fact]
    public void Packages_at_epsilon_1()
    {
        var report = Packages(repeat: 200, "--values", Checkout.Shared("data", "packages", "values.npy"), "--labels", Checkout.Shared("data", "packages", "query_labels.npy"));
        Assert.Equal(45_846, report.GetProperty("rows").GetInt32());
        Assert.Equal(64, report.GetProperty("keyDimension").GetInt32());
        Assert.Equal(16, report.GetProperty("valueDimension").GetInt32());
        Assert.Equal(2145, report.GetProperty("features").GetInt32());
        Assert.InRange(Figure(report, "signalRms"), 0.00585, 0.00595);
        Assert.InRange(Figure(report, "rmse"), 0, 0.00050);
        Assert.InRange(Figure(report, "interval95Coverage"), 0.94, 0.96);
        Assert.InRange(Figure(report, "indistinguishableShare"), 0, 0.01);
        Assert.InRange(Figure(report, "top1Exact"), 0.64, 0.65);
        Assert.InRange(Figure(report, "top1Exact") - Figure(report, "top1Private"), -0.02, 0.02);
        Assert.InRange(Figure(report, "rmseNoiseOnly"), 0.95 * Figure(report, "predictedNoiseRms"), 1.05 * Figure(report, "predictedNoiseRms"));
    }

    /// <summary>Nothing to tell apart: every answer is the mean. Deviation of one release 2.0 %, of the mean of 100 0.2 %.</summary>
    [Fact]
    public void Answers_of_a_store_whose_values_are_all_alike_are_called_indistinguishable_from_the_mean()
    {
        var alike = Enumerable.Repeat(Enumerable.Range(0, 16).Select(j => j == 3 ? 1f : 0).ToArray(), 45_846).ToArray();
        var report = Packages(repeat: 100, "--values", _folder.Matrix("alike.npy", alike));
        Assert.InRange(Figure(report, "indistinguishableShare"), 0.93, 0.97);
        Assert.InRange(Figure(report, "signalRms"), 0, 1e-6);
    }

    /// <summary>
    /// Deviations of one release, at epsilon 0.1, 1 and 8: rmse 11 % to 15 %, coverage 3.3 % to 4.4 %, indistinguishable share at 0.1 12 %;
    /// of the mean of 100 a tenth.
    /// </summary>
    [Theory]
    [InlineData("0.1", 0.0066, 0.8, 1)]
    [InlineData("1", 0.00075, 0, 0.05)]
    [InlineData("8", 0.00013, 0, 0.001)]
    public void Letters_in_the_unit_box(string epsilon, double largestError, double fewestIndistinguishable, double mostIndistinguishable)
    {
        string File(string name) => Checkout.Shared("data", "letters", name);
        var report = Dpattn.Run(
            "demo", "--keys", File("keys.npy"), "--values", File("values.npy"), "--queries", File("queries.npy"), "--labels", File("query_labels.npy"),
            "--key-box", "0,1", "--value-radius", "1", "--degree", "2", "--epsilon", epsilon, "--delta", "1e-6", "--repeat", "100", "--output", "json").Json();
        Assert.InRange(Figure(report, "signalRms"), 0.000415, 0.000425);
        Assert.InRange(Figure(report, "rmse"), 0, largestError);
        Assert.InRange(Figure(report, "interval95Coverage"), 0.92, 0.98);
        Assert.InRange(Figure(report, "indistinguishableShare"), fewestIndistinguishable, mostIndistinguishable);
    }

    private static JsonElement Packages(int repeat, params string[] args) => Dpattn.Run(
        [
            "demo", "--keys", Checkout.Shared("data", "packages", "keys.npy"), "--queries", Checkout.Shared("data", "packages", "queries.npy"), .. args,
            "--scale", "1", "--degree", "2", "--key-radius", "1", "--value-radius", "1", "--adjacency", "replace-one", "--epsilon", "1", "--delta", "1e-6",
            "--repeat", $"{repeat}", "--output", "json",
        ]).Json();

    private static double Figure(JsonElement report, string name) => report.GetProperty(name).GetDouble();
}
