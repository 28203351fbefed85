using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DpAttn.Deploy.Tests.Support;
using k8s;
using k8s.Models;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>Silos are replaced before fronts, if they are told to be: nothing else of an upgrade touches the other role's pods.</summary>
public sealed partial class UpgradeTests
{
    private const string Digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    public static TheoryData<string, string, string> Images => new()
    {
        { "", ":0.1.0", ":0.1.0" },
        { "image.tag=v2", ":v2", ":v2" },
        { "image.tag=v1 silos.image.tag=v2", ":v2", ":v1" },
        { "image.tag=v2 fronts.image.tag=v1", ":v2", ":v1" },
        { $"image.digest={Digest}", $"@{Digest}", $"@{Digest}" },
        { $"image.tag=v1 image.digest={Digest} silos.image.tag=v2", ":v2", $"@{Digest}" },
        { $"image.tag=v1 silos.image.tag=v2 silos.image.digest={Digest}", $"@{Digest}", ":v1" },
    };

    [Theory]
    [MemberData(nameof(Images))]
    public void A_roles_own_image_wins_and_the_migration_has_the_silos(string set, string silo, string front)
    {
        var pods = Manifests.Render("default", set.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Pods;
        Assert.Equal(
            ("dp-attn-cluster" + silo, "dp-attn-cluster" + silo, "dp-attn-cluster" + front),
            (pods["silo"].Container.Image, pods["migration"].Container.Image, pods["front"].Container.Image));
        Assert.Equal(
            [("silos", "dp-attn-cluster" + silo), ("fronts", "dp-attn-cluster" + front)],
            pods["test"].Spec.Containers.Select(one => (one.Name, one.Image)));
    }

    [Theory]
    [InlineData("default")]
    [InlineData("full")]
    public void Of_the_two_steps_the_first_replaces_silos_only_and_the_second_fronts_only(string variant)
    {
        using var copy = new ChartCopy();
        var before = Templates(ChartRenderer.Render(variant, "image.digest=", "fronts.image.tag=", "image.tag=v1"));
        // The chart of the new version is another too.
        var file = copy.In("Chart.yaml");
        var stated = File.ReadAllText(file);
        File.WriteAllText(file, Regex.Replace(stated, "0\\.1\\.0", "0.2.0"));
        Assert.NotEqual(stated, File.ReadAllText(file));
        var first = Templates(copy.Render(ChartRenderer.Variants[variant], "image.digest=", "fronts.image.tag=", "image.tag=v1", "silos.image.tag=v2"));
        var second = Templates(copy.Render(ChartRenderer.Variants[variant], "image.digest=", "fronts.image.tag=", "image.tag=v2"));
        Assert.Equal((before["front"], first["silo"]), (first["front"], second["silo"]));
        Assert.NotEqual(before["silo"], first["silo"]);
        Assert.NotEqual(first["front"], second["front"]);

        static Dictionary<string, string> Templates(string yaml) => Manifests.Parse(yaml).All<V1Deployment>().ToDictionary(one => one.Metadata.Labels["app.kubernetes.io/component"], one => KubernetesYaml.Serialize(one.Spec.Template));
    }

    [Fact]
    public void What_the_page_and_the_notes_set_are_values_of_the_chart()
    {
        var values = Yaml.ToJson(File.ReadAllText(Path.Combine(ChartRenderer.Folder, "values.yaml")));
        foreach (var text in (string[])["README.md", "templates/NOTES.txt"])
        {
            var set = Set().Matches(File.ReadAllText(Path.Combine(ChartRenderer.Folder, text))).Select(match => match.Groups[1].Value).Distinct().ToList();
            Assert.Contains("silos.image.tag", set);
            Assert.All(set, path => Assert.True(path.Split('.').Aggregate((JsonNode?)values, (node, name) => node?[name]) is JsonValue, $"{text}: {path} is no value of the chart"));
        }
    }

    [GeneratedRegex(@"--set(?:-string)? ([A-Za-z.]+)=")]
    private static partial Regex Set();
}
