using System.Security.Cryptography;
using MathNet.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// Noise at two places factorises: of pairs of values, one from each, every cell of a table of 8 x 8 equally likely ones is met equally often, whichever part of the place differs. Chi-square
/// probabilities below 1e-8 fail; keys are fixed. A correlation would miss noise that shares its sizes and not its signs: the table does not, nor a third of the noise shared.
/// </summary>
public class FactorisationTests
{
    private const double LeastProbability = 1e-8;
    private const int Places = 25;
    private const int Length = 4096;

    private static readonly NoiseVariance Variance = new(UInt128.One << 70);

    public static TheoryData<string> Differences => new("release", "mechanism", "tier", "node", "variance", "block", "offset");

    [Theory]
    [MemberData(nameof(Differences))]
    public void Noise_at_two_places_factorises_and_noise_that_shares_a_third_or_its_sizes_does_not(string difference)
    {
        var pairs = Pairs(difference);
        Assert.True(Joint(pairs) > LeastProbability);
        var share = Math.Sqrt(1 - 0.3 * 0.3);
        Assert.True(Joint(pairs.Select(p => (p.X, 0.3 * p.X + share * p.Y))) < LeastProbability);
        Assert.True(Joint(pairs.Select(p => (p.X, Math.CopySign(p.X, p.Y)))) < LeastProbability);
        Assert.True(Joint(pairs.Select(p => (p.X, p.X))) < LeastProbability);
        // Each side alone is as it should be in all of them: only the pair tells.
        Assert.True(DrawStatistics.EqualCells([.. pairs.Select(p => 0.3 * p.X + share * p.Y)]) > LeastProbability);
        Assert.True(DrawStatistics.EqualCells([.. pairs.Select(p => Math.CopySign(p.X, p.Y))]) > LeastProbability);
    }

    /// <summary>A lower tier's noise is the better one's and fresh noise: what it adds factorises from what was there, and the sum has the tier's width.</summary>
    [Fact]
    public void What_a_lower_tier_adds_factorises_from_the_better_tiers_noise()
    {
        var ladder = NoiseLadder.Calibrate(System.Numerics.BigInteger.One << 35, Length, [new Epsilon(0.5), new Epsilon(1)], new Delta(1e-6));
        var pairs = new List<(double X, double Y)>();
        for (var place = 0; place < Places; place++)
        {
            var noise = Noise($"secret {place}");
            long[] lower = new long[Length], better = new long[Length];
            new LadderTreeNoise(noise, ladder, "moment-tree", 0).AddTo(1, lower);
            new LadderTreeNoise(noise, ladder, "moment-tree", 1).AddTo(1, better);
            for (var i = 0; i < Length; i++)
                pairs.Add((better[i] / ladder.Tiers[1].Variance.Sigma.Value, (lower[i] - better[i]) / ladder.Tiers[0].Increment.Sigma.Value));
        }
        Assert.True(Joint(pairs) > LeastProbability);
        // The planted fault: fresh noise for the whole of the lower tier. The difference then holds the better tier's noise too.
        Assert.True(Joint(pairs.Select((p, i) => (p.X, (pairs[(i + Length) % pairs.Count].Y - p.X) / Math.Sqrt(2)))) < LeastProbability);
    }

    private static List<(double X, double Y)> Pairs(string difference)
    {
        var pairs = new List<(double, double)>();
        for (var place = 0; place < Places; place++)
        {
            var (address, noise) = (new NoiseAddress("moment-tree", 1, 1 + 2 * place, Variance), Noise("secret"));
            var first = Fill(noise, address, 2 * Length);
            var second = difference switch
            {
                "release" => Fill(Noise("other secret"), address, Length),
                "mechanism" => Fill(noise, address with { Mechanism = "distance-tree" }, Length),
                "tier" => Fill(noise, address with { Tier = 0 }, Length),
                "node" => Fill(noise, address with { Node = address.Node + 1 }, Length),
                "variance" => Fill(noise, address with { Variance = new((UInt128.One << 70) + 1) }, Length),
                "block" => first[KeyedNoise.BlockLength..][..Length],
                // A value and the one after it, of one stream.
                _ => first[1..][..Length],
            };
            // Every other pair of neighbours alone: (x1, x2), (x3, x4), so that no value stands in two pairs.
            for (var i = 0; i < Length; i += difference == "offset" ? 2 : 1)
                pairs.Add((first[i] / Variance.Sigma.Value, second[i] / Variance.Sigma.Value));
        }
        return pairs;
    }

    private static double Joint(IEnumerable<(double X, double Y)> pairs)
    {
        var counts = new long[64];
        foreach (var (x, y) in pairs)
            counts[8 * Cell(x) + Cell(y)]++;
        return ChiSquare.Fit(counts, [.. Enumerable.Repeat(1 / 64.0, 64)], counts.Sum());
    }

    private static int Cell(double z) => Math.Min(7, (int)(8 * SpecialFunctions.Erfc(-z / Constants.Sqrt2) / 2));

    private static KeyedNoise Noise(string secret) => new(ReleaseKey.Derive(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(secret)), new byte[32]), threads: 2);

    private static long[] Fill(KeyedNoise noise, NoiseAddress address, int length)
    {
        var values = new long[length];
        noise.Fill(address, values);
        return values;
    }
}
