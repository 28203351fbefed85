using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// One tier of a published moment matrix: integers with their noise in them. Whatever is computed from it, and however often, is
/// post-processing and costs nothing more.
/// </summary>
public sealed class ReleasedMoments
{
    internal ReleasedMoments(MomentParameters parameters, int tier, NoiseVariance variance, long slots, long[] values) =>
        (Parameters, Tier, Variance, Slots, Values) = (parameters, tier, variance, slots, values);

    /// <summary>The mechanism's public parameters.</summary>
    public MomentParameters Parameters { get; }

    /// <summary>The tier, counted from the noisiest.</summary>
    public int Tier { get; }

    /// <summary>The variance of each value's noise, in squared lattice steps.</summary>
    public NoiseVariance Variance { get; }

    /// <summary>The slots that were summed: the row count under replace-one.</summary>
    public long Slots { get; }

    /// <summary>The noised integers, r x (dv + 1), row-major by feature.</summary>
    public IReadOnlyList<long> Matrix => Values;

    internal long[] Values { get; }
}
