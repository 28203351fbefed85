using System.Numerics;

namespace DpAttn.Attention.Tests;

/// <summary>Without noise, per-query is softmax attention itself, at any scale, to within what rounding to the lattice explains.</summary>
public class ExactKernelTests
{
    [Theory]
    [InlineData(Adjacency.ReplaceOne, false, 1, 4e-6)]
    [InlineData(Adjacency.ReplaceOne, true, 1, 4e-6)]
    [InlineData(Adjacency.AddRemove, false, 3, 1e-5)]
    [InlineData(Adjacency.AddRemove, true, 2, 1e-5)]
    [InlineData(Adjacency.ReplaceOne, false, 8, 1e-3)]
    [InlineData(Adjacency.ReplaceOne, false, 1e-9, 4e-6)]
    [InlineData(Adjacency.ReplaceOne, false, 1e-300, 4e-6)]
    public void Noise_free_answers_are_softmax_attention(Adjacency adjacency, bool box, double scale, double tolerance)
    {
        const int Rows = 1500;
        double[] centre = [0.1, -0.7, 0.4, 0, 0.2];
        var keys = box ? Region.Box(5, -0.4, 0.6) : Region.Ball(centre, 0.8);
        var schema = new StoreSchema(keys, Region.Ball([0.3, 0, 0, 0.3, -0.1], 0.9), ValueBound.Ball(3, 2), scale, adjacency, Rows);
        var (k, v) = TestRows.Make(schema, Rows, 3);
        var queries = PerQueryRequests.Queries(schema, 21);
        var answers = PerQueryRequests.NoiseFree(PerQueryRequests.Plan(schema, queries), RowSet.Create(k, v));
        var exact = new ExactAttention<double>(k, v, scale).Attend(queries);
        for (var i = 0; i < queries.Rows; i++)
        {
            for (var j = 0; j < 3; j++)
                Assert.Equal(exact[i, j], answers[i].Output[j], tolerance);
            Assert.Equal(0, answers[i].KernelErrorBound);
            Assert.Null(answers[i].IsIndistinguishableFromMean);
        }
    }

    /// <summary>Rows at the far end, where weights are smallest, and values that follow the rounding of the weights: as bad as it gets.</summary>
    [Theory]
    [InlineData(0.5)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(6)]
    public void The_rounding_error_stays_within_its_bound_and_comes_near_it(double scale)
    {
        const int Rows = 4000;
        var schema = TestRows.BallSchema(2, 1, Rows, scale);
        var parameters = PerQueryParameters.Create(schema);
        var plan = PerQueryRequests.Plan(schema, PerQueryRequests.OneQuery(0, 1));
        var (keys, values) = (new Matrix<double>(Rows, 2), new Matrix<double>(Rows, 1));
        for (var i = 0; i < Rows; i++)
        {
            var angle = -Math.PI / 2 + i * 1e-4 / Rows;
            (keys[i, 0], keys[i, 1]) = ((float)Math.Cos(angle), (float)Math.Sin(angle) + (i % 64) * Math.ScaleB(1, -24));
            var weight = Math.ScaleB(Math.Exp(plan.Exponents.Of(0)[1] * keys[i, 1] - plan.Exponents.Bounds[0]), parameters.KernelExponent);
            values[i, 0] = Math.Round(weight) > weight ? 1 : -1;
        }
        var exact = new ExactAttention<double>(keys, values, scale).Attend(PerQueryRequests.OneQuery(0, 1));
        var error = Math.Abs(PerQueryRequests.NoiseFree(plan, RowSet.Create(keys, values))[0].Output[0] - exact[0, 0]);
        Assert.True(error <= parameters.RoundingErrorBound, $"{error} of {parameters.RoundingErrorBound}");
        if (scale >= 4)
            Assert.True(error >= 0.1 * parameters.RoundingErrorBound, $"{error} of {parameters.RoundingErrorBound}");
    }

    [Fact]
    public void Weights_far_below_a_step_are_exactly_0_and_the_row_nearest_to_the_query_is_whole()
    {
        var schema = TestRows.BallSchema(3, 2, 5, scale: 700);
        var plan = PerQueryRequests.Plan(schema, PerQueryRequests.OneQuery(0.6, 0, -0.8));
        // Exponents of about 0, -12, -700, -1400 and -1400 in tiny coordinates.
        var keys = new Matrix<double>(5, 3, [0.6, 0, -0.8, 0.6 * (1 - 0.017), 0, -0.8 * (1 - 0.017), 1e-320, 0, -1e-310, -0.6, 1e-300, 0.8, 0.8, 0, 0.6]);
        var rows = PerQueryRows.Prepare(plan.Parameters, RowSet.Create(keys, new Matrix<double>(5, 2, [1, 0, 0, 1, 0, 1, 0, 1, 0, 1])), clip: false);
        var weights = Enumerable.Range(0, 5).Select(slot => PerQuerySums.WeightsOf(plan.Exponents, rows, slot)[0]).ToArray();
        Assert.InRange(weights[0], 0.99 * (1 << plan.Parameters.KernelExponent), 1 << plan.Parameters.KernelExponent);
        Assert.InRange(weights[1], 50, 500);
        Assert.Equal([0, 0, 0], weights[2..]);
        var sums = new long[plan.Dimension];
        PerQuerySums.AddTo(sums, plan, rows);
        Assert.Equal((weights[0] + weights[1]) * plan.Parameters.GammaSteps, sums[0]);
    }

