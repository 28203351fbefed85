namespace DpAttn.Cluster.Tests.Timing;

/// <summary>What measurements say of two durations.</summary>
internal enum TimingVerdict
{
    /// <summary>They differ by less than what is looked for.</summary>
    Same,

    /// <summary>They differ.</summary>
    Differs,

    /// <summary>The machine is too restless to tell.</summary>
    Unclear,
}

/// <summary>
/// Whether one thing takes longer than another, told from pairs of measurements whose order is drawn by a coin. Only signs are counted, so no distribution is assumed:
/// where neither takes longer, the difference of a pair is as often positive as negative, and above a tolerance less often than that.
/// </summary>
/// <remarks>
/// It looks at 500, 1000, 2000, 4000 and 8000 pairs and stops when it can tell. Each of the five looks has two sides and two questions; each question is answered wrongly with
/// probability at most 5e-8 (an exact binomial tail), so each verdict is wrong with probability at most 1e-6 in all: "differs" where the medians differ by at most
/// <see cref="Tolerance"/>, "same" where they differ by <see cref="Sought"/> or more.
/// </remarks>
internal static class PairedTiming
{
    /// <summary>In microseconds: two stores lie in different places in memory, which is not what is looked for.</summary>
    public const double Tolerance = 15;

    /// <summary>In microseconds: the difference that must not be there.</summary>
    public const double Sought = 50;

    private const double Error = 5e-8;
    private static readonly int[] Looks = [500, 1000, 2000, 4000, 8000];

    /// <summary>Compares.</summary>
    /// <param name="left">Measures one, in microseconds.</param>
    /// <param name="right">Measures the other.</param>
    /// <param name="seed">Of the coin.</param>
    public static async Task<(TimingVerdict Verdict, string Figures)> CompareAsync(Func<Task<double>> left, Func<Task<double>> right, int seed)
    {
        var coin = new Random(seed);
        var differences = new List<double>();
        foreach (var look in Looks)
        {
            while (differences.Count < look)
            {
                var leftFirst = coin.Next(2) == 0;
                var first = await (leftFirst ? left : right)();
                var second = await (leftFirst ? right : left)();
                differences.Add(leftFirst ? second - first : first - second);
            }
            if (Judge(differences) is not TimingVerdict.Unclear and var verdict)
                return (verdict, Figures(differences));
        }
        return (TimingVerdict.Unclear, Figures(differences));
    }

    /// <summary>What differences, right minus left, say.</summary>
    public static TimingVerdict Judge(IReadOnlyList<double> differences)
    {
        if (IsMore(differences.Count(difference => difference > Tolerance), differences.Count) || IsMore(differences.Count(difference => difference < -Tolerance), differences.Count))
            return TimingVerdict.Differs;
        return IsMore(differences.Count(difference => difference < Sought), differences.Count) && IsMore(differences.Count(difference => difference > -Sought), differences.Count)
            ? TimingVerdict.Same
            : TimingVerdict.Unclear;
    }

    /// <summary>P(B >= count) for B binomial with n trials of probability 1/2.</summary>
    public static double Tail(int count, int n)
    {
        // From the end, in logarithms: terms that are too small to be represented add nothing.
        double term = -n * Math.Log(2), sum = 0;
        for (var k = n; k >= count; k--)
        {
            sum += Math.Exp(term);
            term += Math.Log(k) - Math.Log(n - k + 1);
        }
        return Math.Min(1, sum);
    }

    private static bool IsMore(int count, int n) => Tail(count, n) < Error;

    private static string Figures(List<double> differences)
    {
        var sorted = differences.Order().ToArray();
        return $"{sorted.Length} pairs: median difference {sorted[sorted.Length / 2]:F1} us, quartiles {sorted[sorted.Length / 4]:F1} and {sorted[sorted.Length * 3 / 4]:F1}";
    }
}
