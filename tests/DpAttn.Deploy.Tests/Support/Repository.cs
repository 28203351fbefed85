using System.Runtime.CompilerServices;

namespace DpAttn.Deploy.Tests.Support;

/// <summary>Where things are in the checkout.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", ".."));

    public static string In(params string[] path) => Path.Combine([Root, .. path]);

    private static string Here([CallerFilePath] string here = "") => here;
}
