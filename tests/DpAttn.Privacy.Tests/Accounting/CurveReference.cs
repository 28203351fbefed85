namespace DpAttn.Privacy.Tests;

/// <summary>Rows of the two reference files beside this one: points of the Gaussian curve to 20 digits, at inputs that are exact doubles.</summary>
internal static class CurveReference
{
    /// <summary>mu at (epsilon, delta): epsilon from 1e-3 to 200, delta from 1e-3 to 1e-300.</summary>
    public static IReadOnlyList<MuRow> Service { get; } =
        [.. Read("gaussian_curve_reference.csv").Select(f => new MuRow(double.Parse(f[0]), double.Parse(f[1]), Exact.Parse(f[2])))];

    /// <summary>epsilon at (mu, delta), far outside that range: mu from 1e-100 to 1e6, delta from 1e-300 to 0.999.</summary>
    public static IReadOnlyList<EpsilonRow> Extremes { get; } =
        [.. Read("gaussian_curve_extremes.csv").Select(f => new EpsilonRow(double.Parse(f[0]), double.Parse(f[1]), Exact.Parse(f[2])))];

    private static IEnumerable<string[]> Read(string file) =>
        File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Accounting", file)).Where(line => line[0] != '#').Skip(1).Select(line => line.Split(','));

    /// <summary>The double at or next above a number.</summary>
    private static double Above(Exact number)
    {
        var value = number.ToDouble() * (1 - 1e-15);
        while (Exact.Of(value) < number)
            value = Math.BitIncrement(value);
        return value;
    }

    public sealed record MuRow(double Epsilon, double Delta, Exact Mu)
    {
        public string Where => $"epsilon {Epsilon}, delta {Delta}";

        /// <summary>The double at or next above the true mu: its true epsilon is at or above <see cref="Epsilon"/>.</summary>
        public double MuAbove => Above(Mu);
    }

    public sealed record EpsilonRow(double Mu, double Delta, Exact Epsilon)
    {
        public string Where => $"mu {Mu}, delta {Delta}";

        /// <summary>The double next below the true epsilon: its true delta is at or above <see cref="Delta"/>.</summary>
        public double EpsilonBelow => Math.BitDecrement(Above(Epsilon));
    }
}
