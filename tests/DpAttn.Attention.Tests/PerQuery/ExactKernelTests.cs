using DpAttn.Privacy;

namespace DpAttn.Attention.Tests.PerQuery;

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
    public void Noise_free_answers_are_softmax_attention(Adjacency adjacency, bool box, double scale, double tolerance)
    {
        const int Rows = 1500;
        double[] centre = [0.1, -0.7, 0.4, 0, 0.2];
        var keys = box ? Region.Box(5, -0.4, 0.6) : Region.Ball(centre, 0.8);
        var schema = new StoreSchema(keys, Region.Ball([0.3, 0, 0, 0.3, -0.1], 0.9), ValueBound.Ball(3, 2), scale, adjacency, Rows);
        var (k, v) = TestRows.Make(schema, Rows, 3);
        var queries = Queries(schema, 21);
        var plan = PerQueryPlan.Create(PerQueryParameters.Create(schema), queries, clip: false, new Epsilon(1), TestRows.Delta);
        var answers = NoiseFree(plan, RowSet.Create(k, v));
        var exact = new ExactAttention<double>(k, v, scale).Attend(queries);
        for (var i = 0; i < queries.Rows; i++)
        {
            for (var j = 0; j < 3; j++)
                Assert.Equal(exact[i, j], answers[i].Output[j], tolerance);
            Assert.Equal(0, answers[i].KernelErrorBound);
            Assert.Null(answers[i].IsIndistinguishableFromMean);
        }
    }

    internal static Matrix<double> Queries(StoreSchema schema, int count, int seed = 5)
    {
        var random = new Random(seed);
        var queries = new Matrix<double>(count, schema.KeyDimension);
        for (var i = 0; i < count; i++)
            TestRows.PointIn(schema.Queries, random).CopyTo(queries.Row(i));
        return queries;
    }

    internal static long[] Sums(PerQueryPlan plan, RowSet rows)
    {
        var sums = new long[plan.Dimension];
        PerQuerySums.AddTo(sums, plan, PerQueryRows.Prepare(plan.Parameters, rows, clip: false));
        return sums;
    }

    internal static AttentionAnswer[] NoiseFree(PerQueryPlan plan, RowSet rows) => PerQueryAnswerer.Answer(
        plan, Sums(plan, rows), plan.Parameters.Schema.Adjacency == Adjacency.ReplaceOne ? rows.Count : null, sigmaSteps: 0);
}
