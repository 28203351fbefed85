using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// DPTreeCrossAttention of the seed paper (arXiv 2407.14717, section 3): softmax attention over private rows from one <see cref="DpTreeSoftmaxAdaptive"/> per value column and one with weight 1 for the
/// denominator. The paper claims O(n d r^2) memory, O(n r^2) init and O(alpha^-1 r^2) for a query, a relative error of alpha + eps_s and an additive one of
/// O(n^-1 epsilon^-1 alpha^-1/2 R^2s R_w r^2), all up to logarithms.
/// </summary>
/// <remarks>
/// <para><b>What its reviewers criticised, and what is done here.</b> The paper's denominator and its two scalar sums are exact, so its answers are not private: here all of them carry noise, under one joint l2
/// sensitivity of all nodes, columns, scalars and copies. Its guarantee fails with probability p_f, when a truncated noise does not cover: here it holds always. Its neighbours are not stated in full: here
/// they are the store's <see cref="Adjacency"/>, replace-one or add-remove in slots.</para>
/// <para><b>Cost.</b> Columns share the nodes as vectors. Init: one addition of dv + 1 integers per row and feature, O(n r dv), and O(m r dv) for the trees; memory O(m r dv), whatever n. A query:
/// O(r log(m)/alpha) nodes of (dv + 1) numbers.</para>
/// <para><b>Error.</b> Without noise <see cref="DistanceTreeErrorBound"/>, of noise what each answer says of itself.</para>
/// </remarks>
public sealed class DpTreeCrossAttention
{
    private readonly DistanceTreeAnswerer[] _tiers;

    /// <summary>The structure over a release that was published.</summary>
    public DpTreeCrossAttention(DistanceTreeRelease release)
    {
        ArgumentNullException.ThrowIfNull(release);
        Release = release;
        _tiers = [.. release.Tiers.Select(tier => new DistanceTreeAnswerer(tier))];
    }

    /// <summary>The release.</summary>
    public DistanceTreeRelease Release { get; }

    /// <summary>Init: sums the rows and publishes them under a fresh secret. Charge the ledger before a tier is queried.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="ladder">From <see cref="DistanceTreeRelease.Calibrate"/>.</param>
    /// <param name="secret">32 fresh secret bytes.</param>
    /// <param name="threads">How many threads sum.</param>
    /// <exception cref="RowRejectedException">A row breaks the bounds.</exception>
    /// <exception cref="ArgumentException">Rows or a ladder of another shape.</exception>
    public static DpTreeCrossAttention Create(DistanceTreeParameters parameters, RowSet rows, NoiseLadder ladder, ReadOnlySpan<byte> secret, int threads = 1) =>
        new(DistanceTreeRelease.Publish(DistanceTreeSums.Sum(parameters, rows, threads: threads), ladder, secret));

    /// <summary>Query: the private answer of a tier, and what it says about itself.</summary>
    /// <param name="query">d numbers within the schema's query region.</param>
    /// <param name="tier">The tier, counted from the noisiest.</param>
    /// <exception cref="QueryRejectedException">NaN, infinity, or outside the query region.</exception>
    /// <exception cref="ArgumentException">The wrong dimension, or no such tier.</exception>
    public AttentionAnswer Query(ReadOnlySpan<double> query, int tier)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tier);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(tier, _tiers.Length);
        return _tiers[tier].Answer(query);
    }
}
