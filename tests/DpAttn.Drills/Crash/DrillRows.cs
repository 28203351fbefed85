namespace DpAttn.Drills.Crash;

/// <summary>Seeded rows and queries inside the unit ball. No privacy depends on them.</summary>
internal static class DrillRows
{
    public const int KeyDimension = 64;
    public const int ValueDimension = 32;

    public static (float[] Keys, float[] Values) Batch(int rows, int seed)
    {
        var random = new Random(seed);
        return (Points(random, rows, KeyDimension), Points(random, rows, ValueDimension));
    }

    public static float[] Queries(int count) => Points(new Random(4711), count, KeyDimension);

    private static float[] Points(Random random, int count, int dimension)
    {
        var points = new float[count * dimension];
        for (var i = 0; i < points.Length; i++)
            points[i] = (float)((2 * random.NextDouble() - 1) / Math.Sqrt(dimension));
        return points;
    }
}
