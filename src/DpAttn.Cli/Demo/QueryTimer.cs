using System.Diagnostics;

namespace DpAttn.Cli.Demo;

/// <summary>Times single queries on one thread.</summary>
internal static class QueryTimer
{
    // The optimising compiler works in the background, some time after the first calls.
    private const double WarmUpSeconds = 0.25;
    private const double TimedSeconds = 0.25;
    private const int FewestTimed = 15;
    private const int MostTimed = 10_001;

    /// <summary>The median of single calls in microseconds, query after query, after a warm-up.</summary>
    public static double MedianMicros(int queries, Action<int> ask)
    {
        var next = 0;
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < WarmUpSeconds)
            ask(next++ % queries);
        var micros = new List<double>();
        start = Stopwatch.GetTimestamp();
        while (micros.Count < FewestTimed || (micros.Count < MostTimed && Stopwatch.GetElapsedTime(start).TotalSeconds < TimedSeconds))
        {
            var one = Stopwatch.GetTimestamp();
            ask(next++ % queries);
            micros.Add(Stopwatch.GetElapsedTime(one).TotalMicroseconds);
        }
        micros.Sort();
        return micros[micros.Count / 2];
    }
}
