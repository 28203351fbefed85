using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The noise of one tier, a pure function of tier, copy, part (feature and node) and column: what the coordinator adds to the exact sums of the shards. It is drawn when a part is
/// asked for, and the same whenever, wherever and however often it is.
/// </summary>
public sealed class DistanceTreeNoise
{
    /// <summary>
    /// The version of the scheme of addresses: mechanism, tier, 2 m r copy + 2 m feature + node (the feature alone in the exact variant), and the tier's own variance. Noise is drawn anew at
    /// every read for as long as a release lives: another address for a part is a new number, so that a release of the old scheme is never read by the new one.
    /// </summary>
    internal const int AddressScheme = 1;

    private readonly DistanceTreeParameters _parameters;
    private readonly LadderTreeNoise[] _copies;

    /// <summary>The noise of a tier under a release key.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="ladder">The ladder, calibrated for them.</param>
    /// <param name="key">The key, derived from the secret and <see cref="DistanceTreeManifest.Digest(DistanceTreeParameters, NoiseLadder, long, ReadOnlySpan{byte})"/>.</param>
    /// <param name="tier">The tier, counted from the noisiest.</param>
    /// <exception cref="ArgumentException">A ladder that was calibrated for other parameters, a tier that it does not have, or a capacity that does not fit.</exception>
    public DistanceTreeNoise(DistanceTreeParameters parameters, NoiseLadder ladder, ReleaseKey key, int tier)
        : this(parameters, ladder, new KeyedNoise(key), tier)
    {
    }

    /// <summary>Noise from a source. Only tests have another than the keyed one.</summary>
    internal DistanceTreeNoise(DistanceTreeParameters parameters, NoiseLadder ladder, INoiseSource source, int tier)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(ladder);
        if (ladder.Sensitivity != parameters.Sensitivity.Integer || ladder.Dimension != parameters.Dimension)
            throw new ArgumentException("the ladder was calibrated for another sensitivity or dimension", nameof(ladder));
        parameters.RequireNoOverflow(ladder.Tiers[0].Variance);
        _parameters = parameters;
        // Parts stay below 2m r: every copy has a range of addresses of its own.
        var stride = 2L * parameters.GridCells * parameters.Features;
        _copies = [.. Enumerable.Range(0, parameters.Copies).Select(copy => new LadderTreeNoise(source, ladder, DistanceTreeRelease.Mechanism, tier, copy * stride))];
        (Tier, Variance) = (tier, ladder.Tiers[tier].Variance);
    }

    /// <summary>The tier.</summary>
    public int Tier { get; }

    /// <summary>The variance of each integer's noise, in squared lattice steps.</summary>
    public NoiseVariance Variance { get; }

    /// <summary>Writes the noised integers of a part: its exact sum times the part's public multiplier, plus each copy's own noise.</summary>
    /// <param name="part">The part.</param>
    /// <param name="exact">dv + 1 exact integers, of all rows of the release.</param>
    /// <param name="destination">copies x (dv + 1) integers.</param>
    /// <exception cref="ArgumentException">No such part, or another number of integers.</exception>
    public void Noise(long part, ReadOnlySpan<long> exact, Span<long> destination)
    {
        var columns = _parameters.Columns;
        if (exact.Length != columns || destination.Length != columns * _copies.Length)
            throw new ArgumentException($"a part has {columns} exact and {columns * _copies.Length} noised integers, not {exact.Length} and {destination.Length}", nameof(destination));
        var multiplier = _parameters.MultiplierOf(part);
        for (var copy = 0; copy < _copies.Length; copy++)
        {
            var noised = destination.Slice(copy * columns, columns);
            for (var c = 0; c < columns; c++)
                noised[c] = checked(multiplier * exact[c]);
            _copies[copy].AddTo(part, noised);
        }
    }
}
