using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

public class DistanceTreeAnswerTests
{
    private const int Rows = 600;

    public static TheoryData<double, Adjacency, int> Variants
    {
        get
        {
            var variants = new TheoryData<double, Adjacency, int>();
            foreach (var alpha in new[] { 0, 0.5 })
            {
                foreach (var adjacency in new[] { Adjacency.ReplaceOne, Adjacency.AddRemove })
                {
                    variants.Add(alpha, adjacency, 1);
                    variants.Add(alpha, adjacency, 5);
                }
            }
            return variants;
        }
    }

    /// <summary>
    /// 300 secrets, three queries and two columns: the pooled root mean square of (answer - noise-free answer)/stated deviation has a deviation of 2.9 % at most (queries of one secret are correlated), coverage
    /// one of 0.9 %; six of them. Secrets are fixed.
    /// </summary>
    [Theory]
    [MemberData(nameof(Variants))]
    public void Deviations_and_intervals_are_those_of_the_noise(double alpha, Adjacency adjacency, int copies)
    {
        const int Secrets = 300;
        var schema = TestRows.BoxSchema(2, 2, Rows, 0.5, adjacency);
        var parameters = DistanceTreeParameters.Create(schema, 2, alpha, 8, copies);
        var exact = DistanceTreeSums.Sum(parameters, TestRows.Rows(schema, Rows, 4));
        var truth = DistanceTreeAnswerer.ForEvaluation(exact);
        double[][] queries = [[1, 1], [0.2, 0.6], [0, 0]];
        double squares = 0, covered = 0, narrower = 0, count = 0;
        foreach (var answerer in DistanceReleases.Of(exact, 8, Secrets))
        {
            foreach (var query in queries)
            {
                var (answer, expected) = (answerer.Answer(query), truth.Answer(query));
                for (var j = 0; j < 2; j++)
                {
                    squares += Math.Pow((answer.Output[j] - expected.Output[j]) / answer.NoiseDeviation[j], 2);
                    covered += answer.Intervals[j].Contains(expected.Output[j]) ? 1 : 0;
                    var middle = (answer.Intervals[j].Low + answer.Intervals[j].High) / 2;
                    narrower += Math.Abs(expected.Output[j] - middle) <= 0.7 * (answer.Intervals[j].High - answer.Intervals[j].Low) / 2 ? 1 : 0;
                    count++;
                }
            }
        }
        var ratio = Math.Sqrt(squares / count);
        Assert.InRange(ratio, 0.83, 1.17);
        Assert.False(ratio * 0.7 is >= 0.83 and <= 1.17);
        Assert.False(ratio * 1.3 is >= 0.83 and <= 1.17);
        Assert.InRange(covered / count, 0.90, 0.995);
        Assert.False(narrower / count is >= 0.90 and <= 0.995);
    }

    /// <summary>Values all alike: about 94.6 % of answers could be the mean (91.5 % under add-remove). 300 secrets: a deviation of 1.3 % (1.6 %); six of them. Planted: noise that is 70 % wider than stated (the variance holds that of the mean and of a noisy denominator).</summary>
    [Theory]
    [MemberData(nameof(Variants))]
    public void Answers_of_a_store_whose_values_are_alike_could_be_the_mean_and_those_of_another_could_not(double alpha, Adjacency adjacency, int copies)
    {
        const int Secrets = 300;
        var schema = TestRows.BoxSchema(2, 2, Rows, 0.5, adjacency);
        var parameters = DistanceTreeParameters.Create(schema, 2, alpha, 8, copies);
        var (keys, values) = TestRows.Make(schema, Rows, 4);
        for (var i = 0; i < Rows; i++)
            (values[i, 0], values[i, 1]) = (0.25, -0.5);
        var alike = DistanceTreeSums.Sum(parameters, RowSet.Create(keys, values));
        double Flagged(DistanceTreeSums sums, double epsilon, Func<INoiseSource, INoiseSource>? wrap = null) =>
            DistanceReleases.Of(sums, epsilon, epsilon > 8 ? 30 : Secrets, wrap).Average(answerer => answerer.Answer([0.9, 0.7]).IsIndistinguishableFromMean == true ? 1.0 : 0);
        var (low, high) = adjacency == Adjacency.ReplaceOne ? (0.868, 1) : (0.82, 1);
        Assert.InRange(Flagged(alike, 8), low, high);
        Assert.False(Flagged(alike, 8, noise => new ScaledNoise(noise, 1.7)) >= low);
        for (var i = 0; i < Rows; i++)
            values[i, 0] = keys[i, 0] - 0.5;
        // At an epsilon of 150 hardly any noise is left, and the values depend on the keys.
        Assert.Equal(0, Flagged(DistanceTreeSums.Sum(parameters, RowSet.Create(keys, values)), 150));
    }

