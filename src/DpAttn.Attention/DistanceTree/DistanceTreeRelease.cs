using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// A release of the distance-tree: one Gaussian mechanism over every node, column, scalar sum and copy at every tier of a ladder. What is kept of it is the manifest, the secret and the exact
/// sums; every noise value follows from those when it is needed.
/// </summary>
public sealed class DistanceTreeRelease
{
    /// <summary>The mechanism's name, part of every noise address.</summary>
    public const string Mechanism = "distance-tree";

    private readonly ReleasedDistanceTree[] _tiers;

    private DistanceTreeRelease(NoiseLadder ladder, ReleasedDistanceTree[] tiers) => (Ladder, _tiers) = (ladder, tiers);

    /// <summary>The ladder.</summary>
    public NoiseLadder Ladder { get; }

    /// <summary>The tiers, the noisiest first.</summary>
    public IReadOnlyList<ReleasedDistanceTree> Tiers => _tiers;

    /// <summary>Calibrates a ladder to the joint sensitivity and refuses one that could overflow the sums.</summary>
    /// <exception cref="ArgumentException">
    /// The ladder does not rise, its tiers are too close, an epsilon lies outside (0, 200], delta is below 2^-100, or the capacity does not fit.
    /// </exception>
    public static NoiseLadder Calibrate(DistanceTreeParameters parameters, IReadOnlyList<Epsilon> tiers, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var ladder = CalibrateNoise(parameters, tiers, delta);
        parameters.RequireNoOverflow(ladder.Tiers[0].Variance);
        return ladder;
    }

    internal static NoiseLadder CalibrateNoise(DistanceTreeParameters parameters, IReadOnlyList<Epsilon> tiers, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(tiers);
        return NoiseLadder.Calibrate(
            parameters.Sensitivity.Integer, parameters.Dimension, [.. tiers.Select(tier => Epsilon.Budget(tier.Value))], Delta.Claimed(delta.Value));
    }

    /// <summary>
    /// Publishes under a fresh or stored secret. The key of the noise is bound to the schema, the parameters, the ladder and the
    /// sums themselves: the same secret can never put the same noise on two different sums.
    /// </summary>
    /// <exception cref="ArgumentException">A ladder that was calibrated for other parameters, or no slots.</exception>
    public static DistanceTreeRelease Publish(DistanceTreeSums exact, NoiseLadder ladder, ReadOnlySpan<byte> secret)
    {
        ArgumentNullException.ThrowIfNull(exact);
        ArgumentNullException.ThrowIfNull(ladder);
        return Publish(exact, ladder, ReleaseKey.Derive(secret, DistanceTreeManifest.Digest(exact, ladder)));
    }

    /// <summary>
    /// Publishes under a key that is bound to the frozen rows (<see cref="DistanceTreeManifest.Digest(DistanceTreeParameters, NoiseLadder, long, ReadOnlySpan{byte})"/>).
    /// The caller answers for it that the sums are those of exactly these rows.
    /// </summary>
    /// <exception cref="ArgumentException">A ladder that was calibrated for other parameters, or no slots.</exception>
    public static DistanceTreeRelease Publish(DistanceTreeSums exact, NoiseLadder ladder, ReleaseKey key) => Publish(exact, ladder, new KeyedNoise(key));

    internal static DistanceTreeRelease Publish(DistanceTreeSums exact, NoiseLadder ladder, INoiseSource noise)
    {
        ArgumentNullException.ThrowIfNull(exact);
        ArgumentNullException.ThrowIfNull(ladder);
        ArgumentNullException.ThrowIfNull(noise);
        if (exact.Slots == 0)
            throw new ArgumentException("a release needs at least one slot", nameof(exact));
        var nodes = DistanceTreeNodes.Over(exact);
        return new DistanceTreeRelease(ladder, [.. Enumerable.Range(0, ladder.TierCount)
            .Select(tier => new ReleasedDistanceTree(nodes, new DistanceTreeNoise(exact.Parameters, ladder, noise, tier)))]);
    }
}
