using MathNet.Numerics.Distributions;

namespace DpAttn.Attention.Tests;

/// <summary>indistinguishableFromMean: how often it is said of a store whose values are all alike, and that it is not said where rows differ.</summary>
public class IndistinguishableTests
{
    // A share of 94.6 % (91.5 %) over 10,000 secrets has a deviation of 0.23 % (0.28 %): 1.7 % are six of them, a two-sided false alarm of 2e-9
    // (and secrets are fixed). Values lie on the rim of their ball, where the level is farthest from 95 %.
    private const int Secrets = 10_000;
    private const double Tolerance = 0.017;
    private static readonly double[] Query = [0.6, 0.8];

    [Theory]
    [InlineData(Adjacency.ReplaceOne, 16, 0.946)]
    [InlineData(Adjacency.AddRemove, 26, 0.915)]
    [InlineData(Adjacency.AddRemove, 4, 0.935)]
    public void Values_that_are_all_alike_are_flagged_at_the_level_of_their_adjacency(Adjacency adjacency, int columns, double level)
    {
        Assert.Equal(level, PredictedLevel(adjacency, columns, noiseFactor: 1), 0.001);
        Assert.Equal(level, Flagged(AllAlike(adjacency, columns, 4000), 1), Tolerance);
        // Noise that is 30 % off shifts the level far out of the tolerance, to where the same derivation says.
        foreach (var factor in new[] { 0.7, 1.3 })
        {
            var off = Flagged(AllAlike(adjacency, columns, 4000), factor, 2000);
            // Six deviations of the widest share over 2,000 secrets.
            Assert.Equal(PredictedLevel(adjacency, columns, factor), off, 0.067);
            Assert.True(Math.Abs(off - level) > 2 * Tolerance, $"{off}");
        }
    }

    [Fact]
    public void Answers_that_noise_cannot_explain_are_not_flagged()
    {
        // Values along the keys: attention moves with the query by far more than the noise.
        var schema = TestRows.BallSchema(2, 2, 20_000);
        var (keys, _) = TestRows.Make(schema, 20_000, 3);
        var exact = MomentAccumulator.Sum(MomentParameters.Create(schema, 2), RowSet.Create(keys, keys));
        Assert.All(Releases.Of(exact, 1, 100), answerer => Assert.False(answerer.Answer(Query).IsIndistinguishableFromMean));
        // And at an epsilon that drowns them they are.
        Assert.True(Flagged(exact, 1, secrets: 300, epsilon: 1e-3) > 0.8);
    }

    /// <summary>The query at the centre is answered with the mean itself, whatever the last bits of the two computations.</summary>
    [Fact]
    public void The_query_that_attends_evenly_is_the_mean_and_queries_near_it_are_flagged()
    {
        foreach (var centre in new double[][] { [0, 0], [0.3, -0.7] })
        {
            var schema = new StoreSchema(Region.Ball(2, 1), Region.Ball(centre, 1), ValueBound.Ball(3, 1), 0.9, Adjacency.ReplaceOne, 500);
            var exact = MomentAccumulator.Sum(MomentParameters.Create(schema, 3), TestRows.Rows(schema, 500, 8));
            foreach (var answerer in Releases.Of(exact, 1, 50))
            {
                Assert.True(answerer.Answer(centre).IsIndistinguishableFromMean);
                var (numerators, denominator) = answerer.Moments(centre);
                for (var j = 0; j < 3; j++)
                    Assert.Equal(answerer.MeanValue[j], numerators[j] / denominator, 1e-12);
            }
            // The shift of a query a billionth away is one part noise and one part rows; the flag stays a sober one, not a coin of rounding.
            var flagged = Releases.Of(exact, 0.01, 200).Count(answerer => answerer.Answer([centre[0] + 1e-9, centre[1]]).IsIndistinguishableFromMean is true);
            Assert.InRange(flagged, 150, 200);
        }
    }

    [Fact]
    public void The_mean_of_a_release_is_the_mean_value_and_zero_where_noise_has_swallowed_the_denominator()
    {
        var schema = TestRows.BallSchema(3, 2, 1000, adjacency: Adjacency.AddRemove);
        var parameters = MomentParameters.Create(schema, 2);
        var (keys, values) = TestRows.Make(schema, 1000, 4);
        var exact = MomentAnswerer.ForEvaluation(MomentAccumulator.Sum(parameters, RowSet.Create(keys, values)));
        for (var j = 0; j < 2; j++)
            Assert.Equal(Enumerable.Range(0, 1000).Average(i => values[i, j]), exact.MeanValue[j], 1e-4);
        var allNull = MomentAccumulator.Sum(parameters, RowSet.Create(keys, values, Enumerable.Repeat(true, 1000).ToArray()));
        var zeros = 0;
        foreach (var answerer in Releases.Of(allNull, 1, 200))
        {
            Assert.True(double.IsFinite(answerer.MeanValue[0]));
            zeros += answerer.MeanValue[0] == 0 && answerer.MeanValue[1] == 0 ? 1 : 0;
        }
        // Half of all releases of nothing; 200 coins land outside [50, 150] with probability below 1e-11.
        Assert.InRange(zeros, 50, 150);
    }

    private static MomentMatrix AllAlike(Adjacency adjacency, int columns, int rows)
    {
        var schema = TestRows.BallSchema(2, columns, rows, adjacency: adjacency);
        var (keys, values) = TestRows.Make(schema, rows, 6);
        for (var i = 0; i < rows; i++)
            values.Row(i).Fill(1 / Math.Sqrt(columns));
        return MomentAccumulator.Sum(MomentParameters.Create(schema, 2), RowSet.Create(keys, values));
    }

    private static double Flagged(MomentMatrix exact, double noiseFactor, int secrets = Secrets, double epsilon = 1) =>
        Releases.Of(exact, epsilon, secrets, noiseFactor).Count(answerer => answerer.Answer(Query).IsIndistinguishableFromMean is true) / (double)secrets;

    /// <summary>
    /// For values all alike at |v| = B_v the difference to the mean has covariance s^2 (I + v v^T / gamma^2): dv - 1 eigenvalues 1 and one
    /// lambda = 1 + B_v^2/gamma^2. The level is P( f^2 dv (chi^2_(dv-1) + lambda chi^2_1) / (dv + lambda - 1) at most its 95 % point ).
    /// </summary>
    private static double PredictedLevel(Adjacency adjacency, int columns, double noiseFactor)
    {
        var lambda = adjacency == Adjacency.ReplaceOne ? 2 : 1 + Math.Sqrt(columns);
        var point = ChiSquared.InvCDF(columns, 0.95) * (columns + lambda - 1) / columns / (noiseFactor * noiseFactor);
        var level = 0.0;
        const double Step = 1e-3;
        for (var z = -8.0; z < 8; z += Step)
        {
            var rest = point - lambda * z * z;
            if (rest > 0)
                level += Normal.PDF(0, 1, z) * ChiSquared.CDF(columns - 1, rest) * Step;
        }
        return level;
    }
}
