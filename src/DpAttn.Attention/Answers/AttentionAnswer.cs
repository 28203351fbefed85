namespace DpAttn.Attention;

/// <summary>The private answer to one query, and what it says about itself (mechanisms, section 7).</summary>
/// <param name="Output">dv numbers: the estimate of softmax attention, clipped to the value bound.</param>
/// <param name="NoiseDeviation">dv standard deviations of the noise, before clipping; infinite where the noise has swallowed the denominator.</param>
/// <param name="Intervals">dv noise intervals.</param>
/// <param name="KernelErrorBound">
/// How far the noise-free polynomial answer may be from exact attention, in l2 norm; the lattice adds at most <see cref="MomentParameters.RoundingErrorBound"/>. Under per-query
/// the kernel is the exponential itself: 0, and the lattice adds at most <see cref="PerQueryParameters.RoundingErrorBound"/>. Under the distance-tree it is all of it: the polynomial, the
/// intervals of alpha, the grid and the rounding of values (<see cref="DistanceTreeErrorBound.Answer"/>).
/// </param>
/// <param name="IsIndistinguishableFromMean">Whether this answer could just be the store's mean value; null where no mean is released.</param>
public sealed record AttentionAnswer(
    double[] Output,
    double[] NoiseDeviation,
    NoiseInterval[] Intervals,
    double KernelErrorBound,
    bool? IsIndistinguishableFromMean)
{
    /// <summary>The slots (rows, under replace-one) that the answer is about: all of a release, or those of a range of blocks; null where no release was asked.</summary>
    public long? SlotsCovered { get; init; }
}
