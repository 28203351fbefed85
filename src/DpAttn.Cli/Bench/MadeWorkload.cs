using DpAttn.Attention;

namespace DpAttn.Cli.Bench;

/// <summary>
/// A kind of rows that is made for the measurement, the same on every run. Values are unit vectors, half of whose direction follows the key and half of which is noise, so that
/// attention has something to find. Nothing private depends on this generator.
/// </summary>
internal sealed record MadeWorkload(string Name, string Description, bool IsUniform, Func<int, double> ScaleOf)
{
    private const int Seed = 20240717;

    public static IReadOnlyList<MadeWorkload> All { get; } =
    [
        new("uniform-1/d", "keys and queries uniform in [0, 1]^d, scale 1/d", true, d => 1.0 / d),
        new("uniform-1/sqrt-d", "keys and queries uniform in [0, 1]^d, scale 1/sqrt(d)", true, d => 1 / Math.Sqrt(d)),
        new("unit-1", "keys and queries of norm 1, scale 1", false, _ => 1),
        new("unit-8", "keys and queries of norm 1, scale 8", false, _ => 8),
    ];

    public Workload Make(int rows, int keyDimension, int valueDimension, int queries, Adjacency adjacency, int threads)
    {
        var region = IsUniform ? Region.Box(keyDimension, 0, 1) : Region.Ball(keyDimension, 1);
        var schema = new StoreSchema(region, region, ValueBound.Ball(valueDimension, 1), ScaleOf(keyDimension), adjacency, rows);
        var random = new Random(Seed);
        var directions = new Matrix<double>(valueDimension, keyDimension);
        for (var j = 0; j < valueDimension; j++)
            Unit(random, directions.Row(j));
        var asked = new Matrix<double>(queries, keyDimension);
        for (var q = 0; q < queries; q++)
            Key(random, asked.Row(q));
        Matrix<double> keys = new(rows, keyDimension), values = new(rows, valueDimension);
        for (var i = 0; i < rows; i++)
        {
            Key(random, keys.Row(i));
            Value(random, keys.Row(i), directions, values.Row(i));
        }
        return Workload.Create(Name, schema, keys, values, asked, threads);
    }

    private void Key(Random random, Span<double> key)
    {
        if (!IsUniform)
        {
            Unit(random, key);
            return;
        }
        foreach (ref var x in key)
            x = random.NextDouble();
    }

    private void Value(Random random, ReadOnlySpan<double> key, Matrix<double> directions, Span<double> value)
    {
        // The deviation of a key's coordinate: then both halves are as large.
        var deviation = IsUniform ? 1 / Math.Sqrt(12) : 1 / Math.Sqrt(key.Length);
        for (var j = 0; j < value.Length; j++)
        {
            value[j] = Gaussian(random);
            for (var i = 0; i < key.Length; i++)
                value[j] += directions[j, i] * (key[i] - (IsUniform ? 0.5 : 0)) / deviation;
        }
        Normalise(value);
    }

    private static void Unit(Random random, Span<double> vector)
    {
        foreach (ref var x in vector)
            x = Gaussian(random);
        Normalise(vector);
    }

    private static void Normalise(Span<double> vector)
    {
        var squares = 0.0;
        foreach (var x in vector)
            squares += x * x;
        foreach (ref var x in vector)
            x /= Math.Sqrt(squares);
    }

    private static double Gaussian(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
