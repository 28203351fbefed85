using System.Numerics;

namespace DpAttn.Attention;

/// <summary>
/// The public weights of a release's parts, as integers: what the exact sums of a part are multiplied with before the noise, which is the same for all parts.
/// </summary>
/// <remarks>
/// <para><b>Parts, alpha above 0.</b> Without the constant feature (both sides have 1 there, at distance 0), <c>N = W + (S + |P(q)|^2 W - sum_a D_a(P(q)_a))/2</c>, with W the sum of
/// weights, S that of w |P(k)|^2, and D_a the distance sum of coordinate a from the nodes of its tree. The roots of all trees are W: one number, published once.</para>
/// <para><b>Weights.</b> A part p with weight w_p adds w_p^2 s_p to the squared norm of a row's contribution (s = 1 for W and for each level of each tree, max |P|^4 for S) and, with a
/// squared coefficient c_p in the worst query, c_p / w_p^2 to the variance of an answer at a given deviation. By Cauchy and Schwarz the product of the two sums is least,
/// (sum sqrt(c_p s_p))^2, for w_p^2 proportional to sqrt(c_p / s_p). Here c_W = (1 + Q/2)^2 with Q the largest |P(q)|^2, c_S = 1/4, and for level l of coordinate a h_a^4 K_l / 4, K_l the
/// largest sum over a level's nodes of one query of their squared representative distances in grid steps. Unit weights, as in the paper, would cost a factor of about
/// sqrt(r lambda) more.</para>
/// <para><b>Parts, alpha = 0.</b> With the exact distances, y^2 W - 2 y W_1 + W_2, the sum over coordinates of W_2 is S again and cancels, and so does y^2 W: what is left is W + sum_a y_a W_1a.
/// Numbers with coefficient 0 are not published: W and one sum of w x per coordinate are. Here sqrt(c_p / s_p) is the same for all of them.</para>
/// </remarks>
internal sealed class DistanceTreeScales
{
    private readonly long[][] _nodes;

    private DistanceTreeScales(double unit, long count, double square, long[][] nodes) => (Unit, Count, SquareSteps, _nodes) = (unit, count, square, nodes);

    /// <summary>Steps per unit of weight, before multipliers are rounded to integers.</summary>
    public double Unit { get; }

    /// <summary>The multiplier of the sum of weights.</summary>
    public long Count { get; }

    /// <summary>Steps per unit of |P|^2, constant left out (a row's |P|^2 is rounded to an integer before it is summed); 0 in the exact variant.</summary>
    public double SquareSteps { get; }

    /// <summary>The multiplier of a node of a feature's tree, by level (1 to L).</summary>
    public long Node(int feature, int level) => _nodes[feature][level];

    /// <summary>The integer that stands for a rounded feature in the exact variant: unit j h, rounded again, row by row.</summary>
    public long FeatureSteps(DistanceGrid grid, long step) => (long)Math.Round(step * grid.Spacing * Unit);

    public static DistanceTreeScales For(DistanceGrid[] grids, DistancePlanBounds? bounds, double keySquare, double querySquare, int featureBits)
    {
        var target = Math.ScaleB(1.0, featureBits);
        return bounds is null ? ForExact(grids, keySquare, target) : ForTrees(grids, bounds, keySquare, querySquare, target);
    }

    private static DistanceTreeScales ForTrees(DistanceGrid[] grids, DistancePlanBounds bounds, double keySquare, double querySquare, double target)
    {
        // w_p^2 = sqrt(c_p / s_p); the total of w_p^2 s_p is scaled to target^2.
        double count = 1 + querySquare / 2, square = 1 / (2 * keySquare);
        var total = count + square * keySquare * keySquare;
        for (var a = 1; a < grids.Length; a++)
        {
            for (var level = 1; level <= grids[a].Shape.Depth; level++)
                total += Weight(grids[a], bounds, level);
        }
        var unit = target / Math.Sqrt(total);
        var nodes = new long[grids.Length][];
        for (var a = 1; a < grids.Length; a++)
        {
            nodes[a] = new long[grids[a].Shape.Levels];
            for (var level = 1; level < nodes[a].Length; level++)
                nodes[a][level] = Steps(unit * Math.Sqrt(Weight(grids[a], bounds, level)));
        }
        return new DistanceTreeScales(unit, Steps(unit * Math.Sqrt(count)), unit * Math.Sqrt(square), nodes);
    }

    private static DistanceTreeScales ForExact(DistanceGrid[] grids, double keySquare, double target)
    {
        var unit = target / Math.Sqrt(1 + keySquare);
        return new DistanceTreeScales(unit, Steps(unit), 0, []);
    }

    private static double Weight(DistanceGrid grid, DistancePlanBounds bounds, int level) =>
        grid.Spacing * grid.Spacing * Math.Sqrt(bounds.SquaredDistances[level]) / 2;

    private static long Steps(double weight) => Math.Max(1, (long)Math.Round(weight));

    /// <summary>The squared norm of the largest row's contribution without its value: the sum of squared multipliers, times what they meet.</summary>
    public BigInteger SquaredNorm(DistanceGrid[] grids, long largestSquare)
    {
        var sum = (BigInteger)Count * Count + (BigInteger)largestSquare * largestSquare;
        for (var a = 1; a < grids.Length; a++)
        {
            if (SquareSteps == 0)
            {
                var largest = (BigInteger)FeatureSteps(grids[a], grids[a].LargestStep);
                sum += largest * largest;
                continue;
            }
            for (var level = 1; level < _nodes[a].Length; level++)
                sum += (BigInteger)_nodes[a][level] * _nodes[a][level];
        }
        return sum;
    }

    /// <summary>The largest integer that one row adds to any part, before its value.</summary>
    public long LargestEntry(DistanceGrid[] grids, long largestSquare)
    {
        var largest = Math.Max(Count, largestSquare);
        for (var a = 1; a < grids.Length; a++)
            largest = Math.Max(largest, SquareSteps == 0 ? FeatureSteps(grids[a], grids[a].LargestStep) : _nodes[a].Max());
        return largest;
    }
}
