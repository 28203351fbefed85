using MathNet.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>Pearson's tests, as probabilities of a table at least as far out. Cells that expect fewer than 25 are merged with their neighbours.</summary>
internal static class ChiSquare
{
    private const double FewestExpected = 25;

    /// <summary>Counts against probabilities, which need not add to 1: what is missing is a cell of its own, with the counts that are missing.</summary>
    public static double Fit(IReadOnlyList<long> counts, IReadOnlyList<double> probabilities, long draws)
    {
        double statistic = 0, expected = 0;
        long observed = 0, seen = 0;
        var cells = 0;
        double assigned = 0;
        void Close()
        {
            statistic += (observed - expected) * (observed - expected) / expected;
            cells++;
            (expected, observed) = (0, 0);
        }

        for (var i = 0; i < counts.Count; i++)
        {
            expected += draws * probabilities[i];
            observed += counts[i];
            seen += counts[i];
            assigned += probabilities[i];
            if (expected >= FewestExpected && draws * (1 - assigned) >= FewestExpected)
                Close();
        }
        expected += draws * Math.Max(0, 1 - assigned);
        observed += draws - seen;
        Close();
        return UpperTail(cells - 1, statistic);
    }

    /// <summary>Whether two tables of counts come from one distribution.</summary>
    public static double Same(IReadOnlyList<long> a, IReadOnlyList<long> b)
    {
        double totalA = a.Sum(), totalB = b.Sum(), statistic = 0, left = totalA + totalB;
        long cellA = 0, cellB = 0;
        var cells = 0;
        for (var i = 0; i < a.Count; i++)
        {
            cellA += a[i];
            cellB += b[i];
            left -= a[i] + b[i];
            if (cellA + cellB < 2 * FewestExpected || (left < 2 * FewestExpected && i < a.Count - 1))
                continue;
            double both = cellA + cellB, expectedA = both * totalA / (totalA + totalB), expectedB = both - expectedA;
            statistic += (cellA - expectedA) * (cellA - expectedA) / expectedA + (cellB - expectedB) * (cellB - expectedB) / expectedB;
            cells++;
            (cellA, cellB) = (0, 0);
        }
        return UpperTail(cells - 1, statistic);
    }

    private static double UpperTail(int degrees, double statistic) =>
        degrees < 1 ? throw new InvalidOperationException("one cell tests nothing") : SpecialFunctions.GammaUpperRegularized(degrees / 2.0, statistic / 2);
}
