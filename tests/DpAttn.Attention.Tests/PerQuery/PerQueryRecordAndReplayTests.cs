using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>
/// Run on D with all noise recorded, replay on a neighbour D' with the noise frozen: what differs outside the noised sums is a leak, and the noised sums may differ by no more
/// than the declared sensitivity.
/// </summary>
public class PerQueryRecordAndReplayTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(700)]
    public void Under_replace_one_only_the_noised_sums_differ_and_by_no_more_than_declared(int rows)
    {
        var schema = new StoreSchema(Region.Ball(4, 1), Region.Ball([0.2, 0, 0, -0.4], 0.8), ValueBound.Ball(3, 1), 6, Adjacency.ReplaceOne, rows);
        var (keys, values) = TestRows.Make(schema, rows, 5);
        for (var round = 0; round < 20; round++)
        {
            var (otherKeys, otherValues) = (Copy(keys), Copy(values));
            var changed = round % rows;
            TestRows.PointIn(schema.Keys, new Random(round)).CopyTo(otherKeys.Row(changed));
            for (var j = 0; j < 3; j++)
                otherValues[changed, j] = -values[changed, j];
            Check(schema, round, RowSet.Create(keys, values), RowSet.Create(otherKeys, otherValues));
        }
    }

    /// <summary>0, 1 and 2 rows among the slots, and many.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 0)]
    [InlineData(3, 1)]
    [InlineData(3, 2)]
    [InlineData(700, 650)]
    public void Under_add_remove_only_the_noised_sums_differ_and_by_no_more_than_declared(int slots, int rows)
    {
        var schema = TestRows.BoxSchema(5, 2, slots, 2, Adjacency.AddRemove);
        var (keys, values) = TestRows.Make(schema, slots, 6);
        var isNull = Enumerable.Range(0, slots).Select(slot => slot >= rows).ToArray();
        for (var slot = 0; slot < Math.Min(slots, 20); slot++)
        {
            var neighbour = (bool[])isNull.Clone();
            neighbour[slot] ^= true;
            Check(schema, slot, RowSet.Create(keys, values, isNull), RowSet.Create(keys, values, neighbour));
        }
    }

    private static void Check(StoreSchema schema, int number, RowSet rows, RowSet neighbour)
    {
        var queries = PerQueryRequests.Queries(schema, 1 + number % 5, number);
        var recorder = new RecordingNoise(PerQueryRequests.Noise(number));
        var (noised, held) = Run(schema, queries, rows, recorder, out var plan);
        var replay = new ReplayedNoise(recorder.Recorded);
        var (other, otherHeld) = Run(schema, queries, neighbour, replay, out var otherPlan);
        Assert.Equal(recorder.Recorded.Count, replay.Asked);
        Assert.Equal(Describe(plan), Describe(otherPlan));
        Assert.Equal(held, otherHeld);
        var distance = Math.Sqrt(noised.Zip(other, (x, y) => (double)(x - y) * (x - y)).Sum());
        Assert.InRange(distance, 0, (double)plan.Sensitivity);
        // Answers are a function of the noised sums and public figures: on the same sums they are the same.
        var n = PerQueryRequests.PublicRows(plan, rows.Count);
        Assert.Equal(
            PerQueryAnswerer.Answer(plan, noised, n).SelectMany(answer => answer.Output.Concat(answer.NoiseDeviation)),
            PerQueryAnswerer.Answer(otherPlan, noised, PerQueryRequests.PublicRows(plan, neighbour.Count)).SelectMany(answer => answer.Output.Concat(answer.NoiseDeviation)));
    }

    /// <summary>The noise is drawn before there is any sum, and the sums are added to it.</summary>
    private static (long[] Noised, (int Slots, long Bytes) Held) Run(StoreSchema schema, Matrix<double> queries, RowSet rows, INoiseSource noise, out PerQueryPlan plan)
    {
        plan = PerQueryRequests.Plan(schema, queries);
        var noised = PerQueryNoise.Draw(plan, noise);
        var prepared = PerQueryRows.Prepare(plan.Parameters, rows, clip: false);
        PerQuerySums.AddTo(noised, plan, prepared);
        return (noised, (prepared.Slots, prepared.Bytes));
    }

    private static string Describe(PerQueryPlan plan) =>
        $"{plan.Sensitivity} {plan.Variance} {plan.Cost} {plan.Dimension} {string.Join(',', plan.Positions)} {string.Join(',', plan.Queries.Data)} "
        + $"{plan.Parameters.KernelExponent} {plan.Parameters.ValueExponent} {plan.Parameters.GammaSteps} {plan.Parameters.QuerySensitivity} {plan.Parameters.RoundingErrorBound} "
        + Convert.ToHexString(plan.Parameters.Fingerprint);

    private static Matrix<double> Copy(Matrix<double> matrix) => new(matrix.Rows, matrix.Columns, [.. matrix.Data]);
}
