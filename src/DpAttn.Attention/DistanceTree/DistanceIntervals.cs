using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>One interval of a distance query: a node of the tree, and the distances of its nearest and farthest point in grid steps.</summary>
internal readonly record struct DistanceInterval(long Node, double Near, double Far)
{
    /// <summary>(a^2 + b^2)/2: the squared distance that stands for all points of the interval.</summary>
    public double SquareMiddle => (Near * Near + Far * Far) / 2;

    /// <summary>(b^2 - a^2)/2: how far it may be from that of a point.</summary>
    public double SquareReach => (Far * Far - Near * Near) / 2;
}

/// <summary>
/// Splits the points of a grid, on each side of a place y, into intervals whose farthest distance is at most (1 + alpha) times the nearest. Each interval is one node
/// of the tree: a node is taken as soon as it is narrow enough for its distance, and halved otherwise.
/// </summary>
/// <remarks>
/// A node of s points is narrow enough from a distance of (s - 1)/alpha on, and its parent, taken instead, from (2s - 1)/alpha on: on every level at most
/// about 1/alpha + 2 nodes a side are taken, O(log(m)/alpha) in all. Geometric intervals that begin wherever the last one ended would be as many, and each of them
/// would take up to 2 log m nodes.
/// </remarks>
internal static class DistanceIntervals
{
    /// <summary>The intervals from left to right. Points at y itself, at distance 0, are a leaf of their own.</summary>
    /// <param name="shape">The tree.</param>
    /// <param name="alpha">Above 0.</param>
    /// <param name="place">y in grid steps, counted from the first point; any number.</param>
    /// <param name="intervals">What is filled.</param>
    public static void Collect(TreeShape shape, double alpha, double place, List<DistanceInterval> intervals)
    {
        intervals.Clear();
        Visit(1 + alpha, place, 1, 0, shape.Leaves, intervals);
    }

    private static void Visit(double ratio, double place, long node, long from, long count, List<DistanceInterval> intervals)
    {
        double first = from - place, last = from + count - 1 - place;
        var near = first > 0 ? first : last < 0 ? -last : 0;
        var far = Math.Max(Math.Abs(first), Math.Abs(last));
        if (count == 1)
        {
            intervals.Add(new DistanceInterval(node, far, far));
            return;
        }
        if (near > 0 && far <= ratio * near)
        {
            intervals.Add(new DistanceInterval(node, near, far));
            return;
        }
        var half = count / 2;
        Visit(ratio, place, 2 * node, from, half, intervals);
        Visit(ratio, place, 2 * node + 1, from + half, half, intervals);
    }
}
