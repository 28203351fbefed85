using DpAttn.Attention;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Queries for a release.</summary>
/// <param name="Queries">m x d.</param>
/// <param name="Release">The release, or null for the newest that the caller has opened.</param>
/// <param name="Tier">The tier to open and answer from, or null for the best opened.</param>
/// <param name="MaxEpsilon">The most that opening may cost, or null for nothing.</param>
/// <param name="RequestId">The idempotency key of a charge; null: the cluster makes one from what is opened.</param>
/// <param name="Clip">Whether queries out of bounds are clipped.</param>
/// <param name="Rows">The blocks to attend to, of a store whose levels are all; null for all.</param>
public sealed record AttendCommand(
    Matrix<double> Queries, string? Release = null, int? Tier = null, double? MaxEpsilon = null, string? RequestId = null, bool Clip = false, BlockRange? Rows = null)
{
    /// <summary>Whether it agrees to be charged at all.</summary>
    internal bool MayOpen => Tier is not null || MaxEpsilon is not null;
}
