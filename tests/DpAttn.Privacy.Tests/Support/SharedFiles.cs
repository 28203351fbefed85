namespace DpAttn.Privacy.Tests;

/// <summary>Files beside the repository, in ../shared.</summary>
internal static class SharedFiles
{
    /// <summary>The full path of a shared file, or null where it is absent.</summary>
    public static string? Find(string path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "DpAttnCluster.sln")))
                continue;
            var file = Path.Combine(folder.FullName, "..", "shared", path);
            return File.Exists(file) ? file : null;
        }
        return null;
    }
}
