using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>
/// Where a publish takes the noise of a release key from. The product has one, <see cref="KeyedNoiseSources"/>; tests record and replay noise through this
/// seam, which nothing outside this assembly can reach.
/// </summary>
internal interface INoiseSources
{
    /// <summary>The noise under a key.</summary>
    INoiseSource Of(ReleaseKey key);
}

/// <inheritdoc/>
internal sealed class KeyedNoiseSources : INoiseSources
{
    public INoiseSource Of(ReleaseKey key) => new KeyedNoise(key);
}
