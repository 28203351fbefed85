using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// What the intervals of one coordinate come to in the worst case over all places y on its grid, in grid steps; every coordinate has the same number of points, so
/// these are the same for all.
/// </summary>
internal sealed class DistancePlanBounds
{
    private DistancePlanBounds(double[] squaredDistances, double largestError, int nodes) =>
        (SquaredDistances, LargestError, Nodes) = (squaredDistances, largestError, nodes);

    /// <summary>K_l per level: the largest sum over a query's nodes on that level of ((a^2 + b^2)/2)^2; at least that of one leaf at distance 1.</summary>
    public double[] SquaredDistances { get; }

    /// <summary>The largest (b^2 - a^2)/2 of an interval.</summary>
    public double LargestError { get; }

    /// <summary>The most nodes that a query takes.</summary>
    public int Nodes { get; }

    public static DistancePlanBounds For(TreeShape shape, double alpha)
    {
        var largest = new double[shape.Levels];
        Array.Fill(largest, 1);
        double error = 0;
        var nodes = 0;
        List<DistanceInterval> intervals = [];
        var squares = new double[shape.Levels];
        // The mirror image of a place has the mirror image of its intervals.
        for (long place = 0; place < shape.Leaves / 2; place++)
        {
            DistanceIntervals.Collect(shape, alpha, place, intervals);
            Array.Clear(squares);
            foreach (var interval in intervals)
            {
                var distance = interval.SquareMiddle;
                squares[shape.LevelOf(interval.Node)] += distance * distance;
                error = Math.Max(error, interval.SquareReach);
            }
            for (var level = 0; level < squares.Length; level++)
                largest[level] = Math.Max(largest[level], squares[level]);
            nodes = Math.Max(nodes, intervals.Count);
        }
        return new DistancePlanBounds(largest, error, nodes);
    }
}
