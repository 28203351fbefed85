using System.IO.Compression;
using System.Xml.Linq;

namespace DpAttn.Packages.Tests;

/// <summary>All packages of this checkout, packed into a folder as they would be published.</summary>
public sealed class PackedPackages : IAsyncLifetime
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-packages-");

    /// <summary>Where the packages lie.</summary>
    public string Feed => Path.Combine(_directory.FullName, "feed");

    /// <summary>Their one version.</summary>
    public string Version { get; private set; } = "";

    /// <summary>A folder for a project of its own.</summary>
    public string FolderOf(string name) => Directory.CreateDirectory(Path.Combine(_directory.FullName, name)).FullName;

    public async ValueTask InitializeAsync()
    {
        await new Dotnet(Checkout.Root).RunAsync("dotnet", ["pack", "DpAttnCluster.sln", "-c", Checkout.Configuration, "--no-build", "-o", Feed, "-v", "q", "--nologo"], ("NUGET_PACKAGES", MachinePackages));
        var client = Assert.Single(Directory.GetFiles(Feed, "DpAttn.Contracts.*.nupkg"));
        Version = Path.GetFileNameWithoutExtension(client)["DpAttn.Contracts.".Length..];
    }

    /// <summary>The files of a package.</summary>
    public IReadOnlyList<string> FilesOf(string package, string extension = "nupkg")
    {
        using var archive = Open(package, extension);
        return [.. archive.Entries.Select(entry => entry.FullName)];
    }

    /// <summary>What a package says of itself.</summary>
    public XElement MetadataOf(string package)
    {
        using var archive = Open(package, "nupkg");
        using var stream = archive.GetEntry($"{package}.nuspec")!.Open();
        return XDocument.Load(stream).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
    }

    /// <summary>The names of all packages.</summary>
    public IReadOnlyList<string> Names() => [.. Directory.GetFiles(Feed, "*.nupkg").Select(file => Path.GetFileNameWithoutExtension(file)[..^(Version.Length + 1)]).Order(StringComparer.Ordinal)];

    public ValueTask DisposeAsync()
    {
        _directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private static string MachinePackages => Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private ZipArchive Open(string package, string extension) => ZipFile.OpenRead(Path.Combine(Feed, $"{package}.{Version}.{extension}"));
}
