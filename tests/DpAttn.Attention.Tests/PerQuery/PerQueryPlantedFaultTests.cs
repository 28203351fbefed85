using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>Each fault is planted in one part of the pipeline; the check that the product passes must fail it.</summary>
public class PerQueryPlantedFaultTests
{
    private static readonly StoreSchema Schema = TestRows.BallSchema(3, 3, 400, 20);
    private static readonly PerQueryPlan Plan = PerQueryRequests.Plan(Schema, PerQueryRequests.OneQuery(0.6, 0, -0.8));
    private static readonly PerQueryPlan Batch = PerQueryRequests.Plan(TestRows.BoxSchema(3, 3, 400, 2), new Matrix<double>(3, 3, [1, 1, 1, 0.5, 1, 0.2, 0.1, 0.1, 1]));
    private static readonly RowSet Rows = TestRows.Rows(Schema, 400, 9);
    private static readonly RowSet OutOfBounds = TestRows.OneRow([5, 0, -7], [9, 9, 9]);
    private static readonly PerQueryPipeline Product = PerQueryPipeline.Product(Plan);
    private static readonly PerQueryPipeline BatchProduct = PerQueryPipeline.Product(Batch, clip: true);

    // As long as the check lets a value be, and a rim key towards the query.
    private static readonly double[] LongValue = [Schema.Values.Stated * (1 + 0.9 * Region.BallTolerance), 0, 0];
    private static readonly double[] RimKey = [0.6, 0, -0.8];

    [Fact]
    public void The_product_passes_every_check()
    {
        Assert.True(Product.SumsAreTheSameForAnySplit(Rows));
        Assert.True(PerQueryPipeline.Product(Plan, clip: true).SensitivityIsNeverExceeded());
        Assert.True(BatchProduct.SensitivityIsNeverExceeded());
        Assert.True(PerQueryPipeline.Product(Plan, clip: true).ARowsContributionIsBounded(OutOfBounds));
        Assert.True(Product.NoTwoRowsPointAwayFromEachOther(RimKey, LongValue));
        Assert.True(Product.EveryColumnHasItsNoise(Rows, 3000));
        Assert.True(Product.NoiseIsNeverUsedTwice(OtherRequests()));
        // The reference that the faults below are planted in, without a fault.
        Assert.Equal(Product.Sum([Rows]), Reference()([Rows]));
        Assert.True((Product with { Sum = Reference() }).SensitivityIsNeverExceeded());
    }

    [Theory]
    [InlineData(0.7)]
    [InlineData(1.3)]
    public void Noise_thirty_percent_off_is_caught(double factor) =>
        Assert.False((Product with { Noise = source => new ScaledNoise(source, factor) }).EveryColumnHasItsNoise(Rows, 3000));

    /// <summary>With the maximum of the stated radius, rows within the check's tolerance weigh more than 1; the clamp is what still holds the sensitivity.</summary>
    [Fact]
    public void Weights_without_their_clamp_are_caught()
    {
        var tooLow = 20 * (1 + 1e-9);
        Assert.True((Product with { Sum = Reference(maximum: tooLow) }).SensitivityIsNeverExceeded());
        Assert.False((Product with { Sum = Reference(maximum: tooLow, clamp: false) }).SensitivityIsNeverExceeded());
    }

    [Fact]
    public void Gamma_rounded_to_the_nearest_instead_of_upwards_is_caught()
    {
        var nearest = (long)Math.Round(Math.ScaleB(Plan.Parameters.Gamma, Plan.Parameters.ValueExponent));
        Assert.True(nearest < Plan.Parameters.GammaSteps);
        // Within the bound, but its integers are longer than 2^bu B_v to the nearest: every column is rounded upwards.
        double[] value = [.. new[] { 32767.51, 120.6, 120.6 }.Select(x => Math.ScaleB(x, -Plan.Parameters.ValueExponent))];
        Assert.True(Product.NoTwoRowsPointAwayFromEachOther(RimKey, value));
        Assert.False((Product with { Sum = Reference(gamma: nearest) }).NoTwoRowsPointAwayFromEachOther(RimKey, value));
    }

    [Fact]
    public void One_shards_rows_counted_twice_are_caught()
    {
        var twice = Product with { Sum = parts => Product.Sum([.. parts, parts[^1]]) };
        Assert.False(twice.SumsAreTheSameForAnySplit(Rows));
        Assert.False((twice with { Sum = parts => PerQueryPipeline.Product(Plan, clip: true).Sum([.. parts, parts[^1]]) }).SensitivityIsNeverExceeded());
    }

    [Fact]
    public void A_denominator_without_noise_is_caught() =>
        Assert.False((Product with { Noise = source => new ColumnWithoutNoise(source, column: 0) }).EveryColumnHasItsNoise(Rows, 3000));

    [Fact]
    public void One_column_without_noise_is_caught() =>
        Assert.False((Product with { Noise = source => new ColumnWithoutNoise(source, column: 2) }).EveryColumnHasItsNoise(Rows, 3000));

    [Fact]
    public void A_batch_with_the_sensitivity_of_one_query_is_caught()
    {
        Assert.False((BatchProduct with { Sensitivity = Batch.Parameters.QuerySensitivity }).SensitivityIsNeverExceeded());
        // Even with that of all but one.
        Assert.False((BatchProduct with { Sensitivity = PerQuerySensitivity.OfPlain(Batch.Parameters, 2) }).SensitivityIsNeverExceeded());
    }

