using DpAttn.Attention;

namespace DpAttn.Auditing;

/// <summary>
/// The neighbours that lie farthest apart, from the derivation of each mechanism's sensitivity.
/// </summary>
/// <remarks>
/// <para><b>Replace-one.</b> With x = f(k) (x) u, |x - x'|^2 = |f|^2 |u|^2 + |f'|^2 |u'|^2 - 2 &lt;f, f'&gt; &lt;u, u'&gt;. Where &lt;f, f'&gt; is never negative the farthest pair is one key with values
/// v and -v of the full length; where it may be (odd polynomials), opposite keys with one value. <b>Add-remove.</b> |x| itself: the longest row against the null row.</para>
/// <para><b>The longest f.</b> Moment tree: |f| rises with |k'| and with the row weight exp(scale &lt;c_q, k'&gt;), so the rim of the ball along the queries' centre, or the corner of the box on its
/// side. Distance-tree: every row has as many nodes, and |P(k)|^2 is largest where |k| is: the corner farthest from the origin. Per-query: the key towards the query, where the weight is clamped at
/// its maximum; in a batch the key that all queries see, where there is one.</para>
/// <para>All of these are candidates, and their distances are measured on the exact integers: the farthest is taken. The searches in the tests of the sensitivities find no farther ones.</para>
/// </remarks>
internal static class WorstNeighbours
{
    /// <summary>The candidates of a schema.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="slots">Slots of either data set.</param>
    /// <param name="directions">Directions in which keys may weigh most, besides that of the queries' centre and the axes.</param>
    public static IEnumerable<NeighbourPair> Candidates(StoreSchema schema, int slots, params IEnumerable<double[]> directions)
    {
        var keys = Keys(schema, directions).ToArray();
        foreach (var value in Values(schema))
        {
            double[] opposite = [.. value.Select(x => -x)];
            foreach (var key in keys)
            {
                if (schema.Adjacency == Adjacency.AddRemove)
                {
                    yield return NeighbourPair.Of(schema, slots, new(key, value), null);
                    continue;
                }
                foreach (var other in keys)
                {
                    yield return NeighbourPair.Of(schema, slots, new(key, value), new(other, opposite));
                    yield return NeighbourPair.Of(schema, slots, new(key, value), new(other, value));
                }
            }
        }
    }

    /// <summary>The pair whose exact sums lie farthest apart.</summary>
    public static NeighbourPair Farthest(IEnumerable<NeighbourPair> candidates, Func<RowSet, long[]> sums) => candidates.MaxBy(pair =>
        sums(pair.First).Zip(sums(pair.Second), (x, y) => (double)(x - y) * (x - y)).Sum())!;

    private static IEnumerable<double[]> Keys(StoreSchema schema, IEnumerable<double[]> more)
    {
        var axis = new double[schema.KeyDimension];
        axis[0] = 1;
        var even = Enumerable.Repeat(1.0, schema.KeyDimension).ToArray();
        foreach (var direction in (double[][])[schema.Queries.Centre.ToArray(), axis, even, .. more])
        {
            var norm = Math.Sqrt(direction.Sum(x => x * x));
            if (norm == 0)
                continue;
            foreach (var sign in (double[])[1, -1])
            {
                // As far out as the check lets a row be.
                yield return schema.Keys.IsBox
                    ? [.. direction.Select((x, j) => sign * x < 0 ? schema.Keys.Low[j] : schema.Keys.High[j])]
                    : [.. direction.Select((x, j) => schema.Keys.Centre[j] + sign * x / norm * schema.Keys.Radius * (1 + 0.9 * Region.BallTolerance))];
            }
        }
    }

    private static IEnumerable<double[]> Values(StoreSchema schema)
    {
        if (schema.Values.IsBox)
        {
            yield return [.. Enumerable.Repeat(schema.Values.LargestEntry, schema.ValueDimension)];
            yield break;
        }
        var radius = schema.Values.Stated * (1 + 0.9 * Region.BallTolerance);
        var first = new double[schema.ValueDimension];
        first[0] = radius;
        yield return first;
    }
}