    [Theory]
    [InlineData(2, 1, false)]
    [InlineData(64, 8, false)]
    [InlineData(64, 8, true)]
    [InlineData(9, 40, false)]
    [InlineData(300, 20, true)]
    public void A_rows_weight_is_the_exponential_of_its_held_key_to_within_the_proven_error(int d, double scale, bool box)
    {
        const int Fine = 60;
        var keys = box ? Region.Box(d, -0.9, 0.4) : Region.Ball(Enumerable.Repeat(0.2, d).ToArray(), 3);
        var schema = new StoreSchema(keys, Region.Ball(d, 0.5), ValueBound.Ball(1, 1), scale / keys.BoundingRadius, Adjacency.ReplaceOne, 400);
        var parameters = PerQueryParameters.Create(schema);
        var (k, v) = TestRows.Make(schema, 200, d);
        var queries = PerQueryExponents.For(parameters, PerQueryRequests.Queries(schema, 3));
        var rows = PerQueryRows.Prepare(parameters, RowSet.Create(k, v), clip: false);
        var limit = PerQuerySensitivity.ExponentError(parameters) + PerQueryPanels.ExpRelativeError;
        var worst = 0.0;
        for (var slot = 0; slot < 200; slot++)
        {
            var key = HeldKey(rows, slot);
            var weights = PerQuerySums.WeightsOf(queries, rows, slot);
            for (var l = 0; l < queries.Count; l++)
            {
                double dot = 0;
                BigInteger exact = 0;
                for (var j = 0; j < d; j++)
                {
                    dot += queries.Of(l)[j] * key[j];
                    exact += BigReal.Multiply(BigReal.Of(queries.Of(l)[j]), BigReal.Of(key[j]));
                }
                var kernel = BigReal.Exp(exact - BigReal.Of(queries.Bounds[l]));
                Assert.True(kernel <= BigReal.One, "the maximum is not the largest exponent");
                // The lanes' own operations, on a lattice so fine that the error of doubles shows.
                var computed = PerQueryPanels.ExpScaled(dot - queries.Bounds[l], Fine);
                worst = Math.Max(worst, Math.Abs(BigReal.ToDouble(BigReal.Divide(BigReal.Of(computed) >> Fine, kernel) - BigReal.One)));
                var steps = BigReal.ToDouble(kernel << parameters.KernelExponent);
                Assert.True(Math.Abs(weights[l] - steps) <= 0.5 + steps * limit, $"{weights[l]} steps for {steps}");
            }
        }
        Assert.True(worst <= limit && worst >= 0.005 * limit, $"relative error {worst} of {limit}");
    }

    [Fact]
    public void The_panels_exponential_is_within_its_error_and_the_bound_is_not_idle()
    {
        const int Fine = 60;
        var worst = 0.0;
        for (var i = 0; i <= 20_000; i++)
        {
            var x = -i * (44.3 / 20_000);
            var exact = BigReal.Exp(BigReal.Of(x));
            worst = Math.Max(worst, Math.Abs(BigReal.ToDouble(BigReal.Divide(BigReal.Of(PerQueryPanels.ExpScaled(x, Fine)) >> Fine, exact) - BigReal.One)));
        }
        Assert.InRange(worst, 0.3 * PerQueryPanels.ExpRelativeError, PerQueryPanels.ExpRelativeError);
        Assert.Equal(1L << Fine, PerQueryPanels.ExpScaled(0, Fine));
        // Below e^-64 everything counts as e^-64, far below half a step of the finest lattice.
        Assert.Equal(PerQueryPanels.ExpScaled(-64, Fine), PerQueryPanels.ExpScaled(-1e300, Fine));
        Assert.True(PerQueryPanels.ExpScaled(-64, PerQueryParameters.LargestKernelExponent) < 1e-20);
    }

    /// <summary>The clamp is what the sensitivity stands on; the maximum that exponents are taken relative to is only meant to make it idle.</summary>
    [Fact]
    public void A_weight_is_never_above_its_largest_step_whatever_its_exponent()
    {
        foreach (var x in new[] { 1e-9, 0.5, 3, 40 })
        {
            var exponents = Enumerable.Repeat(x, PerQueryPanels.Rows).ToArray();
            PerQueryPanels.Weigh(ref exponents[0], bound: 0, kernelExponent: 20);
            Assert.All(exponents, w => Assert.Equal(1 << 20, w));
        }
    }

    internal static double[] HeldKey(PerQueryRows rows, int slot)
    {
        var panel = slot / PerQueryPanels.Rows;
        var chunk = rows.Chunks[panel / rows.ChunkPanels];
        var start = panel % rows.ChunkPanels * PerQueryRows.PanelLength(rows.Parameters) + slot % PerQueryPanels.Rows;
        return [.. Enumerable.Range(0, rows.Parameters.Schema.KeyDimension).Select(j => (double)chunk[start + j * PerQueryPanels.Rows])];
    }
}
