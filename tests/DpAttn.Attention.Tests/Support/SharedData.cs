using DpAttn.Attention.IO;

namespace DpAttn.Attention.Tests;

/// <summary>The real rows that may lie beside a checkout, in ../shared/data. A test that wants them skips visibly where they are absent.</summary>
internal static class SharedData
{
    public static FloatMatrix Matrix(string set, string file) => Npy.ReadMatrix(PathOf(set, file));

    public static string PathOf(string set, string file)
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "DpAttnCluster.sln")))
            directory = directory.Parent;
        var path = directory?.Parent is { } beside ? Path.Combine(beside.FullName, "shared", "data", set, file) : null;
        if (path is null || !File.Exists(path))
            Assert.Skip($"../shared/data/{set}/{file} is not there");
        return path!;
    }
}
