using System.Diagnostics;
using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>
/// What the distance-tree costs as n, r, alpha, dv, m and the copies grow, one at a time from one base: init per row and of the trees, the memory of the sums, and a query, with its nodes' noise drawn and
/// with noised nodes at hand. The paper's claims, O(n r^2) for init, O(n d r^2) for memory and O(alpha^-1 r^2) for a query, stand beside as the factor that they would grow by.
/// </summary>
internal static class DistanceTreeCost
{
    private sealed record Shape(int Rows, int D, int Degree, double Alpha, int Dv, int Cells, int Copies)
    {
        public double Features => Enumerable.Range(1, Degree).Aggregate(1.0, (count, j) => count * (D + j) / j);
    }

    public static void Run()
    {
        var start = new Shape(20_000, 8, 2, 0.1, 16, 1024, 1);
        var first = new Subject(start);
        PairedRatio.WarmUp(() => Array.ForEach(first.Actions, action => action()));
        Console.WriteLine("       n   d   s    r  alpha  dv     m  l |     init    trees   memory  parts   query  cached |  init  memory   query | claim: init   memory  query");
        foreach (var shape in new[]
        {
            start,
            start with { Rows = 2_000 },
            start with { Rows = 200_000 },
            start with { D = 4 },
            start with { D = 16 },
            start with { D = 32 },
            start with { Degree = 3 },
            start with { Alpha = 0 },
            start with { Alpha = 0.05 },
            start with { Alpha = 0.2 },
            start with { Alpha = 0.5 },
            start with { Dv = 1 },
            start with { Dv = 64 },
            start with { Cells = 256 },
            start with { Cells = 4096 },
            start with { Copies = 3 },
            start with { Copies = 9 },
        })
            Print(new Subject(shape), first);
    }

    /// <summary>Prints a shape's costs and what they are to the first one's, each pair of times taken in turn.</summary>
    private static void Print(Subject subject, Subject first)
    {
        var (shape, from) = (subject.Shape, first.Shape);
        var times = new double[subject.Actions.Length];
        var ratios = new double[times.Length];
        for (var i = 0; i < times.Length; i++)
            (times[i], ratios[i]) = Best(subject.Actions[i], first.Actions[i]);
        double n = (double)shape.Rows / from.Rows, r = shape.Features / from.Features, d = (double)shape.D / from.D;
        var alpha = shape.Alpha == 0 ? "-" : $"{from.Alpha / shape.Alpha * r * r:F2}";
        Console.WriteLine(
            $"{shape.Rows,8} {shape.D,3} {shape.Degree,3} {shape.Features,4} {shape.Alpha,6} {shape.Dv,3} {shape.Cells,5} {shape.Copies,2} |"
            + $"{times[0] * 1e3,7:F1}ms {times[1] * 1e3,6:F2}ms {subject.Bytes / (1 << 20),6:F2}MB {subject.Parts,6} {times[2] * 1e3,5:F1}ms {times[3] * 1e3,5:F2}ms |"
            + $"{ratios[0],6:F2} {subject.Bytes / first.Bytes,7:F2} {ratios[2],7:F2} |"
            + $"{n * r * r,12:F2} {n * d * r * r,8:F2} {alpha,6}");
    }

    private static (double Time, double Ratio) Best(Action action, Action first)
    {
        double best = double.PositiveInfinity, bestFirst = double.PositiveInfinity;
        var begin = Stopwatch.GetTimestamp();
        for (var i = 0; i < 5 || (Stopwatch.GetElapsedTime(begin).TotalSeconds < 0.7 && i < 300); i++)
        {
            best = Math.Min(best, Time(action));
            bestFirst = Math.Min(bestFirst, Time(first));
        }
        return (best, best / bestFirst);
    }

    private static double Time(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>One shape: its rows summed, published, and what is timed.</summary>
    private sealed class Subject
    {
        public Subject(Shape shape)
        {
            Shape = shape;
            var schema = new StoreSchema(Region.Box(shape.D, 0, 1), Region.Box(shape.D, 0, 1), ValueBound.Ball(shape.Dv, 1), 1.0 / shape.D, Adjacency.ReplaceOne, shape.Rows);
            var parameters = DistanceTreeParameters.Create(schema, shape.Degree, shape.Alpha, shape.Cells, shape.Copies);
            var random = new Random(1);
            var keys = new Matrix<float>(shape.Rows, shape.D, [.. Enumerable.Range(0, shape.Rows * shape.D).Select(_ => random.NextSingle())]);
            var rows = RowSet.Create(keys, Data.UnitRows(shape.Rows, shape.Dv, 2));
            var sums = DistanceTreeSums.Sum(parameters, rows);
            var released = DistanceTreeRelease.Publish(sums, DistanceTreeRelease.Calibrate(parameters, [new Epsilon(1)], new Delta(1e-6)), new byte[32]).Tiers[0];
            var query = Enumerable.Repeat(0.7, shape.D).ToArray();
            DistanceTreeAnswerer answerer = new(released), cached = new(new Kept(released));
            cached.Answer(query);
            Actions = [() => DistanceTreeSums.Sum(parameters, rows), () => DistanceTreeNodes.Over(sums), () => answerer.Answer(query), () => cached.Answer(query)];
            Parts = DistanceTreeQueryPlan.For(parameters, query).Parts.Count;
            // The grid's points and as much again for the nodes above them.
            Bytes = (double)DistanceTreeSums.SizeFor(parameters) * sizeof(long) * (parameters.IsExact ? 1 : 2);
        }

        public Shape Shape { get; }

        public Action[] Actions { get; }

        public int Parts { get; }

        public double Bytes { get; }
    }

    /// <summary>Noised parts that are drawn once and kept, as a service keeps them.</summary>
    private sealed class Kept(IDistanceTreeParts parts) : IDistanceTreeParts
    {
        private readonly Dictionary<long, long[]> _kept = [];

        public DistanceTreeParameters Parameters => parts.Parameters;

        public long Slots => parts.Slots;

        public double Deviation => parts.Deviation;

        public void Read(long part, Span<long> destination)
        {
            if (!_kept.TryGetValue(part, out var values))
            {
                values = new long[destination.Length];
                parts.Read(part, values);
                _kept.Add(part, values);
            }
            values.CopyTo(destination);
        }
    }
}
