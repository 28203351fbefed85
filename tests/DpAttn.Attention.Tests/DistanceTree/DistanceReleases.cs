using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>Releases of the distance-tree under fixed secrets, so that a statistical test has one outcome for ever.</summary>
internal static class DistanceReleases
{
    public static KeyedNoise Noise(int number) => new(ReleaseKey.Derive(SHA256.HashData(BitConverter.GetBytes(number)), new byte[32]));

    public static NoiseLadder Ladder(DistanceTreeParameters parameters, params double[] epsilons) =>
        DistanceTreeRelease.Calibrate(parameters, [.. epsilons.Select(epsilon => new Epsilon(epsilon))], TestRows.Delta);

    /// <summary>One tier's answerer of each of many releases of the same sums.</summary>
    public static IEnumerable<DistanceTreeAnswerer> Of(DistanceTreeSums exact, double epsilon, int count, Func<INoiseSource, INoiseSource>? wrap = null)
    {
        var ladder = Ladder(exact.Parameters, epsilon);
        for (var i = 0; i < count; i++)
        {
            INoiseSource noise = Noise(i);
            yield return new DistanceTreeAnswerer(new Kept(DistanceTreeRelease.Publish(exact, ladder, wrap is null ? noise : wrap(noise)).Tiers[0]));
        }
    }

    /// <summary>Noised parts that are drawn once and kept: what a service's cache does, and what makes a thousand queries cheap.</summary>
    public sealed class Kept(IDistanceTreeParts parts) : IDistanceTreeParts
    {
        private readonly Dictionary<long, long[]> _kept = [];

        public DistanceTreeParameters Parameters => parts.Parameters;

        public long Slots => parts.Slots;

        public double Deviation => parts.Deviation;

        public int Count => _kept.Count;

        public void Read(long part, Span<long> destination)
        {
            if (!_kept.TryGetValue(part, out var values))
            {
                values = new long[destination.Length];
                parts.Read(part, values);
                _kept.Add(part, values);
            }
            values.CopyTo(destination);
        }
    }

    /// <summary>A build in which all copies share the first one's noise: the planted fault of the tests of independence.</summary>
    public sealed class SharedByCopies(DistanceTreeParameters parameters, INoiseSource source) : INoiseSource
    {
        public void Fill(NoiseAddress address, Span<long> destination)
        {
            var stride = 2L * parameters.GridCells * parameters.Features;
            source.Fill(address with { Node = address.Node % stride }, destination);
        }
    }
}
