using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using DpAttn.Privacy;

namespace DpAttn.Cli.Bench;

/// <summary>The throw-away secrets of a measurement. What is made with a stated seed is no secret at all: such a release is for comparison and never leaves the process.</summary>
internal static class BenchSecrets
{
    /// <summary>One secret per draw.</summary>
    public static byte[][] Make(int draws, int? seed) => [.. Enumerable.Range(0, draws).Select(draw => seed is { } stated
        ? SHA256.HashData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"dpattn bench secret {stated} {draw}")))
        : ReleaseKey.NewSecret())];
}
