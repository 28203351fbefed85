using System.Numerics;
using DpAttn.Privacy;
using MathNet.Numerics.Distributions;

namespace DpAttn.Attention.Tests;

/// <summary>
/// What integers are reached, over many releases of the same rows: with noise on every integer all residues of every modulus are, equally often and whatever the rows. A noise that lies
/// on a coarser lattice than the sums, as one that is scaled or drawn as a floating-point number, leaves a residue of the sums bare.
/// </summary>
internal static class Support
{
    /// <summary>The least chi-square probability over all numbers of a release and the moduli 2, 3 and 16 and sixteenths of the number's own step.</summary>
    /// <param name="releases">Integers of one release after another, some hundred at least.</param>
    /// <param name="steps">Per integer, what the exact sum is a multiple of.</param>
    public static double LeastProbability(IReadOnlyList<long[]> releases, IReadOnlyList<long> steps)
    {
        var least = 1.0;
        for (var k = 0; k < steps.Count; k++)
        {
            foreach (var modulus in new[] { 2, 3, 16 })
                least = Math.Min(least, Uniformity(releases.Select(values => (int)(((values[k] % modulus) + modulus) % modulus)), modulus, releases.Count));
            var step = steps[k];
            // Of a step that is no multiple of 16 the sixteenths differ by less than one part in a hundred from step 4,096 on.
            if (step >= 4096)
                least = Math.Min(least, Uniformity(releases.Select(values => (int)((Int128)(((values[k] % step) + step) % step) * 16 / step)), 16, releases.Count));
        }
        return least;
    }

    /// <summary>The greatest common divisor of the differences between releases, per integer: 1 where they reach no coset of a coarser lattice alone.</summary>
    public static IEnumerable<BigInteger> Grids(IReadOnlyList<long[]> releases) => Enumerable.Range(0, releases[0].Length).Select(k =>
        releases.Skip(1).Aggregate(BigInteger.Zero, (gcd, values) => BigInteger.GreatestCommonDivisor(gcd, (BigInteger)values[k] - releases[0][k])));

    private static double Uniformity(IEnumerable<int> residues, int modulus, int count)
    {
        var counts = new int[modulus];
        foreach (var residue in residues)
            counts[residue]++;
        var expected = count / (double)modulus;
        return 1 - ChiSquared.CDF(modulus - 1, counts.Sum(x => (x - expected) * (x - expected) / expected));
    }
}

/// <summary>The planted faults: noise on a coarser lattice than the integers it is added to.</summary>
/// <param name="source">The real noise.</param>
/// <param name="step">Noise is a multiple of this.</param>
internal sealed class CoarseNoise(INoiseSource source, long step) : INoiseSource
{
    public void Fill(NoiseAddress address, Span<long> destination)
    {
        source.Fill(address, destination);
        foreach (ref var value in destination)
            value = value / step * step;
    }
}
