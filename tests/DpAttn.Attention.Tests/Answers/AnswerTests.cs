using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

public class AnswerTests
{
    private static readonly StoreSchema Schema = new(
        Region.Ball([0.1, 0, 0, -0.2], 1.2), Region.Box(4, -0.5, 0.75), ValueBound.Ball(5, 1.5), 0.6, Adjacency.ReplaceOne, 2000);

    private static readonly MomentParameters Parameters = MomentParameters.Create(Schema, 3);
    private static readonly MomentMatrix Exact = MomentAccumulator.Sum(Parameters, TestRows.Rows(Schema, 2000, 3));
    private static readonly MomentAnswerer Answerer = Releases.Of(Exact, 1, 1).Single();
    private static readonly Matrix<double> Queries = MakeQueries(64);

    [Fact]
    public void A_batch_has_the_bits_of_its_single_queries_on_any_number_of_threads()
    {
        var batch = Answerer.Answer(Queries);
        Assert.Equal(64, batch.Length);
        for (var i = 0; i < batch.Length; i++)
            AssertSameBits(batch[i], Answerer.Answer(Queries.Row(i)));
        // One answerer, many threads at once, in any order.
        Parallel.For(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => AssertSameBits(batch[i % 64], Answerer.Answer(Queries.Row(i % 64))));
        // A release whose noise was drawn on two threads.
        var two = Releases.Of(Exact, 1, 1, threads: 2).Single().Answer(Queries);
        for (var i = 0; i < batch.Length; i++)
            AssertSameBits(batch[i], two[i]);
        Assert.Empty(Answerer.Answer(new Matrix<double>(0, 4)));
    }

    /// <summary>N, D, deviation and interval from the released integers in plain arithmetic.</summary>
    [Fact]
    public void An_answer_is_the_quotient_of_the_released_moments_and_its_deviation_that_of_section_7()
    {
        var ladder = MomentRelease.Calibrate(Parameters, [new Epsilon(0.3), new Epsilon(2)], TestRows.Delta);
        var release = MomentRelease.Publish(Exact, ladder, new byte[32]);
        foreach (var tier in release.Tiers)
        {
            var answerer = new MomentAnswerer(tier);
            for (var i = 0; i < 20; i++)
            {
                double[] phi = Features(Queries.Row(i)), moments = new double[6];
                for (var a = 0; a < phi.Length; a++)
                {
                    for (var c = 0; c < 6; c++)
                        moments[c] += phi[a] * tier.Values[a * 6 + c];
                }
                // Steps of 2^-(bf + bu); gamma is decoded by its integer.
                var gamma = Parameters.GammaSteps * Math.Pow(2, -Parameters.ValueExponent);
                var sigma = tier.Variance.Sigma.Value * Math.Pow(2, -Parameters.FeatureExponent - Parameters.ValueExponent);
                var denominator = moments[0] * Math.Pow(2, -Parameters.FeatureExponent - Parameters.ValueExponent) / gamma;
                var answer = answerer.Answer(Queries.Row(i));
                for (var j = 0; j < 5; j++)
                {
                    var theta = moments[j + 1] * Math.Pow(2, -Parameters.FeatureExponent - Parameters.ValueExponent) / denominator;
                    Assert.Equal(theta, answer.Output[j], 1e-10);
                    var deviation = sigma * Math.Sqrt(phi.Sum(x => x * x)) * Math.Sqrt(1 + theta * theta / gamma / gamma) / denominator;
                    Assert.Equal(deviation, answer.NoiseDeviation[j], deviation * 1e-9);
                    // Where noise is small the interval is nearly theta +- 1.96 deviations.
                    Assert.Equal(theta - 1.96 * deviation, answer.Intervals[j].Low, 0.2 * deviation);
                    Assert.Equal(theta + 1.96 * deviation, answer.Intervals[j].High, 0.2 * deviation);
                }
                var eps = Parameters.Kernel.RelativeError;
                Assert.Equal(2 * Schema.Values.BoundingRadius * (1 - Math.Sqrt(1 - eps * eps)) / eps, answer.KernelErrorBound, 1e-9);
            }
        }
    }

