using MathNet.Numerics.LinearAlgebra;

namespace DpAttn.Auditing;

/// <summary>
/// What the adversary makes of a view: a number, and whether it lies above a threshold. Everything about it is settled on runs that do not count.
/// </summary>
/// <remarks>
/// <para>Three statistics compete. The <i>difference</i> projects the view on the difference of the exact sums: the best one against the noise that is promised, equal and independent
/// everywhere (Neyman, Pearson). The <i>discriminant</i> projects it on the inverse of the noise's covariance, estimated from runs, times that difference: the best one against Gaussian noise of any
/// covariance, so noise that is missing in a column, shared by two nodes or not nested from tier to tier is taken apart. The <i>nearness</i> is how near any number comes to its exact sum in the second
/// data set: it finds noise that is missing now and then, for the direct bound.</para>
/// </remarks>
internal sealed class Adversary
{
    // Where the covariance is singular, as where noise is missing: the least of its eigenvalues that is believed, relative to their mean.
    private const double Ridge = 1e-9;

    /// <summary>About the 99 % interval's own, for tests in the tails.</summary>
    public const double Plain = 2.58;

    /// <summary>For tests in the middle: of a hundred thresholds that are nearly as good the luckiest would lie where its own bound is wide; they are chosen only if they pay.</summary>
    public const double Wary = 5;

    private static readonly double[] Quantiles =
        [0, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.997, 0.999, 0.9997, 0.9999];

    private const int Nearness = 2;

    private readonly double[][] _weights;
    private readonly double[] _difference;

    private Adversary(double[][] weights, double[] difference) => (_weights, _difference) = (weights, difference);

    /// <summary>How many statistics compete.</summary>
    public const int Statistics = Nearness + 1;

    /// <summary>How many of them, the first ones, compete for the bound of mu: the nearness tells nothing apart where no number is bare, and could only be the luckiest.</summary>
    public const int OfMu = Nearness;

    /// <summary>From the difference alone.</summary>
    /// <param name="difference">The second data set's exact sums minus the first's.</param>
    /// <param name="covariance">The noise's, from runs.</param>
    public static Adversary Learn(ReadOnlySpan<double> difference, Matrix<double> covariance)
    {
        var along = Vector<double>.Build.DenseOfArray(difference.ToArray());
        var mean = covariance.Diagonal().Average();
        var unit = mean > 0 ? mean : 1;
        var regular = covariance / unit + Matrix<double>.Build.DenseIdentity(along.Count) * Ridge;
        return new Adversary([Scaled(along), Scaled(regular.Cholesky().Solve(along))], along.ToArray());
    }

    /// <summary>A statistic of a view.</summary>
    public double Of(int statistic, ReadOnlySpan<double> view)
    {
        if (statistic == Nearness)
            return NearnessOf(view);
        var weights = _weights[statistic];
        var sum = 0.0;
        for (var i = 0; i < weights.Length; i++)
            sum += weights[i] * view[i];
        return sum;
    }

    /// <summary>The threshold that proves most, by a measure of (hits from below, false alarms from above), on tuning runs.</summary>
    /// <param name="first">Per statistic, its values on the first data set, sorted.</param>
    /// <param name="second">The same on the second.</param>
    /// <param name="deviations">How far from below and from above.</param>
    /// <param name="measure">What is to be large.</param>
    public static AuditTest Choose(IReadOnlyList<double[]> first, IReadOnlyList<double[]> second, double deviations, Func<double, double, double> measure)
    {
        var (best, largest) = (new AuditTest(0, 0), double.NegativeInfinity);
        for (var statistic = 0; statistic < first.Count; statistic++)
        {
            double[] pooled = [.. first[statistic], .. second[statistic]];
            Array.Sort(pooled);
            foreach (var threshold in Quantiles.SelectMany(q => Around(pooled, q)).Distinct())
            {
                var worth = measure(
                    Cautious(Above(second[statistic], threshold), second[statistic].Length, -deviations),
                    Cautious(Above(first[statistic], threshold), first[statistic].Length, deviations));
                if (worth > largest)
                    (best, largest) = (new AuditTest(statistic, threshold), worth);
            }
        }
        return best;
    }

    /// <summary>A quantile, and the largest value below it: where many values are alike, they lie above that one.</summary>
    private static IEnumerable<double> Around(double[] sorted, double quantile)
    {
        var value = sorted[(int)(quantile * (sorted.Length - 1))];
        yield return value;
        var below = sorted.Length - Above(sorted, Math.BitDecrement(value));
        if (below > 0)
            yield return sorted[below - 1];
    }

    private double NearnessOf(ReadOnlySpan<double> view)
    {
        var nearest = double.PositiveInfinity;
        for (var i = 0; i < view.Length; i++)
        {
            if (_difference[i] != 0)
                nearest = Math.Min(nearest, Math.Abs(view[i] - _difference[i]));
        }
        return -nearest;
    }

    /// <summary>A rate, some deviations to one side: a fast stand-in for Clopper and Pearson's bound (Wilson 1927), since it only chooses.</summary>
    private static double Cautious(long count, int runs, double deviations)
    {
        var square = deviations * deviations;
        double rate = (double)count / runs, centre = rate + square / (2 * runs);
        var half = deviations * Math.Sqrt(rate * (1 - rate) / runs + square / (4.0 * runs * runs));
        return Math.Clamp((centre + half) / (1 + square / runs), 1e-12, 1 - 1e-12);
    }

    private static long Above(double[] sorted, double threshold)
    {
        int low = 0, high = sorted.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (sorted[middle] > threshold)
                high = middle;
            else
                low = middle + 1;
        }
        return sorted.Length - low;
    }

    private static double[] Scaled(Vector<double> weights)
    {
        var largest = weights.AbsoluteMaximum();
        return [.. weights.Select(w => largest > 0 ? w / largest : w)];
    }
}
