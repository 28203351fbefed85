namespace DpAttn.Attention.Tests;

public class PerQueryAnswerTests
{
    private static readonly StoreSchema ReplaceOne = TestRows.BallSchema(2, 2, 100, 2);
    private static readonly StoreSchema AddRemove = TestRows.BallSchema(2, 2, 100, 2, Adjacency.AddRemove);
    private static readonly Matrix<double> Query = PerQueryRequests.OneQuery(0.6, 0.8);

    [Fact]
    public void Deviation_and_interval_are_those_of_the_unclipped_quotient()
    {
        foreach (var schema in new[] { ReplaceOne, AddRemove })
        {
            var plan = PerQueryRequests.Plan(schema, Query);
            var parameters = plan.Parameters;
            double unit = Math.ScaleB(1, -parameters.KernelExponent - parameters.ValueExponent), gamma = Math.ScaleB(parameters.GammaSteps, -parameters.ValueExponent);
            double sigma = plan.Variance.Sigma.Value * unit, d = 40 * sigma / gamma;
            // Twice the bound of a value: only the estimate is clipped.
            var answer = PerQueryAnswerer.Answer(plan, Steps(parameters, d, 2 * d, -0.1 * d), PerQueryRequests.PublicRows(plan, 50))[0];
            Assert.InRange(Math.Sqrt(answer.Output.Sum(x => x * x)), 0.999, 1.0001);
            Assert.Equal(sigma * Math.Sqrt(1 + 4 / (gamma * gamma)) / d, answer.NoiseDeviation[0], 1e-9);
            Assert.Equal(sigma * Math.Sqrt(1 + 0.01 / (gamma * gamma)) / d, answer.NoiseDeviation[1], 1e-9);
            Assert.Equal(NoiseInterval.Fieller(-0.1 * d, d, NoiseInterval.NormalPoint * sigma, gamma, schema.Values.LargestEntry).Low, answer.Intervals[1].Low, 1e-6);
            Assert.Equal(0, answer.KernelErrorBound);
            Assert.Null(answer.IsIndistinguishableFromMean);
        }
    }

    [Fact]
    public void Under_replace_one_the_denominator_is_floored_at_its_public_bound()
    {
        var plan = PerQueryRequests.Plan(ReplaceOne, Query);
        var floor = 50 * Math.Exp(-4);
        var answer = PerQueryAnswerer.Answer(plan, Steps(plan.Parameters, floor / 10, 0.3 * floor, 0), rows: 50)[0];
        Assert.Equal(0.3, answer.Output[0], 1e-4);
        // The deviation is the unfloored one.
        Assert.True(answer.NoiseDeviation[0] > 5 * plan.Variance.Sigma.Value / Math.ScaleB(1, plan.Parameters.KernelExponent + plan.Parameters.ValueExponent) / floor);
        answer = PerQueryAnswerer.Answer(plan, Steps(plan.Parameters, -1, 0.3 * floor, 0), rows: 50)[0];
        Assert.Equal(0.3, answer.Output[0], 1e-4);
        Assert.Equal(double.PositiveInfinity, answer.NoiseDeviation[0]);
        Assert.True(answer.Intervals[0].IsWholeRange);
        // Above the floor it is left alone.
        Assert.Equal(0.1, PerQueryAnswerer.Answer(plan, Steps(plan.Parameters, 3 * floor, 0.3 * floor, 0), rows: 50)[0].Output[0], 1e-4);
    }

    [Fact]
    public void Under_add_remove_a_denominator_that_noise_has_swallowed_gives_the_centre_and_the_whole_range()
    {
        var plan = PerQueryRequests.Plan(AddRemove, Query);
        foreach (var denominator in new[] { 0.0, -3 })
        {
            var answer = PerQueryAnswerer.Answer(plan, Steps(plan.Parameters, denominator, 2, -2), rows: null)[0];
            Assert.Equal([0, 0], answer.Output);
            Assert.All(answer.NoiseDeviation, x => Assert.Equal(double.PositiveInfinity, x));
            Assert.All(answer.Intervals, x => Assert.Equal(NoiseInterval.Whole(AddRemove.Values.LargestEntry), x));
        }
    }

