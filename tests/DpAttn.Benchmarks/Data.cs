using DpAttn.Attention;

namespace DpAttn.Benchmarks;

/// <summary>Made-up rows for benchmarks; no privacy depends on their generator.</summary>
internal static class Data
{
    /// <summary>Rows on the unit sphere, scaled just inside it.</summary>
    public static Matrix<float> UnitRows(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        var matrix = new Matrix<float>(rows, columns);
        for (var i = 0; i < rows; i++)
        {
            var row = matrix.Row(i);
            var squares = 0.0;
            for (var j = 0; j < columns; j++)
            {
                row[j] = random.NextSingle() - 0.5f;
                squares += row[j] * (double)row[j];
            }
            var factor = (float)(1 / Math.Sqrt(squares));
            for (var j = 0; j < columns; j++)
                row[j] *= factor;
        }
        return matrix;
    }

    public static MomentParameters UnitBallParameters(int rows, int d, int dv, int degree) => MomentParameters.Create(
        new StoreSchema(Region.Ball(d, 1), Region.Ball(d, 1), ValueBound.Ball(dv, 1), 1, Adjacency.ReplaceOne, rows), degree);
}
