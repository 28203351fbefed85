namespace DpAttn.Attention.Tests;

/// <summary>
/// The noise that answers have is the noise that they say they have: root mean square over all queries, columns and 200 releases, within 5 %.
/// </summary>
/// <remarks>
/// All queries of a release share its noise, so a release counts as about one independent draw per column and direction: with 200 releases of 16
/// columns the mean square has a deviation of at most sqrt(2/3200) = 2.5 %, its root of 1.25 %; 5 % are four of them. The queries' many directions
/// make the real deviation smaller, and secrets are fixed: these tests have one outcome for ever.
/// </remarks>
public class AnswerNoiseTests
{
    private const int ReleaseCount = 200;

    [Theory]
    [InlineData(Adjacency.ReplaceOne)]
    [InlineData(Adjacency.AddRemove)]
    public void Answers_on_made_rows_have_the_noise_that_they_state(Adjacency adjacency)
    {
        const int Rows = 3000;
        var schema = TestRows.BallSchema(8, 16, Rows, 1, adjacency);
        var (keys, values) = TestRows.Make(schema, Rows, 11);
        var queries = new Matrix<double>(300, 8);
        var random = new Random(12);
        for (var i = 0; i < queries.Rows; i++)
            TestRows.PointIn(schema.Queries, random).CopyTo(queries.Row(i));
        Check(schema, RowSet.Create(keys, values), queries);
    }

    /// <summary>The form of the acceptance: 45,846 real rows, 1,000 queries, one-hot values of 16 columns.</summary>
    [Fact]
    [Trait("Suite", "Long")]
    public void Answers_on_packages_have_the_noise_that_they_state()
    {
        var (keys, values) = (SharedData.Matrix("packages", "keys.npy"), SharedData.Matrix("packages", "values.npy"));
        Check(TestRows.BallSchema(64, 16, keys.Rows), IO.FloatMatrix.ToRows(keys, values), SharedData.Matrix("packages", "queries.npy").ToDouble());
    }

    private static void Check(StoreSchema schema, RowSet rows, Matrix<double> queries)
    {
        var exact = MomentAccumulator.Sum(MomentParameters.Create(schema, 2), rows, threads: 2);
        var ratio = Ratio(exact, queries, noiseFactor: 1);
        TestContext.Current.TestOutputHelper!.WriteLine($"measured over predicted noise: {ratio:F4}");
        Assert.InRange(ratio, 0.95, 1.05);
        // The same measurement of noise that is 30 % off.
        Assert.False(Ratio(exact, queries, noiseFactor: 0.7) is >= 0.95 and <= 1.05);
        Assert.False(Ratio(exact, queries, noiseFactor: 1.3) is >= 0.95 and <= 1.05);
    }

    private static double Ratio(MomentMatrix exact, Matrix<double> queries, double noiseFactor)
    {
        var noiseFree = MomentAnswerer.ForEvaluation(exact).Answer(queries);
        double measured = 0, predicted = 0;
        foreach (var answerer in Releases.Of(exact, 1, ReleaseCount, noiseFactor, threads: 2))
        {
            var answers = answerer.Answer(queries);
            for (var i = 0; i < answers.Length; i++)
            {
                for (var j = 0; j < answers[i].Output.Length; j++)
                {
                    measured += Math.Pow(answers[i].Output[j] - noiseFree[i].Output[j], 2);
                    predicted += Math.Pow(answers[i].NoiseDeviation[j], 2);
                }
            }
        }
        return Math.Sqrt(measured / predicted);
    }
}
