using DpAttn.Deploy.Tests.Support;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>Renders the chart as helm does: Go's template engine and Sprig, built once from the program beside the checkout.</summary>
internal static class ChartRenderer
{
    private static readonly Lazy<(string? Program, string? Missing)> Built = new(Build);

    public static string Folder { get; } = Repository.In("helm", "dp-attn-cluster");

    /// <summary>The values that are rendered in the tests, by name: the file beside the chart's own, or null.</summary>
    public static IReadOnlyDictionary<string, string?> Variants { get; } = new Dictionary<string, string?>
    {
        ["default"] = null,
        ["minimal"] = Path.Combine(Folder, "ci", "minimal-values.yaml"),
        ["full"] = Path.Combine(Folder, "ci", "full-values.yaml"),
    };

    /// <summary>Renders one of <see cref="Variants"/>; skips the test where nothing here can.</summary>
    /// <param name="variant">Its name.</param>
    /// <param name="set">Values beside it, as name=value.</param>
    public static string Render(string variant, params string[] set) => RenderFolder(Folder, Variants[variant], set);

    /// <summary>Renders default values as a release of that name.</summary>
    public static string RenderRelease(string release) => Run(Folder, release, null, []);

    /// <summary>Renders a copy of the chart.</summary>
    public static string RenderFolder(string folder, string? values, params string[] set) => Run(folder, "dp", values, set);

    private static string Run(string folder, string release, string? values, string[] set)
    {
        var (program, missing) = Built.Value;
        Assert.SkipWhen(program is null, missing ?? "");
        return Command.Must(program!, [folder, "--name", release, "--namespace", "privacy", .. values is null ? (string[])[] : ["-f", values], .. set.SelectMany(one => (string[])["--set", one])]);
    }

    private static (string?, string?) Build()
    {
        var source = Path.GetFullPath(Repository.In("..", "shared", "tools", "chart-render"));
        if (!Directory.Exists(source))
            return (null, "the program that renders charts (../shared/tools/chart-render) is not here");
        if (!Command.IsHere("go"))
            return (null, "no chart is rendered here: Go is missing (packages golang-go, golang-github-masterminds-sprig-dev, golang-k8s-sigs-yaml-dev)");
        var folder = Directory.CreateTempSubdirectory("dpattn-chart-");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Delete(recursive: true);
        var program = Path.Combine(folder.FullName, "chart-render");
        var (code, _, error) = Command.Run(
            "go",
            ["build", "-o", program, "."],
            source,
            new Dictionary<string, string?> { ["GO111MODULE"] = "off", ["GOPATH"] = "/usr/share/gocode", ["GOCACHE"] = Path.Combine(folder.FullName, "cache"), ["GOFLAGS"] = null });
        return code == 0 ? (program, null) : (null, $"no chart is rendered here: the program does not build, are golang-github-masterminds-sprig-dev and golang-k8s-sigs-yaml-dev installed? {error}");
    }
}