    /// <summary>
    /// D is at least n (1 - eps) exp(-scale |q| B_k) under replace-one. Rows that reach it: keys against the query. A release whose noise pulls D
    /// below is floored there; the deviation and the interval are not.
    /// </summary>
    [Fact]
    public void Under_replace_one_the_denominator_is_floored_at_its_public_bound_and_only_for_the_estimate()
    {
        const int Rows = 40;
        var schema = TestRows.BallSchema(1, 1, Rows, 0.8);
        var parameters = MomentParameters.Create(schema, 2);
        var keys = new Matrix<double>(Rows, 1);
        var values = new Matrix<double>(Rows, 1);
        keys.Data.AsSpan().Fill(-1);
        values.Data.AsSpan().Fill(0.9);
        var exact = MomentAccumulator.Sum(parameters, RowSet.Create(keys, values));
        var floor = Rows * (1 - parameters.Kernel.RelativeError) * Math.Exp(-0.8 * schema.Keys.BoundingRadius);
        var (_, truth) = MomentAnswerer.ForEvaluation(exact).Moments([1]);
        Assert.InRange(floor, 0.9 * truth, truth * 1.0001);
        int floored = 0, infinite = 0;
        foreach (var answerer in Releases.Of(exact, 0.7, 2000))
        {
            var (numerators, denominator) = answerer.Moments([1]);
            var answer = answerer.Answer([1]);
            var expected = numerators[0] / Math.Max(denominator, floor);
            Assert.Equal(Math.Clamp(expected, -schema.Values.BoundingRadius, schema.Values.BoundingRadius), answer.Output[0], 1e-9);
            if (denominator < floor)
            {
                floored++;
                infinite += double.IsInfinity(answer.NoiseDeviation[0]) ? 1 : 0;
                Assert.Equal(denominator <= 0, double.IsInfinity(answer.NoiseDeviation[0]));
            }
        }
        Assert.True(floored > 200 && infinite > 10, $"{floored} floored, {infinite} without a denominator");
    }

    /// <summary>No rows of any kind take D outside n (1 -+ eps) exp(-+ scale |q| B_k).</summary>
    [Fact]
    public void The_public_bounds_of_the_denominator_hold_for_adversarial_rows()
    {
        var random = new Random(5);
        for (var round = 0; round < 300; round++)
        {
            int d = random.Next(1, 5), rows = random.Next(1, 20);
            double[] keyCentre = [.. Enumerable.Range(0, d).Select(_ => random.NextDouble() - 0.5)], queryCentre = [.. Enumerable.Range(0, d).Select(_ => random.NextDouble() - 0.5)];
            var keyRegion = round % 2 == 0 ? Region.Ball(keyCentre, 1) : Region.Box(d, -0.4, 0.6);
            var schema = new StoreSchema(keyRegion, Region.Ball(queryCentre, 1), ValueBound.Ball(1, 1), 0.7, Adjacency.ReplaceOne, rows);
            var parameters = MomentParameters.Create(schema, 2);
            var query = TestRows.PointIn(schema.Queries, random);
            var norm = Math.Sqrt(query.Sum(x => x * x));
            // Every row at the key that the query likes least, or most, or anywhere.
            var (keys, values) = TestRows.Make(schema, rows, round);
            for (var i = 0; i < rows && round % 3 < 2; i++)
            {
                for (var j = 0; j < d; j++)
                    keys[i, j] = keyRegion.Centre[j] + (round % 3 == 0 ? -1 : 1) * (keyRegion.IsBox ? Math.Sign(query[j]) * 0.4999 : query[j] / norm);
            }
            var (_, denominator) = MomentAnswerer.ForEvaluation(MomentAccumulator.Sum(parameters, RowSet.Create(keys, values), clip: true)).Moments(query);
            var exponent = 0.7 * norm * schema.Keys.BoundingRadius;
            // The lattice moves a weight by no more than this.
            var rounding = rows * Math.Sqrt(parameters.Kernel.MagnitudeSum * parameters.Features) * Math.Pow(2, -parameters.FeatureExponent);
            Assert.InRange(denominator, rows * (1 - parameters.Kernel.RelativeError) * Math.Exp(-exponent) - rounding, rows * (1 + parameters.Kernel.RelativeError) * Math.Exp(exponent) + rounding);
        }
    }

    [Fact]
    public void An_estimate_outside_the_value_bound_is_moved_to_its_rim_and_its_interval_was_taken_before()
    {
        const int Rows = 20;
        foreach (var values in new[] { ValueBound.Ball(2, 1), ValueBound.Box(2, 1) })
        {
            var schema = new StoreSchema(Region.Ball(1, 1), Region.Ball(1, 1), values, 0.5, Adjacency.ReplaceOne, Rows);
            var matrix = new Matrix<double>(Rows, 2);
            for (var i = 0; i < Rows; i++)
                (matrix[i, 0], matrix[i, 1]) = (0.6, 0.8);
            var exact = MomentAccumulator.Sum(MomentParameters.Create(schema, 2), RowSet.Create(new Matrix<double>(Rows, 1), matrix));
            var clipped = 0;
            foreach (var answerer in Releases.Of(exact, 1, 200))
            {
                var output = answerer.Answer([0.5]).Output;
                var norm = Math.Sqrt(output[0] * output[0] + output[1] * output[1]);
                if (values.IsBox)
                    Assert.All(output, x => Assert.InRange(x, -1, 1));
                else
                    Assert.InRange(norm, 0, values.BoundingRadius * (1 + 1e-9));
                clipped += norm > 0.999999 ? 1 : 0;
            }
            Assert.True(clipped > 20, $"{clipped}");
        }
    }

