using System.Diagnostics;
using DpAttn.LocalCluster;

namespace DpAttn.Testing.Tests.Tls;

/// <summary>A secret as it is mounted: <c>tls.crt</c>, <c>tls.key</c> and <c>ca.crt</c> are links into a directory of this generation, and a new generation comes by moving one link.</summary>
internal sealed class SecretDirectory(string root)
{
    private int _generation;

    /// <summary>Who may read what is put.</summary>
    public UnixFileMode KeyMode { get; set; } = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public string Certificate => Path.Combine(root, "tls.crt");

    public string Key => Path.Combine(root, "tls.key");

    public string Authority => Path.Combine(root, "ca.crt");

    /// <summary>Puts another generation in place of what is there.</summary>
    public void Put((string Certificate, string Key) own, string authorities)
    {
        var data = $"..{++_generation}";
        Directory.CreateDirectory(Path.Combine(root, data));
        foreach (var (name, text) in ((string, string)[])[("tls.crt", own.Certificate), ("tls.key", own.Key), ("ca.crt", authorities)])
        {
            File.WriteAllText(Path.Combine(root, data, name), text);
            SetMode(Path.Combine(root, data, name), KeyMode);
        }
        var (link, next) = (Path.Combine(root, "..data"), Path.Combine(root, "..data_next"));
        File.CreateSymbolicLink(next, data);
        // One rename, which .NET has for files and not for links to directories.
        using (var move = Process.Start("mv", ["-T", next, link]))
        {
            move.WaitForExit();
            Assert.Equal(0, move.ExitCode);
        }
        if (_generation > 1)
            return;
        foreach (var name in (string[])["tls.crt", "tls.key", "ca.crt"])
            File.CreateSymbolicLink(Path.Combine(root, name), Path.Combine("..data", name));
    }

    public static void SetMode(string file, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, mode);
    }

    public static (string Certificate, string Key) Silo(ThrowawayAuthority authority) => authority.Issue(["silo.dpattn"], ThrowawayAuthority.SiloUses);

    public static (string Certificate, string Key) Front(ThrowawayAuthority authority) => authority.Issue(["front.dpattn"], ThrowawayAuthority.FrontUses);
}