    /// <summary>Sharp kernels far from all rows, and sums as large as 64 bits hold: answers are numbers within their bounds all the same.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(400)]
    [InlineData(500_000)]
    public void Every_answer_is_finite_and_within_the_bound_of_values(double scale)
    {
        foreach (var adjacency in new[] { Adjacency.ReplaceOne, Adjacency.AddRemove })
        {
            var plan = PerQueryRequests.Plan(TestRows.BallSchema(2, 2, 100, scale, adjacency), Query);
            foreach (var d in new[] { 0, 1, -1, long.MaxValue, long.MinValue })
            {
                foreach (var n in new[] { 0, 1, -1, long.MaxValue, long.MinValue })
                {
                    var answer = PerQueryAnswerer.Answer(plan, [d, n, -(n / 2)], PerQueryRequests.PublicRows(plan, 3))[0];
                    Assert.True(Math.Sqrt(answer.Output.Sum(x => x * x)) <= plan.Parameters.Schema.Values.BoundingRadius * (1 + 1e-9));
                    Assert.All(answer.NoiseDeviation, x => Assert.False(double.IsNaN(x)));
                    Assert.All(answer.Intervals, x => Assert.True(x.Low <= x.High && Math.Abs(x.Low) <= 1.0001 && Math.Abs(x.High) <= 1.0001));
                }
            }
        }
    }

    [Fact]
    public void Equal_queries_get_one_answer_and_the_asked_order_is_kept()
    {
        var schema = TestRows.BallSchema(2, 2, 300, 2);
        var rows = TestRows.Rows(schema, 300, 3);
        var asked = new Matrix<double>(5, 2, [0.5, 0, 0, 0.5, 0.5, -0.0, 0.1, 0.1, 0, 0.5]);
        var plan = PerQueryRequests.Plan(schema, asked);
        Assert.Equal([0, 1, 0, 2, 1], plan.Positions);
        Assert.Equal([0.5, 0, 0, 0.5, 0.1, 0.1], plan.Queries.Data);
        Assert.Equal(9, plan.Dimension);
        var noised = PerQueryRequests.Add(PerQueryRequests.Sums(plan, rows), PerQueryNoise.Draw(plan, PerQueryRequests.Noise(1)));
        var answers = PerQueryAnswerer.Answer(plan, noised, 300);
        Assert.Equal(5, answers.Length);
        Assert.Equal(answers[0].Output, answers[2].Output);
        Assert.Equal(answers[1].Output, answers[4].Output);
        Assert.NotEqual(answers[0].Output, answers[1].Output);
        // Each is near its own exact answer.
        var exact = PerQueryRequests.NoiseFree(plan, rows);
        for (var i = 0; i < 5; i++)
            Assert.InRange(Math.Abs(answers[i].Output[0] - exact[i].Output[0]) / answers[i].NoiseDeviation[0], 0, 6);
        // And the same as when its batch had been asked without repetition: same sums, same noise, same price.
        var once = PerQueryRequests.Plan(schema, plan.Queries);
        Assert.Equal((once.Sensitivity, once.Variance, once.Cost), (plan.Sensitivity, plan.Variance, plan.Cost));
    }

    [Fact]
    public void Sums_and_row_counts_that_do_not_belong_to_the_request_are_refused()
    {
        var plan = PerQueryRequests.Plan(ReplaceOne, Query);
        Refused("4 sums for a request of 3", () => PerQueryAnswerer.Answer(plan, new long[4], 10));
        foreach (var rows in new long?[] { null, 0, -1, 101 })
            Refused("under replace-one an answer needs the number of rows, from 1 to 100", () => PerQueryAnswerer.Answer(plan, new long[3], rows));
        Refused("under add-remove the number of rows is private", () => PerQueryAnswerer.Answer(PerQueryRequests.Plan(AddRemove, Query), new long[3], 10));
        Assert.Throws<ArgumentNullException>(() => PerQueryAnswerer.Answer(null!, new long[3], 10));
    }

    private static long[] Steps(PerQueryParameters parameters, double denominator, params double[] numerators)
    {
        var unit = Math.ScaleB(1, parameters.KernelExponent + parameters.ValueExponent);
        return [(long)(denominator * parameters.GammaSteps * Math.ScaleB(1, parameters.KernelExponent)), .. numerators.Select(x => (long)(x * unit))];
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
