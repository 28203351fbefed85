using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>
/// Exact integer sums of a per-query request in one shard against exact (non-private) attention in double precision over the same rows, one thread: rows per second of a single
/// query on 500,000 rows of 64 + 64 numbers, and of 32 queries at once on rows of the shape of `packages`.
/// </summary>
internal static class PerQueryRatio
{
    public static void Run()
    {
        Compare(500_000, 64, 64, queries: 1, scale: 1);
        Compare(45_846, 64, 16, queries: 1, scale: 8);
        Compare(45_846, 64, 16, queries: 32, scale: 8);
    }

    private static void Compare(int rows, int d, int dv, int queries, double scale)
    {
        var keys = Widen(Data.UnitRows(rows, d, 1));
        var values = Widen(Data.UnitRows(rows, dv, 2));
        var asked = Widen(Data.UnitRows(queries, d, 3));
        var exact = new ExactAttention<double>(keys, values, scale);
        var schema = new StoreSchema(Region.Ball(d, 1), Region.Ball(d, 1), ValueBound.Ball(dv, 1), scale, Adjacency.ReplaceOne, rows);
        var parameters = PerQueryParameters.Create(schema);
        var prepared = PerQueryRows.Prepare(parameters, RowSet.Create(keys, values), clip: false);
        var plan = PerQueryPlan.Create(parameters, asked, clip: false, new Epsilon(1), new Delta(1e-6));
        var sums = new long[plan.Dimension];
        var ratio = PairedRatio.Run(
            $"exact attention in doubles, {queries} of {rows} x ({d} + {dv})", () => exact.Attend(asked),
            $"exact integer sums, {prepared.Bytes >> 20} MiB", () =>
            {
                Array.Clear(sums);
                PerQuerySums.AddTo(sums, plan, prepared);
            });
        Console.WriteLine($"  per-query takes rows at {ratio:F2} times the rate of exact attention in double precision");
    }

    private static Matrix<double> Widen(Matrix<float> matrix) => new(matrix.Rows, matrix.Columns, Array.ConvertAll(matrix.Data, x => (double)x));
}
