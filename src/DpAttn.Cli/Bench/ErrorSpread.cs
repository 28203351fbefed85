namespace DpAttn.Cli.Bench;

/// <summary>The root mean square error of many draws, and the range that 95 % of them lie in.</summary>
internal readonly record struct ErrorSpread(double Rmse, double Low, double High)
{
    /// <summary>From the root mean square error of each draw; the range's ends are interpolated between neighbouring draws.</summary>
    public static ErrorSpread Of(IReadOnlyList<double> draws)
    {
        double[] sorted = [.. draws.Order()];
        return new ErrorSpread(Math.Sqrt(sorted.Average(x => x * x)), Quantile(sorted, 0.025), Quantile(sorted, 0.975));
    }

    private static double Quantile(double[] sorted, double share)
    {
        var place = share * (sorted.Length - 1);
        var below = (int)place;
        return sorted[below] + (place - below) * (sorted[Math.Min(below + 1, sorted.Length - 1)] - sorted[below]);
    }
}
