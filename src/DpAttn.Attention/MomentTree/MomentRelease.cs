using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// A root release of the moment tree: the moment matrix of all rows at every tier of a ladder, each tier's noise drawn once.
/// </summary>
public sealed class MomentRelease
{
    /// <summary>The mechanism's name, part of every noise address.</summary>
    public const string Mechanism = "moment-tree";

    /// <summary>The node of a root release in its noise addresses.</summary>
    public const long RootNode = 1;

    private readonly ReleasedMoments[] _tiers;

    private MomentRelease(NoiseLadder ladder, ReleasedMoments[] tiers) => (Ladder, _tiers) = (ladder, tiers);

    /// <summary>The ladder.</summary>
    public NoiseLadder Ladder { get; }

    /// <summary>The released matrices, the noisiest first.</summary>
    public IReadOnlyList<ReleasedMoments> Tiers => _tiers;

    /// <summary>
    /// Calibrates a ladder for a schema's moment matrix and refuses one that could overflow the sums.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// The ladder does not rise, its tiers are too close, an epsilon lies outside (0, 200], delta is below 2^-100, or the capacity does not fit.
    /// </exception>
    public static NoiseLadder Calibrate(MomentParameters parameters, IReadOnlyList<Epsilon> tiers, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var ladder = CalibrateNoise(parameters, tiers, delta);
        parameters.RequireNoOverflow(ladder.Tiers[0].Variance);
        return ladder;
    }

    internal static NoiseLadder CalibrateNoise(MomentParameters parameters, IReadOnlyList<Epsilon> tiers, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(tiers);
        return NoiseLadder.Calibrate(
            parameters.Sensitivity.Integer, parameters.Dimension, [.. tiers.Select(tier => Epsilon.Budget(tier.Value))], Delta.Claimed(delta.Value));
    }

    /// <summary>
    /// Publishes under a fresh or stored secret. The key of the noise is bound to the schema, the parameters, the ladder and the
    /// sums themselves: the same secret can never put the same noise on two different sums.
    /// </summary>
    public static MomentRelease Publish(MomentMatrix exact, NoiseLadder ladder, ReadOnlySpan<byte> secret, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(exact);
        ArgumentNullException.ThrowIfNull(ladder);
        var key = ReleaseKey.Derive(secret, MomentManifest.Digest(exact, ladder));
        return Publish(exact, ladder, new KeyedNoise(key, threads));
    }

    /// <summary>
    /// Publishes under a key that is bound to the frozen rows (<see cref="MomentManifest.Digest(MomentParameters, NoiseLadder, long, ReadOnlySpan{byte})"/>).
    /// The caller answers for it that the sums are those of exactly these rows.
    /// </summary>
    public static MomentRelease Publish(MomentMatrix exact, NoiseLadder ladder, ReleaseKey key, int threads = 1) =>
        Publish(exact, ladder, new KeyedNoise(key, threads));

    /// <summary>Publishes with noise from a source: N_best first, then fresh G_t for every lower tier. Only tests have another source than the keyed one.</summary>
    /// <exception cref="ArgumentException">A ladder that was calibrated for other parameters, or no slots.</exception>
    internal static MomentRelease Publish(MomentMatrix exact, NoiseLadder ladder, INoiseSource noise)
    {
        ArgumentNullException.ThrowIfNull(exact);
        ArgumentNullException.ThrowIfNull(ladder);
        ArgumentNullException.ThrowIfNull(noise);
        var parameters = exact.Parameters;
        if (ladder.Sensitivity != parameters.Sensitivity.Integer || ladder.Dimension != parameters.Dimension)
            throw new ArgumentException("the ladder was calibrated for another sensitivity or dimension", nameof(ladder));
        if (exact.Slots == 0)
            throw new ArgumentException("a release needs at least one slot", nameof(exact));
        parameters.RequireNoOverflow(ladder.Tiers[0].Variance);

        return new MomentRelease(ladder, AddNoise(exact, ladder, RootNode, noise));
    }

    /// <summary>Every tier of one node: N_best on the exact sums, then fresh G_t on the next better tier, each drawn at its own address.</summary>
    internal static ReleasedMoments[] AddNoise(MomentMatrix exact, NoiseLadder ladder, long node, INoiseSource noise)
    {
        var tiers = new ReleasedMoments[ladder.Tiers.Count];
        var below = exact.Sums;
        for (var t = ladder.Best; t >= 0; t--)
        {
            var tier = ladder.Tiers[t];
            var values = new long[below.Length];
            noise.Fill(new NoiseAddress(Mechanism, t, node, tier.Increment), values);
            for (var i = 0; i < values.Length; i++)
                values[i] = checked(values[i] + below[i]);
            tiers[t] = new ReleasedMoments(exact.Parameters, t, tier.Variance, exact.Slots, values);
            below = values;
        }
        return tiers;
    }
}