    [Fact]
    public void The_add_remove_sensitivity_under_replace_one_is_caught()
    {
        var addRemove = PerQueryParameters.Create(TestRows.BallSchema(3, 3, 400, 20, Adjacency.AddRemove));
        Assert.Equal((Plan.Parameters.KernelExponent, Plan.Parameters.ValueExponent), (addRemove.KernelExponent, addRemove.ValueExponent));
        Assert.False((PerQueryPipeline.Product(Plan, clip: true) with { Sensitivity = addRemove.QuerySensitivity }).SensitivityIsNeverExceeded());
    }

    [Fact]
    public void A_row_that_is_summed_unclipped_is_caught() =>
        Assert.False((Product with { Sum = Reference(bounded: false) }).ARowsContributionIsBounded(OutOfBounds));

    [Fact]
    public void Rounding_after_the_sum_is_caught() =>
        Assert.False((Product with { Sum = RoundAfterSumming }).SumsAreTheSameForAnySplit(Rows));

    [Fact]
    public void Noise_that_is_not_bound_to_all_of_its_request_is_caught()
    {
        var product = Product.Manifest;
        var others = OtherRequests();
        Assert.False((Product with { Manifest = (plan, store, rows, account, _) => product(plan, store, rows, account, new RequestId("x")) }).NoiseIsNeverUsedTwice(others));
        Assert.False((Product with { Manifest = (plan, store, rows, _, id) => product(plan, store, rows, new AccountId("x"), id) }).NoiseIsNeverUsedTwice(others));
        Assert.False((Product with { Manifest = (plan, store, _, account, id) => product(plan, store, new byte[32], account, id) }).NoiseIsNeverUsedTwice(others));
        Assert.False((Product with { Manifest = (plan, _, rows, account, id) => product(plan, "x", rows, account, id) }).NoiseIsNeverUsedTwice(others));
        Assert.False((Product with { Manifest = (_, store, rows, account, id) => product(Plan, store, rows, account, id) }).NoiseIsNeverUsedTwice(others));
    }

    /// <summary>The same request but for its query, or a batch that begins with it; of the same sensitivity and variance where it can be.</summary>
    private static PerQueryPlan[] OtherRequests() =>
    [
        PerQueryRequests.Plan(Schema, PerQueryRequests.OneQuery(0.6, 0, 0.8)),
        PerQueryRequests.Plan(Schema, PerQueryRequests.OneQuery(0.6, 1e-17, -0.8)),
        PerQueryRequests.Plan(TestRows.BallSchema(3, 3, 400, 21), PerQueryRequests.OneQuery(0.6, 0, -0.8)),
    ];

    /// <summary>The sums again, row by row in plain code with the panels' own exponential, with a fault where asked.</summary>
    private static Func<RowSet[], long[]> Reference(double? maximum = null, bool clamp = true, long? gamma = null, bool bounded = true) => parts =>
    {
        var parameters = Plan.Parameters;
        var sums = new long[Plan.Dimension];
        double[] key = new double[3], value = new double[3];
        foreach (var part in parts)
        {
            for (var slot = 0; slot < part.Count; slot++)
            {
                part.CopyTo(slot, key, value);
                if (bounded)
                {
                    Assert.Equal(RegionFault.None, Schema.Keys.TryCentre(key, clip: true));
                    Assert.Equal(RegionFault.None, Schema.Values.TryCheck(value, clip: true));
                }
                var dot = 0.0;
                for (var j = 0; j < 3; j++)
                    dot += Plan.Exponents.Of(0)[j] * (float)Math.ScaleB(key[j], -parameters.KeyExponent);
                var weight = (long)Math.Round(PerQueryPanels.ExpScaled(dot - (maximum ?? Plan.Exponents.Bounds[0]), parameters.KernelExponent));
                if (clamp)
                    weight = Math.Min(weight, 1L << parameters.KernelExponent);
                sums[0] += weight * (gamma ?? parameters.GammaSteps);
                for (var j = 0; j < 3; j++)
                    sums[j + 1] += weight * (long)Math.Round(Math.ScaleB(value[j], parameters.ValueExponent));
            }
        }
        return sums;
    };

    /// <summary>Sums weights and values in floating point and rounds the sum of each part.</summary>
    private static long[] RoundAfterSumming(RowSet[] parts)
    {
        var total = new long[4];
        double[] key = new double[3], value = new double[3];
        foreach (var part in parts)
        {
            var sums = new float[4];
            for (var slot = 0; slot < part.Count; slot++)
            {
                part.CopyTo(slot, key, value);
                var weight = PerQueryPanels.ExpScaled(key[0] * Plan.Exponents.Of(0)[0] + key[2] * Plan.Exponents.Of(0)[2] - Plan.Exponents.Bounds[0], Plan.Parameters.KernelExponent);
                sums[0] += (float)(weight * Plan.Parameters.GammaSteps);
                for (var j = 0; j < 3; j++)
                    sums[j + 1] += (float)(weight * Math.ScaleB(value[j], Plan.Parameters.ValueExponent));
            }
            for (var c = 0; c < 4; c++)
                total[c] += (long)Math.Round(sums[c]);
        }
        return total;
    }

    private sealed class ColumnWithoutNoise(INoiseSource source, int column) : INoiseSource
    {
        public void Fill(NoiseAddress address, Span<long> destination)
        {
            source.Fill(address, destination);
            for (var i = column; i < destination.Length; i += Plan.Parameters.Columns)
                destination[i] = 0;
        }
    }
}
