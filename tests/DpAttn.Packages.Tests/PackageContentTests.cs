namespace DpAttn.Packages.Tests;

/// <summary>What is in the packages, before anybody installs one.</summary>
public sealed class PackageContentTests(PackedPackages packages)
{
    // What is promised; the others are packed because these need them.
    private static readonly string[] Promised = ["DpAttn.Attention", "DpAttn.Client", "DpAttn.Client.Cluster", "DpAttn.Contracts", "DpAttn.Privacy", "DpAttn.Testing"];
    private static readonly string[] Needed = ["DpAttn.Auditing", "DpAttn.Cluster", "DpAttn.Gateway", "DpAttn.Server", "DpAttn.Storage"];
    private const string Tool = "dpattn";

    [Fact]
    public void All_packages_are_there_and_no_others() =>
        Assert.Equal(Promised.Concat(Needed).Append(Tool).Order(StringComparer.Ordinal), packages.Names());

    [Fact]
    public void Each_has_its_readme_its_licence_documentation_and_symbols()
    {
        foreach (var name in packages.Names())
        {
            var metadata = packages.MetadataOf(name);
            string Said(string element) => metadata.Elements().Single(found => found.Name.LocalName == element).Value;
            Assert.Equal("Apache-2.0", Said("license"));
            Assert.Equal("README.md", Said("readme"));
            Assert.True(Said("description").Length > 20, $"{name} does not say what it is");
            var files = packages.FilesOf(name);
            Assert.Contains("README.md", files);
            var library = name == Tool ? "tools/net10.0/any/dpattn" : $"lib/net10.0/{name}";
            Assert.Contains($"{library}.dll", files);
            Assert.Contains(name == Tool ? "tools/net10.0/any/DpAttn.Client.xml" : $"{library}.xml", files);
            Assert.Contains($"{library}.pdb", packages.FilesOf(name, "snupkg"));
        }
    }

    [Fact]
    public void Each_depends_on_packages_of_this_version_that_are_there()
    {
        foreach (var name in packages.Names())
        {
            var needed = packages.MetadataOf(name).Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => (Id: element.Attribute("id")!.Value, Version: element.Attribute("version")!.Value)).ToArray();
            foreach (var (id, version) in needed.Where(need => need.Id.StartsWith("DpAttn.", StringComparison.Ordinal)))
            {
                Assert.Contains(id, packages.Names());
                Assert.Equal(packages.Version, version);
            }
            // Analyzers and tests are nobody's business who uses it.
            Assert.DoesNotContain(needed, need => need.Id.Contains("Analyzers", StringComparison.Ordinal) || need.Id.StartsWith("xunit", StringComparison.Ordinal));
        }
    }

    /// <summary>The build refuses a public member that they do not name, and one that they name and that is gone (RS0016, RS0017).</summary>
    [Fact]
    public void What_is_promised_has_public_API_files()
    {
        foreach (var name in Promised)
        {
            foreach (var file in (string[])["PublicAPI.Shipped.txt", "PublicAPI.Unshipped.txt"])
                Assert.StartsWith("#nullable enable", File.ReadAllText(Path.Combine(Checkout.Root, "src", name, file)));
        }
    }
}
