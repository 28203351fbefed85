namespace DpAttn.Cli.Tests;

/// <summary>The checkout that the tests were built in, and the real rows that may lie beside it.</summary>
internal static class Checkout
{
    public static string Root
    {
        get
        {
            var directory = new DirectoryInfo(AppContext.BaseDirectory);
            while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "DpAttnCluster.sln")))
                directory = directory.Parent;
            return directory?.FullName ?? throw new DirectoryNotFoundException("no DpAttnCluster.sln above the tests");
        }
    }

    /// <summary>A file of ../shared; the test skips where that folder is absent.</summary>
    public static string Shared(params string[] parts)
    {
        var path = Path.GetFullPath(Path.Combine([Root, "..", "shared", .. parts]));
        if (!File.Exists(path))
            Assert.Skip($"../shared/{string.Join('/', parts)} is not there");
        return path;
    }
}
