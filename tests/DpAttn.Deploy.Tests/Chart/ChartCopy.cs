namespace DpAttn.Deploy.Tests.Chart;

/// <summary>A copy of the chart that a test may change; it goes with it.</summary>
internal sealed class ChartCopy : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-chart-copy-");

    public ChartCopy()
    {
        foreach (var file in Directory.GetFiles(ChartRenderer.Folder, "*", SearchOption.AllDirectories))
        {
            var target = In(Path.GetRelativePath(ChartRenderer.Folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    /// <summary>Where a file of it is.</summary>
    public string In(params string[] path) => Path.Combine([_directory.FullName, .. path]);

    /// <summary>Renders it.</summary>
    public string Render(string? values, params string[] set) => ChartRenderer.RenderFolder(_directory.FullName, values, set);

    public void Dispose() => _directory.Delete(recursive: true);
}
