using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>Many releases of the same sums, each under a secret of its own. Secrets are fixed, so a statistical test has one outcome for ever.</summary>
internal static class Releases
{
    public static IEnumerable<MomentAnswerer> Of(MomentMatrix exact, double epsilon, int count, double noiseFactor = 1, int threads = 1)
    {
        var ladder = MomentRelease.Calibrate(exact.Parameters, [new Epsilon(epsilon)], TestRows.Delta);
        return Enumerable.Range(0, count).Select(i => One(exact, ladder, i, noiseFactor, threads));
    }

    private static MomentAnswerer One(MomentMatrix exact, NoiseLadder ladder, int number, double noiseFactor, int threads)
    {
        INoiseSource noise = new KeyedNoise(ReleaseKey.Derive(SHA256.HashData(BitConverter.GetBytes(number)), new byte[32]), threads);
        if (noiseFactor != 1)
            noise = new ScaledNoise(noise, noiseFactor);
        return new MomentAnswerer(MomentRelease.Publish(exact, ladder, noise).Tiers[0]);
    }
}
