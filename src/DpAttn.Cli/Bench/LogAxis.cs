namespace DpAttn.Cli.Bench;

/// <summary>A logarithmic axis between two places of a drawing.</summary>
internal readonly record struct LogAxis(double Low, double High, double From, double To)
{
    /// <summary>The axis that holds these positive numbers; a single one stands in its middle.</summary>
    public static LogAxis Over(IEnumerable<double> numbers, double from, double to)
    {
        double[] logs = [.. numbers.Select(Math.Log10)];
        double low = logs.Min(), high = logs.Max();
        var margin = high > low ? 0.05 * (high - low) : 0.5;
        return new LogAxis(low - margin, high + margin, from, to);
    }

    public double Of(double number) => From + (Math.Log10(number) - Low) / (High - Low) * (To - From);

    /// <summary>The powers of ten on the axis; its ends where it has none.</summary>
    public IReadOnlyList<double> Decades()
    {
        var first = (int)Math.Ceiling(Low);
        double[] powers = [.. Enumerable.Range(first, Math.Max(0, (int)Math.Floor(High) - first + 1)).Select(power => Math.Pow(10, power))];
        return powers.Length > 0 ? powers : [Math.Pow(10, Low), Math.Pow(10, High)];
    }
}
