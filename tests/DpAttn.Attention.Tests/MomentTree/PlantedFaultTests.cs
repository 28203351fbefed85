using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>Each fault is planted in one part of the pipeline; the check that the product passes must fail it.</summary>
public class PlantedFaultTests
{
    private static readonly StoreSchema Schema = TestRows.BallSchema(6, 3, 400, 0.8);
    private static readonly MomentParameters Parameters = MomentParameters.Create(Schema, 3);
    private static readonly RowSet Rows = TestRows.Rows(Schema, 400, 9);
    private static readonly RowSet OutOfBounds = TestRows.OneRow([5, 0, 0, 0, 0, 0], [9, 9, 9]);
    private static readonly MomentPipeline Product = MomentPipeline.Product(Parameters);

    [Fact]
    public void The_product_passes_every_check()
    {
        Assert.True(Product.SumsAreTheSameForAnySplit(Rows));
        Assert.True(Product.SensitivityIsNeverExceeded());
        Assert.True(MomentPipeline.Product(Parameters, clip: true).ARowsContributionIsBounded(OutOfBounds));
        Assert.True(Product.EveryColumnHasItsNoise(Rows, 40));
        Assert.True(Product.TiersAreNested(Rows, 20));
        Assert.True(Product.NoiseIsNeverUsedTwice());
    }

    [Theory]
    [InlineData(0.7)]
    [InlineData(1.3)]
    public void Noise_thirty_percent_off_is_caught(double factor) =>
        Assert.False((Product with { Noise = source => new ScaledNoise(source, factor) }).EveryColumnHasItsNoise(Rows, 40));

    [Fact]
    public void The_add_remove_sensitivity_under_replace_one_is_caught()
    {
        var addRemove = MomentParameters.Create(TestRows.BallSchema(6, 3, 400, 0.8, Adjacency.AddRemove), 3);
        var step = Parameters.FeatureExponent + Parameters.ValueExponent - addRemove.FeatureExponent - addRemove.ValueExponent;
        Assert.Equal(0, step);
        Assert.False((Product with { Sensitivity = addRemove.Sensitivity.Integer }).SensitivityIsNeverExceeded());
    }

    [Fact]
    public void A_denominator_column_without_noise_is_caught() =>
        Assert.False((Product with { Noise = source => new ColumnWithoutNoise(source, column: 0) }).EveryColumnHasItsNoise(Rows, 40));

    [Fact]
    public void One_column_without_noise_is_caught() =>
        Assert.False((Product with { Noise = source => new ColumnWithoutNoise(source, column: 2) }).EveryColumnHasItsNoise(Rows, 40));

    [Fact]
    public void Tiers_with_independent_noise_are_caught() =>
        Assert.False((Product with { Publish = PublishTiersIndependently }).TiersAreNested(Rows, 20));

    [Fact]
    public void The_same_noise_for_two_nodes_is_caught() =>
        Assert.False((Product with { Noise = source => new NodeBlindNoise(source) }).NoiseIsNeverUsedTwice());

    [Fact]
    public void Rounding_after_the_sum_is_caught() =>
        Assert.False((Product with { Sum = RoundAfterSumming }).SumsAreTheSameForAnySplit(Rows));

    [Fact]
    public void Clipping_a_copy_that_is_not_used_is_caught() =>
        Assert.False((Product with { Sum = ClipACopy }).ARowsContributionIsBounded(OutOfBounds));

    private static long[][] PublishTiersIndependently(MomentMatrix exact, NoiseLadder ladder, INoiseSource noise) =>
        [.. ladder.Tiers.Select((tier, t) =>
        {
            var values = new long[exact.Sums.Length];
            noise.Fill(new NoiseAddress(MomentRelease.Mechanism, t, 1, tier.Variance), values);
            return values.Zip(exact.Sums, (n, s) => n + s).ToArray();
        })];

    /// <summary>Sums in floating point and rounds the sum of each part.</summary>
    private static long[] RoundAfterSumming(RowSet[] parts)
    {
        var total = new long[Parameters.Dimension];
        foreach (var part in parts)
        {
            var sums = new float[total.Length];
            AddReal(part, sums, bounded: true);
            for (var i = 0; i < total.Length; i++)
                total[i] += (long)Math.Round(sums[i]);
        }
        return total;
    }

    private static long[] ClipACopy(RowSet[] parts)
    {
        var sums = new float[Parameters.Dimension];
        foreach (var part in parts)
        {
            double[] key = new double[6], value = new double[3];
            part.CopyTo(0, key, value);
            _ = Schema.Keys.TryCentre((double[])key.Clone(), clip: true);
            AddReal(part, sums, bounded: false);
        }
        return [.. sums.Select(x => (long)Math.Round(x))];
    }

    private static void AddReal(RowSet rows, float[] sums, bool bounded)
    {
        double[] key = new double[6], value = new double[3], monomials = new double[Parameters.Features];
        for (var row = 0; row < rows.Count; row++)
        {
            rows.CopyTo(row, key, value);
            if (bounded)
                Assert.Equal(RegionFault.None, Schema.Keys.TryCentre(key, clip: false));
            monomials[0] = 1;
            for (var a = 0; a < monomials.Length; a++)
            {
                if (a > 0)
                    monomials[a] = monomials[Parameters.Basis.Parents[a]] * key[Parameters.Basis.Coordinates[a]];
                for (var c = 0; c < Parameters.Columns; c++)
                    sums[a * Parameters.Columns + c] += (float)(Parameters.KeyCoefficients[a] * monomials[a] * (c == 0 ? Parameters.GammaSteps : Math.ScaleB(value[c - 1], Parameters.ValueExponent)));
            }
        }
    }

    private sealed class ColumnWithoutNoise(INoiseSource source, int column) : INoiseSource
    {
        public void Fill(NoiseAddress address, Span<long> destination)
        {
            source.Fill(address, destination);
            for (var i = column; i < destination.Length; i += Parameters.Columns)
                destination[i] = 0;
        }
    }

    private sealed class NodeBlindNoise(INoiseSource source) : INoiseSource
    {
        public void Fill(NoiseAddress address, Span<long> destination) => source.Fill(address with { Node = 1 }, destination);
    }
}
