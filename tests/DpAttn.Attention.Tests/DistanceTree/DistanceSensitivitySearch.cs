namespace DpAttn.Attention.Tests;

/// <summary>
/// Looks for neighbours whose releases without noise lie as far apart as possible: corner pairs, random pairs, and hill-climbing from the best. A release is read part by part, as it is
/// published: every node, column, scalar sum and copy, with its multiplier.
/// </summary>
internal sealed class DistanceSensitivitySearch
{
    private readonly DistanceTreeParameters _parameters;
    private readonly StoreSchema _schema;
    private readonly Random _random;
    private readonly long[] _parts;

    public DistanceSensitivitySearch(DistanceTreeParameters parameters, int seed)
    {
        (_parameters, _schema, _random) = (parameters, parameters.Schema, new Random(seed));
        _parts = [.. PartsOf(parameters)];
    }

    /// <summary>Every part of a release.</summary>
    public static IEnumerable<long> PartsOf(DistanceTreeParameters parameters)
    {
        yield return DistanceTreeParameters.CountPart;
        if (!parameters.IsExact)
            yield return DistanceTreeParameters.SquarePart;
        for (var a = 1; a < parameters.Features; a++)
        {
            for (long node = parameters.IsExact ? 1 : 2; node < (parameters.IsExact ? 2 : 2 * parameters.GridCells); node++)
                yield return parameters.PartOf(a, node);
        }
    }

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
        foreach (var key in Corners())
        {
            foreach (var other in Corners())
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
            largest = Math.Max(largest, Climb(start.K, start.V, start.K2, start.V2, distance, steps));
        return largest;
    }

    /// <summary>The distance of two neighbours: one row against another, or one row against the null row.</summary>
    public double Distance(double[] k, double[] v, double[] k2, double[] v2)
    {
        var left = Released(k, v);
        var right = _schema.Adjacency == Adjacency.AddRemove ? new long[left.Length] : Released(k2, v2);
        Int128 squares = 0;
        for (var i = 0; i < left.Length; i++)
            squares += (Int128)(left[i] - right[i]) * (left[i] - right[i]);
        return Math.Sqrt((double)squares);
    }

    /// <summary>Everything that a release of one row publishes, before the noise.</summary>
    public long[] Released(double[] key, double[] value)
    {
        var sums = DistanceTreeSums.Sum(_parameters, TestRows.OneRow([.. key], [.. value]), clip: true);
        var exact = new ExactDistanceTree(DistanceTreeNodes.Over(sums));
        var width = _parameters.Columns * _parameters.Copies;
        var released = new long[_parts.Length * width];
        for (var i = 0; i < _parts.Length; i++)
            exact.Read(_parts[i], released.AsSpan(i * width, width));
        return released;
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
                reach = Math.Max(1e-6, reach * 0.98);
        }
        return distance;
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
        if (_schema.Values.IsBox && rim)
            return [.. value.Select(x => Math.Sign(x) * _schema.Values.Stated)];
        var norm = Math.Sqrt(value.Sum(x => x * x));
        return [.. value.Select(x => x / norm * _schema.Values.Stated * (rim ? 1 : _random.NextDouble()))];
    }

    /// <summary>Corners of a box, the origin's nearest point, and rim points of a ball along its axes and diagonals.</summary>
    private IEnumerable<double[]> Corners()
    {
        var keys = _schema.Keys;
        for (var corner = 0; corner < Math.Min(16, 1 << keys.Dimension); corner++)
        {
            double[] signs = [.. Enumerable.Range(0, keys.Dimension).Select(j => (corner >> (j % 4) & 1) == 0 ? 1.0 : -1)];
            yield return keys.IsBox
                ? [.. signs.Select((sign, j) => sign > 0 ? keys.High[j] : keys.Low[j])]
                : [.. signs.Select(sign => sign * keys.Radius / Math.Sqrt(keys.Dimension))];
        }
        if (!keys.IsBox)
        {
            yield return [keys.Radius, .. new double[keys.Dimension - 1]];
            yield return [-keys.Radius, .. new double[keys.Dimension - 1]];
        }
        yield return [.. Enumerable.Range(0, keys.Dimension).Select(j => keys.IsBox ? Math.Clamp(0, keys.Low[j], keys.High[j]) : 0)];
    }
}
