using System.Diagnostics;

namespace DpAttn.Benchmarks;

/// <summary>
/// Times two actions in turn, A B A B ..., in one process, so that a drift of the machine's speed meets both; the ratio is taken pair by pair.
/// </summary>
internal static class PairedRatio
{
    public static double Run(string nameA, Action a, string nameB, Action b, int pairs = 11)
    {
        WarmUp(a);
        WarmUp(b);
        var timesA = new double[pairs];
        var timesB = new double[pairs];
        for (var i = 0; i < pairs; i++)
        {
            timesA[i] = Time(a);
            timesB[i] = Time(b);
        }
        var ratio = Median(timesA.Zip(timesB, (x, y) => x / y));
        Console.WriteLine($"  {nameA,-52} min {timesA.Min() * 1e3,10:F4} ms   median {Median(timesA) * 1e3,10:F4} ms");
        Console.WriteLine($"  {nameB,-52} min {timesB.Min() * 1e3,10:F4} ms   median {Median(timesB) * 1e3,10:F4} ms");
        Console.WriteLine($"  median ratio A/B {ratio:F3}");
        return ratio;
    }

    /// <summary>Runs until the optimising compiler has had its turns: it works in the background, some time after the first calls.</summary>
    public static void WarmUp(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < 1)
            action();
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static double Time(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
