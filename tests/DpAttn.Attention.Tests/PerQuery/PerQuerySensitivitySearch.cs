namespace DpAttn.Attention.Tests;

/// <summary>
/// Looks for neighbours whose sums for a request lie as far apart as possible: pairs that the derivation calls worst, random pairs, and hill-climbing from the best ones.
/// </summary>
/// <param name="schema">The schema.</param>
/// <param name="queries">The request's queries.</param>
/// <param name="contribution">What a set of one row adds to the sums.</param>
/// <param name="seed">Seed of the search.</param>
internal sealed class PerQuerySensitivitySearch(StoreSchema schema, Matrix<double> queries, Func<RowSet, long[]> contribution, int seed)
{
    private readonly Random _random = new(seed);

    public static PerQuerySensitivitySearch Of(PerQueryPlan plan, int seed) => new(
        plan.Parameters.Schema,
        plan.Queries,
        row =>
        {
            var sums = new long[plan.Dimension];
            PerQuerySums.AddTo(sums, plan, PerQueryRows.Prepare(plan.Parameters, row, clip: true));
            return sums;
        },
        seed);

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
        var adversarial = AdversarialKeys().ToArray();
        foreach (var key in adversarial)
        {
            var value = Value(rim: true);
            Offer(key, value, key, [.. value.Select(x => -x)]);
            var other = adversarial[_random.Next(adversarial.Length)];
            Offer(key, value, other, [.. value.Select(x => -x)]);
        }
        for (var i = 0; i < pairs; i++)
        {
            var k = _random.Next(4) == 0 ? adversarial[_random.Next(adversarial.Length)] : TestRows.PointIn(schema.Keys, _random);
            var v = Value(_random.Next(2) == 0);
            Offer(k, v, _random.Next(3) == 0 ? [.. k] : TestRows.PointIn(schema.Keys, _random), _random.Next(3) == 0 ? [.. v.Select(x => -x)] : Value(_random.Next(2) == 0));
        }
        var largest = 0.0;
        while (best.TryDequeue(out var start, out var distance))
            largest = Math.Max(largest, Climb(start.K, start.V, start.K2, start.V2, distance, steps));
        return largest;
    }

    /// <summary>The distance of two neighbours: one row against another, or one row against the null row.</summary>
    public double Distance(double[] k, double[] v, double[] k2, double[] v2)
    {
        var sums = contribution(TestRows.OneRow([.. k], [.. v]));
        if (schema.Adjacency == Adjacency.AddRemove)
            return Math.Sqrt(sums.Sum(x => (double)x * x));
        var others = contribution(TestRows.OneRow([.. k2], [.. v2]));
        return Math.Sqrt(sums.Zip(others, (x, y) => (double)(x - y) * (x - y)).Sum());
    }

    private double Climb(double[] k, double[] v, double[] k2, double[] v2, double distance, int steps)
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
        return distance;
    }

    // Rows that leave their bounds are clipped before they are summed.
    private double[] Nudge(double[] vector, double reach)
    {
        var nudged = (double[])vector.Clone();
        nudged[_random.Next(nudged.Length)] += reach * TestRows.Gaussian(_random);
        return nudged;
    }

    private double[] Value(bool rim)
    {
        if (schema.Values.IsBox)
            return [.. Enumerable.Range(0, schema.ValueDimension).Select(_ => schema.Values.Stated * (rim ? _random.Next(2) * 2 - 1 : 2 * _random.NextDouble() - 1))];
        var value = Enumerable.Range(0, schema.ValueDimension).Select(_ => TestRows.Gaussian(_random)).ToArray();
        var norm = Math.Sqrt(value.Sum(x => x * x));
        // Within the tolerance of the check: as long as a value can be.
        var radius = schema.Values.Stated * (1 + 0.9 * Region.BallTolerance) * (rim ? 1 : _random.NextDouble());
        return [.. value.Select(x => x / norm * radius)];
    }

    /// <summary>Rim points, as far as the check lets them, in the direction of each query, between each two, and in that of all of them; corners of a box.</summary>
    private IEnumerable<double[]> AdversarialKeys()
    {
        var directions = new List<double[]>();
        for (var l = 0; l < queries.Rows; l++)
        {
            directions.Add(queries.Row(l).ToArray());
            for (var j = 0; j < l; j++)
                directions.Add([.. Unit(queries.Row(l).ToArray()).Zip(Unit(queries.Row(j).ToArray()), (x, y) => x + y)]);
        }
        directions.Add([.. Enumerable.Range(0, schema.KeyDimension).Select(i => Enumerable.Range(0, queries.Rows).Sum(l => queries[l, i]))]);
        var keys = schema.Keys;
        foreach (var direction in directions)
        {
            var unit = Unit(direction);
            yield return keys.IsBox
                ? [.. unit.Select((x, j) => x < 0 ? keys.Low[j] : keys.High[j])]
                : [.. unit.Select((x, j) => keys.Centre[j] + x * keys.Radius * (1 + 0.9 * Region.BallTolerance))];
        }
    }

    private static double[] Unit(double[] vector)
    {
        var norm = Math.Sqrt(vector.Sum(x => x * x));
        return norm == 0 ? vector : [.. vector.Select(x => x / norm)];
    }
}
