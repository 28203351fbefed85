namespace DpAttn.Cluster.Tests;

/// <summary>Files as version 1 writes them, kept for every later one.</summary>
internal static class Golden
{
    /// <summary>What version 1 wrote.</summary>
    public static byte[] Bytes(string name) => File.ReadAllBytes(PathOf("Golden", name));

    /// <summary>
    /// Requires that this version writes what version 1 wrote. A file that is not there yet is written to Golden-new beside the tests, to be looked at and
    /// checked in, and the test fails.
    /// </summary>
    public static void Require(string name, byte[] bytes)
    {
        if (!File.Exists(PathOf("Golden", name)))
        {
            Directory.CreateDirectory(PathOf("Golden-new"));
            File.WriteAllBytes(PathOf("Golden-new", name), bytes);
            Assert.Fail($"there is no golden file {name} yet");
        }
        Assert.Equal(Bytes(name), bytes);
    }

    private static string PathOf(params string[] pieces) => Path.Combine([AppContext.BaseDirectory, .. pieces]);
}
