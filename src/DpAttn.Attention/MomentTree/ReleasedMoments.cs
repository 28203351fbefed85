using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// One tier of a published moment matrix: integers with their noise in them. Whatever is computed from it, and however often, is
/// post-processing and costs nothing more.
/// </summary>
public sealed class ReleasedMoments
{
    internal ReleasedMoments(MomentParameters parameters, int tier, NoiseVariance variance, long slots, long[] values, int nodes = 1) =>
        (Parameters, Tier, Variance, Slots, Values, Nodes) = (parameters, tier, variance, slots, values, nodes);

    /// <summary>The mechanism's public parameters.</summary>
    public MomentParameters Parameters { get; }

    /// <summary>The tier, counted from the noisiest.</summary>
    public int Tier { get; }

    /// <summary>The variance of one node's noise, in squared lattice steps.</summary>
    public NoiseVariance Variance { get; }

    /// <summary>How many released nodes were added up, each with noise of its own: 1 for a root release.</summary>
    public int Nodes { get; }

    /// <summary>The deviation of each value's noise, in lattice steps: that of one node times the root of their number.</summary>
    public Sigma Deviation => new(Variance.Sigma.Value * Math.Sqrt(Nodes));

    /// <summary>The slots that were summed: the row count under replace-one.</summary>
    public long Slots { get; }

    /// <summary>The noised integers, r x (dv + 1), row-major by feature.</summary>
    public IReadOnlyList<long> Matrix => Values;

    internal long[] Values { get; }
}
