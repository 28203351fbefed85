using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

public class EstimatorTests
{
    private static readonly Delta Delta = TestRows.Delta;

    public static TheoryData<Adjacency> Adjacencies => [Adjacency.ReplaceOne, Adjacency.AddRemove];

    [Theory]
    [MemberData(nameof(Adjacencies))]
    public void The_epsilon_for_an_error_gives_that_error(Adjacency adjacency)
    {
        var parameters = MomentParameters.Create(TestRows.BallSchema(8, 4, 10_000, adjacency: adjacency), 2);
        foreach (var epsilon in new[] { 0.05, 0.3, 1, 8, 60 })
        {
            var at = MomentEstimator.ErrorAt(parameters, 5000, new Epsilon(epsilon), Delta);
            var back = MomentEstimator.EpsilonFor(parameters, 5000, at.TypicalNoise, Delta);
            // The ledger's unit, 2^-40 of mu squared, is what a tier is rounded to.
            Assert.Equal(epsilon, back.Epsilon.Value, epsilon * 1e-7);
            Assert.Equal(at.TypicalNoise, back.TypicalNoise, at.TypicalNoise * 1e-12);
            Assert.Equal(at.WorstNoise, back.WorstNoise, double.IsInfinity(at.WorstNoise) ? 0 : at.WorstNoise * 1e-9);
            Assert.Equal((at.KernelErrorBound, at.Delta), (back.KernelErrorBound, back.Delta));
            // Twice the rows, half the noise.
            Assert.Equal(at.TypicalNoise / 2, MomentEstimator.ErrorAt(parameters, 10_000, new Epsilon(epsilon), Delta).TypicalNoise, at.TypicalNoise * 1e-9);
        }
        Assert.Equal(adjacency == Adjacency.AddRemove, double.IsInfinity(MomentEstimator.ErrorAt(parameters, 5000, new Epsilon(1), Delta).WorstNoise));
    }

    /// <summary>
    /// Measured: rows that a rim query attends to evenly, values near 0, many secrets. 800 secrets of 4 columns give a root mean square with a
    /// deviation of 1.25 %; six of them are 7.5 % (and secrets are fixed).
    /// </summary>
    [Theory]
    [MemberData(nameof(Adjacencies))]
    public void The_typical_noise_is_the_one_that_is_measured(Adjacency adjacency)
    {
        const int Rows = 2000;
        var schema = TestRows.BallSchema(3, 4, Rows, adjacency: adjacency);
        var parameters = MomentParameters.Create(schema, 2);
        var exact = MomentAccumulator.Sum(parameters, RowSet.Create(new Matrix<double>(Rows, 3), new Matrix<double>(Rows, 4)));
        double[] rim = [0, 0.6, -0.8];
        var squares = 0.0;
        foreach (var answerer in Releases.Of(exact, 1, 800))
            squares += answerer.Answer(rim).Output.Sum(x => x * x);
        var measured = Math.Sqrt(squares / 800 / 4);
        var estimate = MomentEstimator.ErrorAt(parameters, Rows, new Epsilon(1), Delta);
        // The kernel's value at 0, where all these rows are, is 1 to within its error.
        var ratio = measured / estimate.TypicalNoise * parameters.Kernel.Evaluate(0);
        Assert.InRange(ratio, 0.925, 1.075);
        Assert.False(ratio * 0.7 is >= 0.925 and <= 1.075);
        Assert.False(ratio * 1.3 is >= 0.925 and <= 1.075);
        Assert.Equal(parameters.Kernel.AnswerErrorPerUnit * schema.Values.BoundingRadius, estimate.KernelErrorBound);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void No_stated_deviation_exceeds_the_worst_noise_and_rows_against_the_query_come_near_it(bool box)
    {
        const int Rows = 4000;
        double[] centre = [0.3, -0.2];
        var queries = box ? Region.Box(2, -0.2, 0.8) : Region.Ball(centre, 0.7);
        var schema = new StoreSchema(Region.Ball(2, 1), queries, ValueBound.Ball(1, 1), 0.8, Adjacency.ReplaceOne, Rows);
        var parameters = MomentParameters.Create(schema, 2);
        var worst = MomentEstimator.ErrorAt(parameters, Rows, new Epsilon(2), Delta).WorstNoise;
        double[] far = box ? [0.8, 0.8] : [.. centre.Select(x => x * (1 + 0.7 / Math.Sqrt(0.13)))];
        var norm = Math.Sqrt(far.Sum(x => x * x));
        var (keys, values) = (new Matrix<double>(Rows, 2), new Matrix<double>(Rows, 1));
        for (var i = 0; i < Rows; i++)
            (keys[i, 0], keys[i, 1], values[i, 0]) = (-far[0] / norm, -far[1] / norm, 1);
        var exact = MomentAccumulator.Sum(parameters, RowSet.Create(keys, values));
        var deviation = MomentAnswerer.ForEvaluation(exact).Moments(far).Denominator;
        var stated = Releases.Of(exact, 2, 50).Select(answerer => answerer.Answer(far, clip: true).NoiseDeviation[0]).ToArray();
        // The stated deviation holds the noisy D; on average it is the bound's, but for the polynomial's error.
        Assert.InRange(stated.Average(), 0.6 * worst, 1.05 * worst);
        Assert.True(deviation >= Rows * (1 - parameters.Kernel.RelativeError) * Math.Exp(-0.8 * norm * schema.Keys.BoundingRadius) * 0.999);
    }

    [Fact]
    public void Estimates_of_impossible_numbers_are_refused()
    {
        var parameters = MomentParameters.Create(TestRows.BallSchema(3, 2, 1000), 2);
        Refused("rows", () => MomentEstimator.ErrorAt(parameters, 0, new Epsilon(1), Delta));
        Refused("epsilon must lie in (0, 200]", () => MomentEstimator.ErrorAt(parameters, 10, new Epsilon(0), Delta));
        Refused("epsilon must lie in (0, 200]", () => MomentEstimator.ErrorAt(parameters, 10, new Epsilon(201), Delta));
        Refused("delta must be at least 2^-100", () => MomentEstimator.ErrorAt(parameters, 10, new Epsilon(1), new Delta(1e-40)));
        Refused("delta must be at least 2^-100", () => MomentEstimator.EpsilonFor(parameters, 10, 0.1, new Delta(1e-40)));
        Refused("rows", () => MomentEstimator.EpsilonFor(parameters, -1, 0.1, Delta));
        foreach (var target in new[] { 0, -1, double.NaN, double.PositiveInfinity })
            Refused("the target error must be finite and above 0", () => MomentEstimator.EpsilonFor(parameters, 10, target, Delta));
        foreach (var target in new[] { 1e-6, 1e-300, double.Epsilon })
            Refused("this error needs an epsilon of", () => MomentEstimator.EpsilonFor(parameters, 10, target, Delta));
        Refused("any epsilon above 0 gives a smaller error than this", () => MomentEstimator.EpsilonFor(parameters, 10, 1e9, Delta));
        Assert.Throws<ArgumentNullException>(() => MomentEstimator.ErrorAt(null!, 1, new Epsilon(1), Delta));
        Assert.Throws<ArgumentNullException>(() => MomentEstimator.EpsilonFor(null!, 1, 1, Delta));
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
