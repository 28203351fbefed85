using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>The noise of one request: a pure function of its key, drawn before any shard is asked.</summary>
public static class PerQueryNoise
{
    /// <summary>The mechanism's name, part of every noise address.</summary>
    public const string Mechanism = "per-query";

    /// <summary>The tier and the node of a request in its noise address: it has one of each.</summary>
    private const int Tier = 0;
    private const long Node = 1;

    /// <summary>
    /// Draws a request's noise, one integer for each of its sums, the denominators included. Whoever draws it, and however often, gets the same integers; it is as secret as the rows.
    /// </summary>
    /// <param name="plan">The request.</param>
    /// <param name="key">The key derived from the store incarnation's secret and <see cref="PerQueryManifest.Digest"/>.</param>
    public static long[] Draw(PerQueryPlan plan, ReleaseKey key) => Draw(plan, new KeyedNoise(key));

    /// <summary>Noise from a source. Only tests have another source than the keyed one.</summary>
    internal static long[] Draw(PerQueryPlan plan, INoiseSource source)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(source);
        var noise = new long[plan.Dimension];
        source.Fill(new NoiseAddress(Mechanism, Tier, Node, plan.Variance), noise);
        return noise;
    }
}
