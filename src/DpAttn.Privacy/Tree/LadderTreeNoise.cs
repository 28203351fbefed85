namespace DpAttn.Privacy;

/// <summary>
/// The noise of one tier of a ladder on the nodes of a tree: N_t = sum of the fresh noises G_t' of tier t and of every better one, each a pure
/// function of its address (mechanism, tier, node, variance). Nothing is stored, so memory does not grow with nodes, tiers or copies.
/// </summary>
public sealed class LadderTreeNoise : ITreeNoise
{
    private readonly INoiseSource _source;
    private readonly NoiseLadder _ladder;
    private readonly string _mechanism;
    private readonly int _tier;
    private readonly long _firstAddress;

    /// <summary>The noise of a tier.</summary>
    /// <param name="source">Where noise comes from.</param>
    /// <param name="ladder">The ladder of the release.</param>
    /// <param name="mechanism">The mechanism's name, part of every address.</param>
    /// <param name="tier">The tier, counted from the noisiest.</param>
    /// <param name="firstAddress">
    /// What is added to a node's number in its address. Several trees of one release need ranges of addresses that do not meet: trees of 2m - 1
    /// nodes at multiples of 2m.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The ladder has no such tier, or a negative first address.</exception>
    public LadderTreeNoise(INoiseSource source, NoiseLadder ladder, string mechanism, int tier, long firstAddress = 0)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(ladder);
        ArgumentException.ThrowIfNullOrEmpty(mechanism);
        ArgumentOutOfRangeException.ThrowIfNegative(tier);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tier, ladder.Best);
        ArgumentOutOfRangeException.ThrowIfNegative(firstAddress);
        (_source, _ladder, _mechanism, _tier, _firstAddress) = (source, ladder, mechanism, tier, firstAddress);
    }

    /// <inheritdoc/>
    public void AddTo(long node, Span<long> values)
    {
        var noise = new long[values.Length];
        for (var t = _ladder.Best; t >= _tier; t--)
        {
            _source.Fill(new NoiseAddress(_mechanism, t, checked(_firstAddress + node), _ladder.Tiers[t].Increment), noise);
            for (var i = 0; i < noise.Length; i++)
                values[i] = checked(values[i] + noise[i]);
        }
    }
}