    [Fact]
    public void Queries_outside_their_region_are_refused_with_their_number_and_the_bound_and_clip_only_when_told()
    {
        var queries = MakeQueries(5);
        queries[3, 2] = 123.456;
        var error = Assert.Throws<QueryRejectedException>(() => Answerer.Answer(queries));
        Assert.Equal("query 3: coordinate 2 lies outside [-0.5, 0.75]", error.Message);
        Assert.Equal(3, error.Query);
        queries[1, 0] = double.NaN;
        error = Assert.Throws<QueryRejectedException>(() => Answerer.Answer(queries, clip: true));
        Assert.Equal("query 1: coordinate 0 is NaN or infinite", error.Message);
        queries[1, 0] = 0;
        double[] clipped = [.. queries.Row(3)];
        clipped[2] = 0.75;
        AssertSameBits(Answerer.Answer(clipped), Answerer.Answer(queries, clip: true)[3]);
        Assert.Equal(123.456, queries[3, 2]);
        AssertSameBits(Answerer.Answer([0, 0.1, 0, 0]), Answerer.Answer([-0.0, 0.1, -0.0, -0.0]));

        var ball = new MomentAnswerer(MomentRelease.Publish(
            MomentAccumulator.Sum(MomentParameters.Create(TestRows.BallSchema(2, 1, 5), 2), TestRows.Rows(TestRows.BallSchema(2, 1, 5), 5, 1)),
            MomentRelease.Calibrate(MomentParameters.Create(TestRows.BallSchema(2, 1, 5), 2), [new Epsilon(1)], TestRows.Delta), new byte[32]).Tiers[0]);
        Assert.Equal("query 0: it lies outside the l2 ball of radius 1 around its centre", Assert.Throws<QueryRejectedException>(() => ball.Answer([3, 4])).Message);
        Assert.Contains("query 0 has 3 dimensions; the schema states 2", Assert.Throws<ArgumentException>(() => ball.Answer(new double[3])).Message);
        Assert.Contains("query 0 has 1 dimensions; the schema states 2", Assert.Throws<ArgumentException>(() => ball.Answer(new Matrix<double>(2, 1))).Message);
        Assert.Throws<ArgumentNullException>(() => ball.Answer((Matrix<double>)null!));
        Assert.Throws<ArgumentNullException>(() => new MomentAnswerer(null!));
    }

    [Fact]
    public void More_epsilon_gives_smaller_deviations_and_narrower_intervals()
    {
        var ladder = MomentRelease.Calibrate(Parameters, [new Epsilon(0.2), new Epsilon(1), new Epsilon(5)], TestRows.Delta);
        var answers = MomentRelease.Publish(Exact, ladder, new byte[32]).Tiers.Select(tier => new MomentAnswerer(tier).Answer(Queries.Row(0))).ToArray();
        for (var t = 1; t < answers.Length; t++)
        {
            for (var j = 0; j < 5; j++)
            {
                Assert.True(answers[t].NoiseDeviation[j] < 0.5 * answers[t - 1].NoiseDeviation[j]);
                Assert.True(answers[t].Intervals[j].High - answers[t].Intervals[j].Low < answers[t - 1].Intervals[j].High - answers[t - 1].Intervals[j].Low);
            }
        }
    }

    private static double[] Features(ReadOnlySpan<double> query)
    {
        var phi = new double[Parameters.Features];
        var monomials = new double[Parameters.Features];
        for (var a = 0; a < phi.Length; a++)
        {
            var c = Parameters.Basis.Coordinates[a];
            monomials[a] = a == 0 ? 1 : monomials[Parameters.Basis.Parents[a]] * (query[c] - Schema.Queries.Centre[c]);
            phi[a] = monomials[a] * Parameters.QueryCoefficients[a];
        }
        return phi;
    }

    private static Matrix<double> MakeQueries(int count)
    {
        var random = new Random(2);
        var queries = new Matrix<double>(count, 4);
        for (var i = 0; i < count; i++)
            TestRows.PointIn(Schema.Queries, random).CopyTo(queries.Row(i));
        return queries;
    }

    private static void AssertSameBits(AttentionAnswer expected, AttentionAnswer actual)
    {
        Assert.Equal(expected.Output.Select(BitConverter.DoubleToInt64Bits), actual.Output.Select(BitConverter.DoubleToInt64Bits));
        Assert.Equal(expected.NoiseDeviation.Select(BitConverter.DoubleToInt64Bits), actual.NoiseDeviation.Select(BitConverter.DoubleToInt64Bits));
        Assert.Equal(expected.Intervals, actual.Intervals);
        Assert.Equal(expected.KernelErrorBound, actual.KernelErrorBound);
        Assert.Equal(expected.IsIndistinguishableFromMean, actual.IsIndistinguishableFromMean);
    }
}