    [Fact]
    public void Under_replace_one_the_denominator_is_floored_at_its_public_bound_and_under_add_remove_noise_may_swallow_it()
    {
        foreach (var alpha in new[] { 0, 0.2 })
        {
            var schema = TestRows.BoxSchema(2, 2, 2, 0.5, Adjacency.AddRemove);
            var parameters = DistanceTreeParameters.Create(schema, 2, alpha, 16);
            var sums = DistanceTreeSums.Sum(parameters, TestRows.Rows(schema, 2, 1));
            var answers = DistanceReleases.Of(sums, 0.1, 60).Select(answerer => answerer.Answer([0.5, 0.5])).ToArray();
            var swallowed = answers.Where(answer => double.IsInfinity(answer.NoiseDeviation[0])).ToArray();
            Assert.InRange(swallowed.Length, 5, 55);
            Assert.All(swallowed, answer => Assert.Equal((true, 0.0, true), (answer.Intervals[0].IsWholeRange, answer.Output[0], answer.IsIndistinguishableFromMean)));

            var replace = TestRows.BoxSchema(2, 2, 2, 0.5);
            var floored = DistanceTreeParameters.Create(replace, 2, alpha, 16);
            foreach (var answerer in DistanceReleases.Of(DistanceTreeSums.Sum(floored, TestRows.Rows(replace, 2, 1)), 0.1, 60))
            {
                var answer = answerer.Answer([0.5, 0.5]);
                Assert.True(Math.Sqrt(answer.Output.Sum(x => x * x)) <= replace.Values.BoundingRadius * (1 + 1e-9));
            }
            // The floor is no more than what the noise-free denominator of any row is.
            var random = new Random(3);
            for (var i = 0; i < 300; i++)
            {
                var plan = DistanceTreeQueryPlan.For(floored, TestRows.PointIn(replace.Queries, random));
                var one = DpTreeSoftmax.ForEvaluation(DistanceTreeSums.Sum(floored, TestRows.OneRow(TestRows.PointIn(replace.Keys, random), [0, 0]))).Query(plan);
                Assert.True(one.Normaliser >= plan.LowestKernel && plan.LowestKernel > 0.5);
            }
        }
    }

