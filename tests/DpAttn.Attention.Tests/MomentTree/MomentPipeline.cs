using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>
/// The mechanism from rows to released integers as replaceable parts, so that a fault can be planted in one of them, and the checks that the
/// product passes and every fault must fail.
/// </summary>
internal sealed record MomentPipeline
{
    public required MomentParameters Parameters { get; init; }

    /// <summary>Exact sums of rows, in given parts.</summary>
    public required Func<RowSet[], long[]> Sum { get; init; }

    /// <summary>The integer sensitivity that the noise is calibrated to.</summary>
    public required System.Numerics.BigInteger Sensitivity { get; init; }

    /// <summary>What a source of noise is wrapped in.</summary>
    public required Func<INoiseSource, INoiseSource> Noise { get; init; }

    /// <summary>Released integers per tier.</summary>
    public required Func<MomentMatrix, NoiseLadder, INoiseSource, long[][]> Publish { get; init; }

    public static MomentPipeline Product(MomentParameters parameters, bool clip = false) => new()
    {
        Parameters = parameters,
        Sum = parts =>
        {
            var total = MomentMatrix.Empty(parameters);
            foreach (var part in parts)
                total.Add(MomentAccumulator.Sum(parameters, part, clip));
            return total.Sums;
        },
        Sensitivity = parameters.Sensitivity.Integer,
        Noise = source => source,
        Publish = (exact, ladder, noise) => [.. MomentRelease.Publish(exact, ladder, noise).Tiers.Select(tier => tier.Values)],
    };

    /// <summary>Sums do not depend on how rows are cut into parts.</summary>
    public bool SumsAreTheSameForAnySplit(RowSet rows)
    {
        var whole = Sum([rows]);
        return new[] { 1, 3, 100 }.All(size => Sum([.. Enumerable.Range(0, (rows.Count + size - 1) / size)
            .Select(i => rows.Slice(i * size, Math.Min(size, rows.Count - i * size)))]).SequenceEqual(whole));
    }

    /// <summary>No neighbours of a search lie farther apart than the noise is calibrated to.</summary>
    public bool SensitivityIsNeverExceeded() =>
        new SensitivitySearch(Parameters, 11).Search(pairs: 2000, climbs: 3, steps: 200) <= (double)Sensitivity;

    /// <summary>One row, in bounds or not, contributes no more than the bounds allow.</summary>
    public bool ARowsContributionIsBounded(RowSet oneRow)
    {
        var norm = Math.Sqrt(Sum([oneRow]).Sum(x => (double)x * x));
        var augmented = Math.Sqrt(Parameters.Gamma * Parameters.Gamma + Math.Pow(Parameters.Schema.Values.BoundingRadius, 2));
        return norm <= Parameters.FeatureNormSteps * Math.ScaleB(augmented, Parameters.ValueExponent) + Parameters.Sensitivity.PerRowRoundingSteps;
    }

    /// <summary>
    /// Mean square of noised minus exact over the variance, in every column, within 6 deviations of 1 (a two-sided false alarm of 2e-9 a column;
    /// secrets are fixed, so the outcome is too).
    /// </summary>
    public bool EveryColumnHasItsNoise(RowSet rows, int releases)
    {
        var exact = Exact(rows);
        var ladder = Ladder();
        var columns = Parameters.Columns;
        var squares = new double[columns];
        for (var i = 0; i < releases; i++)
        {
            var best = Publish(exact, ladder, Noise(Source(i)))[ladder.Best];
            for (var k = 0; k < best.Length; k++)
                squares[k % columns] += Math.Pow(best[k] - exact.Sums[k], 2);
        }
        double count = releases * (double)Parameters.Features;
        return squares.All(sum => Math.Abs(sum / count / (double)ladder.Tiers[ladder.Best].Variance.Value - 1) < 6 * Math.Sqrt(2 / count));
    }

    /// <summary>What a lower tier adds has the increment's variance and does not depend on the better tier's noise (6 deviations, two-sided).</summary>
    public bool TiersAreNested(RowSet rows, int releases)
    {
        var exact = Exact(rows);
        var ladder = Ladder();
        double squares = 0, products = 0, count = 0;
        double increment = ladder.Tiers[0].Increment.Sigma.Value, better = ladder.Tiers[1].Variance.Sigma.Value;
        for (var i = 0; i < releases; i++)
        {
            var tiers = Publish(exact, ladder, Noise(Source(i)));
            for (var k = 0; k < exact.Sums.Length; k++)
            {
                var added = (tiers[0][k] - tiers[1][k]) / increment;
                squares += added * added;
                products += added * ((tiers[1][k] - exact.Sums[k]) / better);
                count++;
            }
        }
        return Math.Abs(squares / count - 1) < 6 * Math.Sqrt(2 / count) && Math.Abs(products / count) < 6 / Math.Sqrt(count);
    }

    /// <summary>No noise value run of two nodes, tiers or releases coincides.</summary>
    public bool NoiseIsNeverUsedTwice()
    {
        var seen = new HashSet<(long, long, long, long)>();
        var ladder = Ladder();
        for (var release = 0; release < 4; release++)
        {
            var source = Noise(Source(release));
            foreach (var tier in Enumerable.Range(0, ladder.TierCount))
            {
                for (var node = 1; node <= 16; node++)
                {
                    var noise = new long[64];
                    source.Fill(new NoiseAddress(MomentRelease.Mechanism, tier, node, ladder.Tiers[tier].Increment), noise);
                    for (var k = 0; k + 4 <= noise.Length; k += 4)
                    {
                        // Four draws of a deviation above 2^24 coincide by chance with probability below 2^-96.
                        if (!seen.Add((noise[k], noise[k + 1], noise[k + 2], noise[k + 3])))
                            return false;
                    }
                }
            }
        }
        return true;
    }

    private NoiseLadder Ladder() => NoiseLadder.Calibrate(Sensitivity, Parameters.Dimension, [new Epsilon(0.5), new Epsilon(1)], TestRows.Delta);

    private MomentMatrix Exact(RowSet rows) => new(Parameters, Sum([rows]), rows.Count);

    private static KeyedNoise Source(int number) => new(ReleaseKey.Derive(SHA256.HashData(BitConverter.GetBytes(number)), new byte[32]));
}
