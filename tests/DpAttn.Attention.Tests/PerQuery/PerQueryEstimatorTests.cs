using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

public class PerQueryEstimatorTests
{
    private static readonly Delta Delta = TestRows.Delta;

    public static TheoryData<Adjacency> Adjacencies => [Adjacency.ReplaceOne, Adjacency.AddRemove];

    [Theory]
    [MemberData(nameof(Adjacencies))]
    public void The_epsilon_for_an_error_gives_that_error(Adjacency adjacency)
    {
        var parameters = PerQueryParameters.Create(TestRows.BallSchema(8, 4, 10_000, 3, adjacency));
        foreach (var queries in new[] { 1, 50 })
        {
            foreach (var epsilon in new[] { 0.05, 0.3, 1, 8, 60 })
            {
                var at = PerQueryEstimator.ErrorAt(parameters, 5000, new Epsilon(epsilon), Delta, queries);
                var back = PerQueryEstimator.EpsilonFor(parameters, 5000, at.TypicalNoise, Delta, queries);
                // The ledger's unit, 2^-40 of mu squared, is what an epsilon is rounded to.
                Assert.Equal(epsilon, back.Epsilon.Value, epsilon * 1e-7);
                Assert.Equal(at.TypicalNoise, back.TypicalNoise, at.TypicalNoise * 1e-12);
                Assert.Equal(at.WorstNoise, back.WorstNoise, double.IsInfinity(at.WorstNoise) ? 0 : at.WorstNoise * 1e-9);
                Assert.Equal((0, 0, Delta), (at.KernelErrorBound, back.KernelErrorBound, back.Delta));
                // Twice the rows, half the noise; four queries, twice.
                Assert.Equal(at.TypicalNoise / 2, PerQueryEstimator.ErrorAt(parameters, 10_000, new Epsilon(epsilon), Delta, queries).TypicalNoise, at.TypicalNoise * 1e-9);
                Assert.Equal(at.TypicalNoise * 2, PerQueryEstimator.ErrorAt(parameters, 5000, new Epsilon(epsilon), Delta, 4 * queries).TypicalNoise, at.TypicalNoise * 1e-9);
            }
        }
        Assert.Equal(adjacency == Adjacency.AddRemove, double.IsInfinity(PerQueryEstimator.ErrorAt(parameters, 5000, new Epsilon(1), Delta).WorstNoise));
    }

