namespace DpAttn.Attention.Comparison;

/// <summary>
/// The truncated Laplace noise of the seed paper: density proportional to e^(-|z| epsilon / Delta) on [-B, B], B = Delta/epsilon ln(1 + (e^epsilon - 1)/(2 delta)). In floating point, and for
/// comparison alone: nothing that is served has ever met it.
/// </summary>
internal readonly record struct TruncatedLaplace(double Sensitivity, double Epsilon, double Delta)
{
    /// <summary>Delta/epsilon.</summary>
    public double Scale => Sensitivity / Epsilon;

    /// <summary>B.</summary>
    public double Bound => Scale * Math.Log(1 + (Math.Exp(Epsilon) - 1) / (2 * Delta));

    /// <summary>
    /// The noise of each node when k of them share (epsilon, delta) by advanced composition (Dwork, Rothblum, Vadhan 2010): epsilon_0 = epsilon / sqrt(8 k ln(2/delta)), delta_0 = delta/(2k).
    /// </summary>
    public static TruncatedLaplace Composed(double sensitivity, double epsilon, double delta, double k) =>
        new(sensitivity, epsilon / Math.Sqrt(8 * k * Math.Log(2 / delta)), delta / (2 * k));

    /// <summary>One draw.</summary>
    public double Draw(Random random)
    {
        // |z| by the inverse of its distribution function, 1 - e^(-z/scale) up to what the bound cuts off.
        var u = random.NextDouble() * (1 - Math.Exp(-Bound / Scale));
        return (random.Next(2) == 0 ? 1 : -1) * -Scale * Math.Log(1 - u);
    }
}
