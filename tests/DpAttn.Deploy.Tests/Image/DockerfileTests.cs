using System.Text.RegularExpressions;
using DpAttn.Deploy.Tests.Support;
using DpAttn.Server;

namespace DpAttn.Deploy.Tests.Image;

/// <summary>What the image is, before it is built; that it builds and serves is in <see cref="ImageTests"/>.</summary>
public sealed class DockerfileTests
{
    private static readonly Dockerfile Image = Dockerfile.Read();

    [Fact]
    public void The_final_image_is_a_chiseled_runtime_into_which_nothing_but_the_published_server_is_put()
    {
        Assert.Equal(["publish", "final"], Image.Stages.Select(stage => stage.Name));
        Assert.EndsWith("-chiseled", Image.Final.Base);
        Assert.Empty(Image.Final.All("RUN"));
        Assert.Equal(["--from=publish /app /app", "LICENSE /licenses/LICENSE", "--from=publish --chown=1654:1654 /empty /var/lib/dpattn"], Image.Final.All("COPY").Select(one => one.Arguments));
        Assert.DoesNotContain("ADD", Image.Stages.SelectMany(stage => stage.Instructions).Select(one => one.Name));
        // The runtime is the base image's, and patched with it.
        Assert.Contains("--no-self-contained", Assert.Single(Image.Stages[0].All("RUN"), one => one.Arguments.StartsWith("dotnet publish", StringComparison.Ordinal)).Arguments);
    }

    [Fact]
    public void It_runs_as_a_user_that_is_not_root_without_a_shell_and_asks_for_its_own_health()
    {
        Assert.Equal("1654:1654", Assert.Single(Image.Final.All("USER")).Arguments);
        Assert.Equal(["/app/DpAttn.Server"], Assert.Single(Image.Final.All("ENTRYPOINT")).Exec);
        Assert.Equal(["/app/DpAttn.Server", DpAttnServer.HealthCheckFlag], Assert.Single(Image.Final.All("HEALTHCHECK")).Exec);
        Assert.Empty(Image.Final.All("CMD"));
    }

    [Fact]
    public void Its_variables_are_settings_and_its_ports_those_of_the_server()
    {
        var variables = Image.Final.Environment;
        ServerSettings.AssertKnown(variables);
        var options = ServerSettings.Read(variables);
        Assert.Equal("0", variables["DOTNET_EnableDiagnostics"]);
        var http = new[] { options.Listen, options.AdminListen }.Select(address => new Uri(address.Replace("*", "any", StringComparison.Ordinal)).Port);
        Assert.Equal(http.Append(options.SiloPort).Append(options.GatewayPort), Assert.Single(Image.Final.All("EXPOSE")).Words.Select(int.Parse));
    }

    [Fact]
    public void It_says_what_it_is_by_the_labels_of_the_open_container_initiative()
    {
        Assert.Equal(
            ["org.opencontainers.image.description", "org.opencontainers.image.licenses", "org.opencontainers.image.revision", "org.opencontainers.image.title", "org.opencontainers.image.vendor", "org.opencontainers.image.version"],
            Image.Final.Labels.Keys.Order(StringComparer.Ordinal));
        var project = File.ReadAllText(Repository.In("Directory.Build.props"));
        Assert.Equal(Regex.Match(project, "<Version>(.*)</Version>").Groups[1].Value, Image.Final.Labels["org.opencontainers.image.version"]);
        Assert.Equal(Regex.Match(project, "<PackageLicenseExpression>(.*)</PackageLicenseExpression>").Groups[1].Value, Image.Final.Labels["org.opencontainers.image.licenses"]);
    }

    [Fact]
    public void What_is_copied_is_in_the_checkout_and_not_kept_from_the_build()
    {
        var ignored = File.ReadAllLines(Repository.In(".dockerignore")).Where(line => line.Length > 0).ToList();
        foreach (var source in Image.Stages.SelectMany(stage => stage.All("COPY")).Where(one => one.Option("from") is null).SelectMany(one => one.Words[..^1]))
        {
            Assert.True(Path.Exists(Repository.In(source.TrimEnd('/'))), source);
            Assert.DoesNotContain(source.TrimEnd('/'), ignored);
        }
        // Neither what was built here, nor what nobody may know.
        Assert.All((string[])[".git", "**/bin", "**/obj", "deploy"], line => Assert.Contains(line, ignored));
    }
}
