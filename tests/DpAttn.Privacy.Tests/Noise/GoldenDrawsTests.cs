using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// Draws of sampler version 1, frozen. A release that was published is served for ever, and a node that is drawn later must fit it: whoever
/// changes a number here has made a new version, and must keep the old one.
/// </summary>
public class GoldenDrawsTests
{
    public static TheoryData<string, int, long, string, string, string> Golden => [..
        from line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Noise", "golden_draws.csv")).Skip(2)
        let f = line.Split(',')
        select new TheoryDataRow<string, int, long, string, string, string>(f[0], int.Parse(f[1]), long.Parse(f[2]), f[3], f[4], f[5])];

    [Fact]
    public void This_is_sampler_version_1() => Assert.Equal(1, KeyedNoise.SamplerVersion);

    /// <summary>
    /// The first eight values at an address, and SHA-256 of the first 10,000 (over two block borders), computed in another language from the
    /// secret on.
    /// </summary>
    [Theory]
    [MemberData(nameof(Golden))]
    public void Draws_are_those_of_version_1(string mechanism, int tier, long node, string variance, string first, string digest)
    {
        var noise = new KeyedNoise(ReleaseKey.Derive(SHA256.HashData("golden secret"u8), SHA256.HashData("golden manifest"u8)));
        var values = new long[10_000];
        noise.Fill(new NoiseAddress(mechanism, tier, node, new NoiseVariance(UInt128.Parse(variance))), values);
        var bytes = new byte[values.Length * sizeof(long)];
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), values[i]);
        Assert.Equal(first, string.Join(' ', values[..8]));
        Assert.Equal(digest, Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }

    /// <summary>Fractions are no part of a release, but of the sampler.</summary>
    [Fact]
    public void Draws_at_a_fraction_are_those_of_version_1()
    {
        using var words = new KeyStream(SHA256.HashData("golden key"u8));
        var sampler = new DiscreteGaussianSampler(355, 113);
        Assert.Equal("0 0 1 0 0 1 3 2 -1 1 0 0 -1 -2 0 -1 -1 -1 3 -2 -1 2 -1 -1 -1 0 1 3 0 1 0 -2", string.Join(' ', Enumerable.Range(0, 32).Select(_ => sampler.Draw(words))));
    }
}