    [Fact]
    public void Queries_that_break_the_bounds_are_refused_by_number_and_bound()
    {
        var schema = TestRows.BoxSchema(2, 1, Rows, 0.5);
        var parameters = DistanceTreeParameters.Create(schema, 2, 0.2, 16);
        var answerer = DistanceTreeAnswerer.ForEvaluation(DistanceTreeSums.Sum(parameters, TestRows.Rows(schema, 10, 1)));
        Assert.Equal("query 0: coordinate 1 lies outside [0, 1]", Assert.Throws<QueryRejectedException>(() => answerer.Answer([0.5, 1.5])).Message);
        Assert.Equal("query 0: coordinate 0 is NaN or infinite", Assert.Throws<QueryRejectedException>(() => answerer.Answer([double.NaN, 0.5], clip: true)).Message);
        Assert.Contains("query 0 has 3 dimensions; the schema states 2", Assert.Throws<ArgumentException>(() => answerer.Answer([0.5, 0.5, 0.5])).Message);
        Assert.Equal(2, Assert.Throws<QueryRejectedException>(() => answerer.Answer(new Matrix<double>(3, 2, [0, 0, 1, 1, -1, 0]))).Query);
        Assert.Equal(answerer.Answer([0.5, 1]).Output, answerer.Answer([0.5, 1.5], clip: true).Output);
        var batch = answerer.Answer(new Matrix<double>(2, 2, [0, 0, 1, 1]));
        Assert.Equal(answerer.Answer([0, 0]).Output, batch[0].Output);
        Assert.Equal(answerer.Answer([1, 1]).Output, batch[1].Output);
        var ball = DistanceTreeParameters.Create(TestRows.BallSchema(2, 1, 10, 0.5), 2, 0.2, 16);
        Assert.Contains("query 7: it lies outside the l2 ball of radius 1", Assert.Throws<QueryRejectedException>(() => DistanceTreeQueryPlan.For(ball, [1, 1], number: 7)).Message);
        Assert.Contains("planned for other parameters", Assert.Throws<ArgumentException>(() => answerer.Answer(DistanceTreeQueryPlan.For(ball, [0, 0]))).Message);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Estimates_are_the_deviations_that_answers_state_and_go_both_ways(double alpha, Adjacency adjacency, int copies)
    {
        var schema = TestRows.BoxSchema(2, 2, Rows, 0.5, adjacency);
        var parameters = DistanceTreeParameters.Create(schema, 2, alpha, 64, copies);
        foreach (var epsilon in new[] { 0.1, 1, 20 })
        {
            var at = DistanceTreeEstimator.ErrorAt(parameters, Rows, new Epsilon(epsilon), TestRows.Delta);
            var back = DistanceTreeEstimator.EpsilonFor(parameters, Rows, at.TypicalNoise, TestRows.Delta);
            Assert.Equal(epsilon, back.Epsilon.Value, epsilon * 1e-7);
            Assert.Equal(at.TypicalNoise, back.TypicalNoise, at.TypicalNoise * 1e-12);
            Assert.Equal(parameters.ErrorBound.Answer, at.KernelErrorBound);
            Assert.Equal(adjacency == Adjacency.AddRemove, double.IsInfinity(at.WorstNoise));
        }
        // Rows at the centre, values 0: what the estimate calls typical.
        var (keys, values) = (new Matrix<double>(Rows, 2), new Matrix<double>(Rows, 2));
        Array.Fill(keys.Data, 0.5);
        var sums = DistanceTreeSums.Sum(parameters, RowSet.Create(keys, values));
        var estimate = DistanceTreeEstimator.ErrorAt(parameters, Rows, new Epsilon(20), TestRows.Delta);
        var stated = DistanceReleases.Of(sums, 20, 20).Select(answerer => answerer.Answer([1, 1]).NoiseDeviation[0]).Average();
        // The kernel at the centre is the exponential but for the polynomial's and the intervals' error.
        Assert.InRange(stated / estimate.TypicalNoise, 0.9, 1.15);
        var random = new Random(2);
        foreach (var answerer in DistanceReleases.Of(sums, 20, 10))
        {
            for (var i = 0; i < 20; i++)
                Assert.True(answerer.Answer(TestRows.PointIn(schema.Queries, random)).NoiseDeviation[0] <= estimate.WorstNoise);
        }
        Assert.True(estimate.WorstNoise > estimate.TypicalNoise);
    }

    [Fact]
    public void Estimates_of_impossible_numbers_are_refused()
    {
        var parameters = DistanceTreeParameters.Create(TestRows.BoxSchema(2, 2, Rows, 0.5), 2, 0.1, 64);
        Refused("rows", () => DistanceTreeEstimator.ErrorAt(parameters, 0, new Epsilon(1), TestRows.Delta));
        Refused("epsilon must lie in (0, 200]", () => DistanceTreeEstimator.ErrorAt(parameters, 10, new Epsilon(0), TestRows.Delta));
        Refused("delta must be at least 2^-100", () => DistanceTreeEstimator.EpsilonFor(parameters, 10, 0.1, new Delta(1e-40)));
        Refused("the target error must be finite and above 0", () => DistanceTreeEstimator.EpsilonFor(parameters, 10, double.NaN, TestRows.Delta));
        foreach (var target in new[] { 1e-6, 1e-300, double.Epsilon })
            Refused("this error needs an epsilon of", () => DistanceTreeEstimator.EpsilonFor(parameters, 10, target, TestRows.Delta));
        Refused("any epsilon above 0 gives a smaller error than this", () => DistanceTreeEstimator.EpsilonFor(parameters, 10, 1e9, TestRows.Delta));
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
