using System.Reflection;

namespace DpAttn.Packages.Tests;

/// <summary>The checkout that the tests were built from.</summary>
internal static class Checkout
{
    public static string Root { get; } = Find();

    /// <summary>Debug or Release: what was built with these tests.</summary>
    public static string Configuration { get; } = typeof(Checkout).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    /// <summary>The examples in C# of a package's README, in order.</summary>
    public static string[] Examples(string package)
    {
        var readme = File.ReadAllText(Path.Combine(Root, "src", package, "README.md")).ReplaceLineEndings("\n");
        return [.. readme.Split("```csharp\n").Skip(1).Select(rest => rest[..rest.IndexOf("\n```", StringComparison.Ordinal)])];
    }

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "DpAttnCluster.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException("the tests do not run inside their checkout");
    }
}
