using MathNet.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// What draws of a wide discrete Gaussian, divided by sigma, must look like: each statistic is standard normal, to good approximation, when they
/// are, and far from 0 when they are not. (At sigma of 2^10 and more the lattice is invisible to half a million draws.)
/// </summary>
internal static class DrawStatistics
{
    public static IReadOnlyList<(string Name, Func<double[], double> Deviation)> All { get; } =
    [
        ("mean", z => z.Average() * Math.Sqrt(z.Length)),
        ("variance", z => (z.Average(x => x * x) - 1) / Math.Sqrt(2.0 / z.Length)),
        ("fourth moment", z => (z.Average(x => x * x * x * x) - 3) / Math.Sqrt(96.0 / z.Length)),
        ("kurtosis", z => (z.Average(x => x * x * x * x) / Math.Pow(z.Average(x => x * x), 2) - 3) / Math.Sqrt(24.0 / z.Length)),
        ("skewness", z => z.Average(x => x * x * x) / Math.Sqrt(15.0 / z.Length)),
        ("signs", z => z.Sum(x => Math.Sign(x)) / Math.Sqrt(z.Length)),
        ("tail beyond 1", z => Tail(z, 1)),
        ("tail beyond 2", z => Tail(z, 2)),
        ("tail beyond 3", z => Tail(z, 3)),
        ("slope of the log ratio", LogRatioSlope),
        ("neighbours", z => z.Zip(z.Skip(1), (x, y) => x * y).Average() * Math.Sqrt(z.Length)),
        ("sizes of neighbours", z => z.Zip(z.Skip(1), (x, y) => (x * x - 1) * (y * y - 1)).Average() / 2 * Math.Sqrt(z.Length)),
    ];

    /// <summary>Counts in 64 equally likely cells, as a chi-square probability.</summary>
    public static double EqualCells(double[] z)
    {
        var counts = new long[64];
        foreach (var x in z)
            counts[Math.Min(63, (int)(64 * SpecialFunctions.Erfc(-x / Constants.Sqrt2) / 2))]++;
        return ChiSquare.Fit(counts, Enumerable.Repeat(1 / 64.0, 64).ToArray(), z.Length);
    }

    /// <summary>The lowest byte of every draw is uniform, as a chi-square probability: the lattice is fine all the way down.</summary>
    public static double LowBytes(IEnumerable<long> draws)
    {
        var counts = new long[256];
        foreach (var x in draws)
            counts[x & 255]++;
        return ChiSquare.Fit(counts, Enumerable.Repeat(1 / 256.0, 256).ToArray(), counts.Sum());
    }

    private static double Tail(double[] z, double bound)
    {
        double p = SpecialFunctions.Erfc(bound / Constants.Sqrt2), n = z.Length;
        return (z.Count(x => Math.Abs(x) > bound) - n * p) / Math.Sqrt(n * p * (1 - p));
    }

    /// <summary>
    /// ln(observed/expected) over 16 cells of |z| below 4 against z^2: the slope is 0, and 1/2 - 1/(2 s^2) for draws that are s times too wide.
    /// </summary>
    private static double LogRatioSlope(double[] z)
    {
        var counts = new double[16];
        foreach (var x in z)
        {
            if (Math.Abs(x) < 4)
                counts[(int)(Math.Abs(x) * 4)]++;
        }
        double weights = 0, sumX = 0, sumY = 0, sumXx = 0, sumXy = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            var expected = z.Length * (SpecialFunctions.Erfc(i / 4.0 / Constants.Sqrt2) - SpecialFunctions.Erfc((i + 1) / 4.0 / Constants.Sqrt2));
            double x = Math.Pow((i + 0.5) / 4, 2), y = Math.Log(Math.Max(counts[i], 0.5) / expected);
            (weights, sumX, sumY, sumXx, sumXy) = (weights + expected, sumX + expected * x, sumY + expected * y, sumXx + expected * x * x, sumXy + expected * x * y);
        }
        var spread = sumXx - sumX * sumX / weights;
        return (sumXy - sumX * sumY / weights) / Math.Sqrt(spread);
    }
}
