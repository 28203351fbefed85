namespace DpAttn.Attention;

/// <summary>The noised sums of one tier of a distance-tree release, by part. Wherever they are kept, they are those of <see cref="DistanceTreeNoise"/>.</summary>
public interface IDistanceTreeParts
{
    /// <summary>The mechanism's public parameters.</summary>
    DistanceTreeParameters Parameters { get; }

    /// <summary>The slots that were summed.</summary>
    long Slots { get; }

    /// <summary>The deviation of the noise in every integer, in lattice steps.</summary>
    double Deviation { get; }

    /// <summary>Writes a part's noised integers: for each copy, dv + 1 columns.</summary>
    void Read(long part, Span<long> destination);
}