    /// <summary>
    /// Measured: keys that a rim query attends to evenly, values near 0, many secrets. 800 secrets of 4 columns give a root mean square with a deviation of 1.25 %;
    /// six of them are 7.5 % (and secrets are fixed).
    /// </summary>
    [Theory]
    [MemberData(nameof(Adjacencies))]
    public void The_typical_noise_is_the_one_that_is_measured(Adjacency adjacency)
    {
        const int Rows = 2000;
        var schema = TestRows.BallSchema(3, 4, Rows, 2, adjacency);
        var plan = PerQueryRequests.Plan(schema, PerQueryRequests.OneQuery(0, 0.6, -0.8));
        var sums = PerQueryRequests.Sums(plan, RowSet.Create(new Matrix<double>(Rows, 3), new Matrix<double>(Rows, 4)));
        var squares = 0.0;
        for (var i = 0; i < 800; i++)
        {
            var noised = PerQueryRequests.Add(sums, PerQueryNoise.Draw(plan, PerQueryRequests.Noise(i)));
            squares += PerQueryAnswerer.Answer(plan, noised, PerQueryRequests.PublicRows(plan, Rows))[0].Output.Sum(x => x * x);
        }
        var ratio = Math.Sqrt(squares / 800 / 4) / PerQueryEstimator.ErrorAt(plan.Parameters, Rows, new Epsilon(1), Delta).TypicalNoise;
        Assert.InRange(ratio, 0.925, 1.075);
        Assert.False(ratio * 0.7 is >= 0.925 and <= 1.075);
        Assert.False(ratio * 1.3 is >= 0.925 and <= 1.075);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rows_at_the_far_end_come_near_the_worst_noise_and_do_not_exceed_it(bool box)
    {
        const int Rows = 4000;
        var region = box ? Region.Box(2, -0.7, 0.7) : Region.Ball(2, 0.99);
        var schema = new StoreSchema(region, region, ValueBound.Ball(1, 1), 1, Adjacency.ReplaceOne, Rows);
        double[] far = box ? [0.7, 0.7] : [0.6 * 0.99, 0.8 * 0.99];
        var plan = PerQueryRequests.Plan(schema, PerQueryRequests.OneQuery(far), epsilon: 4);
        var (keys, values) = (new Matrix<double>(Rows, 2), new Matrix<double>(Rows, 1));
        for (var i = 0; i < Rows; i++)
            (keys[i, 0], keys[i, 1], values[i, 0]) = (-far[0], -far[1], 1);
        // The deviation that is stated on exact sums: that of the noise, at the exact answer.
        var stated = PerQueryAnswerer.Answer(plan, PerQueryRequests.Sums(plan, RowSet.Create(keys, values)), Rows)[0].NoiseDeviation[0];
        var worst = PerQueryEstimator.ErrorAt(plan.Parameters, Rows, new Epsilon(4), Delta).WorstNoise;
        Assert.InRange(stated, 0.98 * worst, worst);
    }

    [Fact]
    public void Sharp_kernels_have_an_infinite_typical_noise_and_not_a_wrong_one()
    {
        var parameters = PerQueryParameters.Create(TestRows.BallSchema(3, 2, 1000, 5000));
        Assert.Equal(double.PositiveInfinity, PerQueryEstimator.ErrorAt(parameters, 1000, new Epsilon(1), Delta).TypicalNoise);
        Refused("this error needs an epsilon of", () => PerQueryEstimator.EpsilonFor(parameters, 1000, 0.1, Delta));
    }

    [Fact]
    public void Estimates_of_impossible_numbers_are_refused()
    {
        var parameters = PerQueryParameters.Create(TestRows.BallSchema(3, 2, 1000));
        Refused("rows", () => PerQueryEstimator.ErrorAt(parameters, 0, new Epsilon(1), Delta));
        Refused("queries", () => PerQueryEstimator.ErrorAt(parameters, 10, new Epsilon(1), Delta, 0));
        Refused("queries", () => PerQueryEstimator.ErrorAt(parameters, 10, new Epsilon(1), Delta, 1025));
        Refused("epsilon must lie in (0, 200]", () => PerQueryEstimator.ErrorAt(parameters, 10, new Epsilon(0), Delta));
        Refused("epsilon must lie in (0, 200]", () => PerQueryEstimator.ErrorAt(parameters, 10, new Epsilon(201), Delta));
        Refused("delta must be at least 2^-100", () => PerQueryEstimator.ErrorAt(parameters, 10, new Epsilon(1), new Delta(1e-40)));
        Refused("delta must be at least 2^-100", () => PerQueryEstimator.EpsilonFor(parameters, 10, 0.1, new Delta(1e-40)));
        Refused("rows", () => PerQueryEstimator.EpsilonFor(parameters, -1, 0.1, Delta));
        foreach (var target in new[] { 0, -1, double.NaN, double.PositiveInfinity })
            Refused("the target error must be finite and above 0", () => PerQueryEstimator.EpsilonFor(parameters, 10, target, Delta));
        foreach (var target in new[] { 1e-6, 1e-300, double.Epsilon })
            Refused("this error needs an epsilon of", () => PerQueryEstimator.EpsilonFor(parameters, 10, target, Delta));
        Refused("any epsilon above 0 gives a smaller error than this", () => PerQueryEstimator.EpsilonFor(parameters, 10, 1e9, Delta));
        Assert.Throws<ArgumentNullException>(() => PerQueryEstimator.ErrorAt(null!, 1, new Epsilon(1), Delta));
        Assert.Throws<ArgumentNullException>(() => PerQueryEstimator.EpsilonFor(null!, 1, 1, Delta));
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
