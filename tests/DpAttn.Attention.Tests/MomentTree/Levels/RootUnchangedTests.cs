using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>
/// <c>levels: root</c> is bit for bit what it was before trees had levels: figures recorded from the code of that time. Stored releases depend on it: their noise is bound to these
/// digests. Calibration goes through the platform's exp and erfc, so the record is one of x64 on Linux.
/// </summary>
public class RootUnchangedTests
{
    [Fact]
    public void A_root_release_has_the_digests_noise_answers_and_estimates_that_it_always_had()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "the record is one of x64 on Linux");
        var schema = new StoreSchema(Region.Ball([0.5, -1, 0], 0.7), Region.Box(3, -0.25, 1), ValueBound.Ball(2, 2), 0.75, Adjacency.ReplaceOne, 64);
        var parameters = MomentParameters.Create(schema, 2);
        var ladder = MomentRelease.Calibrate(parameters, [new Epsilon(0.5), new Epsilon(2)], TestRows.Delta);
        var exact = MomentAccumulator.Sum(parameters, TestRows.Rows(schema, 50, 17));
        Assert.Equal("b38661b1624f510887a127de8bcbe9e47b331182a7dff64c431d1275158a4b6c", Hex(MomentManifest.Digest(parameters, ladder, 50, new byte[32])));
        Assert.Equal("3ce829c8af63af5be9e1eaa3e51fb428546bc02ec42ff193146d473dd8ef2353", Hex(MomentManifest.Digest(exact, ladder)));

        var release = MomentRelease.Publish(exact, ladder, SHA256.HashData("golden"u8));
        Assert.Equal(
            ["ca41705ab7b27aa8c13a66b1b87554685ff3596a904a1bad1643eb7e6b775de9", "69f5560dbab88d2e3515733ef3421de83eb198640ec7548c57a08d25f401b3fc"],
            release.Tiers.Select(tier => Hex(SHA256.HashData(MemoryMarshal.AsBytes(tier.Values.AsSpan())))));
        var answer = new MomentAnswerer(release.Tiers[1]).Answer([0.5, -0.125, 0.25]);
        Assert.Equal("bfc0c949551ce914 3fd53cf49208c286 3fd3ee081892109e 3fd428b3da5ba8b3", Bits([.. answer.Output, .. answer.NoiseDeviation]));
        Assert.Equal(50, answer.SlotsCovered);
        Assert.Equal(1, release.Tiers[1].Nodes);

        var error = MomentEstimator.ErrorAt(parameters, 50, new Epsilon(0.5), TestRows.Delta);
        var epsilon = MomentEstimator.EpsilonFor(parameters, 50, 0.25, TestRows.Delta).Epsilon.Value;
        Assert.Equal("3ff96a26b663b01d 40167a2012123cc8 400de3f92252054a", Bits(error.TypicalNoise, error.WorstNoise, epsilon));
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

    private static string Bits(params double[] values) => string.Join(' ', values.Select(x => BitConverter.DoubleToInt64Bits(x).ToString("x16")));
}
