using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// One tier of a distance-tree release in one process. It holds the exact sums, as a coordinator does, and gives out noised integers alone; a part's noise is drawn anew, and is the
/// same, each time the part is read. Thread-safe.
/// </summary>
public sealed class ReleasedDistanceTree : IDistanceTreeParts
{
    private readonly DistanceTreeNodes _nodes;
    private readonly DistanceTreeNoise _noise;

    internal ReleasedDistanceTree(DistanceTreeNodes nodes, DistanceTreeNoise noise) => (_nodes, _noise) = (nodes, noise);

    /// <inheritdoc/>
    public DistanceTreeParameters Parameters => _nodes.Parameters;

    /// <inheritdoc/>
    public long Slots => _nodes.Slots;

    /// <summary>The tier, counted from the noisiest.</summary>
    public int Tier => _noise.Tier;

    /// <summary>The variance of each integer's noise, in squared lattice steps.</summary>
    public NoiseVariance Variance => _noise.Variance;

    /// <inheritdoc/>
    public double Deviation => Variance.Sigma.Value;

    /// <inheritdoc/>
    public void Read(long part, Span<long> destination)
    {
        var exact = new long[Parameters.Columns];
        _nodes.Read(part, exact);
        _noise.Noise(part, exact, destination);
    }
}
