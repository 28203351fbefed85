using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>Seeded rows for tests. System.Random is fine here: no privacy depends on it.</summary>
internal static class TestRows
{
    public static readonly Delta Delta = new(1e-6);

    public static StoreSchema BallSchema(int d, int dv, long capacity, double scale = 1, Adjacency adjacency = Adjacency.ReplaceOne, double radius = 1) =>
        new(Region.Ball(d, radius), Region.Ball(d, radius), ValueBound.Ball(dv, 1), scale, adjacency, capacity);

    public static StoreSchema BoxSchema(int d, int dv, long capacity, double scale, Adjacency adjacency = Adjacency.ReplaceOne) =>
        new(Region.Box(d, 0, 1), Region.Box(d, 0, 1), ValueBound.Ball(dv, 1), scale, adjacency, capacity);

    /// <summary>A random point of a region: on its rim as often as inside.</summary>
    public static double[] PointIn(Region region, Random random)
    {
        var point = new double[region.Dimension];
        if (region.IsBox)
        {
            for (var j = 0; j < point.Length; j++)
            {
                var side = random.Next(4) switch { 0 => -1.0, 1 => 1.0, _ => 2 * random.NextDouble() - 1 };
                point[j] = region.Centre[j] + side * (region.HalfWidths[j] * (1 - 1e-12));
            }
            return point;
        }
        for (var j = 0; j < point.Length; j++)
            point[j] = Gaussian(random);
        var norm = Math.Sqrt(point.Sum(x => x * x));
        var radius = region.Radius * (random.Next(2) == 0 ? 1 : random.NextDouble());
        for (var j = 0; j < point.Length; j++)
            point[j] = region.Centre[j] + point[j] / norm * radius;
        return point;
    }

    public static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    public static (Matrix<double> Keys, Matrix<double> Values) Make(StoreSchema schema, int rows, int seed)
    {
        var random = new Random(seed);
        var keys = new Matrix<double>(rows, schema.KeyDimension);
        var values = new Matrix<double>(rows, schema.ValueDimension);
        var ball = Region.Ball(schema.ValueDimension, schema.Values.Stated);
        for (var i = 0; i < rows; i++)
        {
            PointIn(schema.Keys, random).CopyTo(keys.Row(i));
            PointIn(ball, random).CopyTo(values.Row(i));
        }
        return (keys, values);
    }

    public static RowSet Rows(StoreSchema schema, int rows, int seed)
    {
        var (keys, values) = Make(schema, rows, seed);
        return RowSet.Create(keys, values);
    }

    public static RowSet OneRow(double[] key, double[] value) =>
        RowSet.Create(new Matrix<double>(1, key.Length, key), new Matrix<double>(1, value.Length, value));
}
