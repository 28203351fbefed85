using System.Diagnostics;
using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>
/// One private query against one exact one: on rows shaped like `packages` (45,846 x 64, 16 columns; its cost does not depend on the
/// numbers), and on 1,000,000 x 64 with 64 columns, one thread.
/// </summary>
internal static class QueryRatio
{
    public static void Run()
    {
        Compare(45_846, 64, 16, wanted: 50);
        Compare(1_000_000, 64, 64, wanted: 1000);
    }

    private static void Compare(int rows, int d, int dv, double wanted)
    {
        const int Queries = 200;
        var keys = Data.UnitRows(rows, d, 1);
        var values = Data.UnitRows(rows, dv, 2);
        var exact = new ExactAttention<float>(keys, values, 1);
        var parameters = Data.UnitBallParameters(rows, d, dv, degree: 2);
        var ladder = MomentRelease.Calibrate(parameters, [new Epsilon(1)], new Delta(1e-6));
        var sums = MomentAccumulator.Sum(parameters, RowSet.Create(keys, values), threads: Environment.ProcessorCount);
        var answerer = new MomentAnswerer(MomentRelease.Publish(sums, ladder, ReleaseKey.NewSecret()).Tiers[0]);
        var single = Data.UnitRows(1, d, 3);
        var query = Array.ConvertAll(single.Data, x => (double)x);
        var output = new double[dv];

        // One exact query against a burst of private ones, burst by burst; the median single query of each side counts.
        var micros = new List<double>();
        PairedRatio.WarmUp(() => answerer.Answer(query));
        PairedRatio.WarmUp(() => exact.Attend(single.Data, output));
        var exactMicros = new List<double>();
        for (var i = 0; i < 15; i++)
        {
            var start = Stopwatch.GetTimestamp();
            exact.Attend(single.Data, output);
            exactMicros.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            for (var q = 0; q < Queries; q++)
            {
                start = Stopwatch.GetTimestamp();
                answerer.Answer(query);
                micros.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }
        }
        double a = PairedRatio.Median(exactMicros), b = PairedRatio.Median(micros);
        Console.WriteLine($"  {rows} x ({d} + {dv}): exact {a:F1} us, private {b:F2} us (medians): {a / b:F0} times faster (at least {wanted} wanted)");
    }
}
