namespace DpAttn.Attention.Tests;

/// <summary>
/// Looks for neighbours whose integer moment matrices lie as far apart as possible: random pairs, pairs that the derivation calls worst, and
/// hill-climbing from the best ones.
/// </summary>
internal sealed class SensitivitySearch(MomentParameters parameters, int seed)
{
    private readonly Random _random = new(seed);
    private readonly MomentAccumulator _accumulator = new(parameters, clip: true);
    private readonly StoreSchema _schema = parameters.Schema;

    /// <summary>The pair that the last search found to lie farthest apart.</summary>
    public (double[] Key, double[] Value, double[] OtherKey, double[] OtherValue) Farthest { get; private set; }

    /// <summary>The largest l2 distance found, in lattice steps.</summary>
    public double Search(int pairs, int climbs, int steps)
    {
        var best = new PriorityQueue<(double[] K, double[] V, double[] K2, double[] V2), double>();
        void Offer(double[] k, double[] v, double[] k2, double[] v2)
        {
            best.Enqueue((k, v, k2, v2), Distance(k, v, k2, v2));
            if (best.Count > climbs)
                best.Dequeue();
        }
        foreach (var key in AdversarialKeys())
        {
            foreach (var other in AdversarialKeys())
            {
                var value = Value(rim: true);
                Offer(key, value, other, [.. value]);
                Offer(key, value, other, [.. value.Select(x => -x)]);
            }
        }
        for (var i = 0; i < pairs; i++)
        {
            var k = TestRows.PointIn(_schema.Keys, _random);
            var v = Value(_random.Next(2) == 0);
            Offer(k, v, _random.Next(3) == 0 ? [.. k] : TestRows.PointIn(_schema.Keys, _random), _random.Next(3) == 0 ? [.. v.Select(x => -x)] : Value(_random.Next(2) == 0));
        }
        var largest = 0.0;
        while (best.TryDequeue(out var start, out var distance))
        {
            var (found, pair) = Climb(start.K, start.V, start.K2, start.V2, distance, steps);
            if (found > largest)
                (largest, Farthest) = (found, pair);
        }
        return largest;
    }

    /// <summary>The distance of two neighbours: one row against another, or one row against the null row.</summary>
    public double Distance(double[] k, double[] v, double[] k2, double[] v2)
    {
        var (z, u) = _accumulator.RowIntegers(TestRows.OneRow([.. k], [.. v]), 0);
        if (_schema.Adjacency == Adjacency.AddRemove)
            return Math.Sqrt((double)(Dot(z, z) * Dot(u, u)));
        var (z2, u2) = _accumulator.RowIntegers(TestRows.OneRow([.. k2], [.. v2]), 0);
        return Math.Sqrt((double)(Dot(z, z) * Dot(u, u) + Dot(z2, z2) * Dot(u2, u2) - 2 * Dot(z, z2) * Dot(u, u2)));
    }

    private (double Distance, (double[] K, double[] V, double[] K2, double[] V2) Pair) Climb(double[] k, double[] v, double[] k2, double[] v2, double distance, int steps)
    {
        var reach = 0.3;
        for (var i = 0; i < steps; i++)
        {
            var (tk, tv, tk2, tv2) = (Nudge(k, reach), Nudge(v, reach), Nudge(k2, reach), Nudge(v2, reach));
            var d = Distance(tk, tv, tk2, tv2);
            if (d > distance)
                (k, v, k2, v2, distance) = (tk, tv, tk2, tv2, d);
            else
                reach = Math.Max(1e-6, reach * 0.99);
        }
        return (distance, (k, v, k2, v2));
    }

    // Rows that leave their bounds are clipped by the product before they are summed.
    private double[] Nudge(double[] vector, double reach)
    {
        var nudged = (double[])vector.Clone();
        nudged[_random.Next(nudged.Length)] += reach * TestRows.Gaussian(_random);
        return nudged;
    }

    private double[] Value(bool rim)
    {
        var value = new double[_schema.ValueDimension];
        for (var j = 0; j < value.Length; j++)
            value[j] = TestRows.Gaussian(_random);
        var norm = Math.Sqrt(value.Sum(x => x * x));
        var radius = _schema.Values.BoundingRadius / (1 + 1e-7) * (rim ? 1 : _random.NextDouble());
        return [.. value.Select(x => x / norm * radius)];
    }

    /// <summary>Rim points along and against the queries' centre, axes and corners.</summary>
    private IEnumerable<double[]> AdversarialKeys()
    {
        var keys = _schema.Keys;
        var direction = _schema.Queries.Centre.ToArray();
        if (direction.All(x => x == 0))
            direction[0] = 1;
        var norm = Math.Sqrt(direction.Sum(x => x * x));
        foreach (var sign in new[] { 1, -1 })
        {
            if (keys.IsBox)
            {
                yield return [.. keys.Centre.ToArray().Select((c, j) => c + sign * (direction[j] < 0 ? -1 : 1) * keys.HalfWidths[j])];
                yield return [.. keys.Centre.ToArray().Select((c, j) => c + sign * (j % 2 == 0 ? 1 : -1) * keys.HalfWidths[j])];
            }
            else
            {
                yield return [.. keys.Centre.ToArray().Select((c, j) => c + sign * direction[j] / norm * keys.Radius * (1 + 0.9 * Region.BallTolerance))];
                yield return [.. keys.Centre.ToArray().Select((c, j) => c + sign * (j == keys.Dimension - 1 ? keys.Radius : 0))];
            }
        }
    }

    private static Int128 Dot(long[] left, long[] right)
    {
        Int128 sum = 0;
        for (var i = 0; i < left.Length; i++)
            sum += (Int128)left[i] * right[i];
        return sum;
    }
}
