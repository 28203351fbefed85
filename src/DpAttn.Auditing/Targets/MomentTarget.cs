using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing;

/// <summary>A root release of the moment tree: <see cref="MomentRelease"/>, every tier.</summary>
internal sealed class MomentTarget : AuditTarget
{
    private readonly MomentMatrix[] _exact;
    private readonly byte[][] _digests;
    private readonly NoiseLadder _ladder;

    /// <summary>A target.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="ladder">The ladder; its best tier is the claim.</param>
    /// <param name="pair">The neighbours; the worst ones where none are given.</param>
    public MomentTarget(MomentParameters parameters, NoiseLadder ladder, NeighbourPair? pair = null)
        : base("moment-tree", parameters.Schema.Adjacency, ladder.Tiers[ladder.Best].Epsilon, ladder.Delta)
    {
        _ladder = ladder;
        pair ??= WorstNeighbours.Farthest(WorstNeighbours.Candidates(parameters.Schema, 1), rows => MomentAccumulator.Sum(parameters, rows).Sums);
        _exact = [MomentAccumulator.Sum(parameters, pair.First), MomentAccumulator.Sum(parameters, pair.Second)];
        _digests = [.. _exact.Select(exact => MomentManifest.Digest(exact, ladder))];
        StateExact(_exact[0].Sums, _exact[1].Sums, ladder.TierCount, ladder.Sensitivity);
    }

    private protected override void Release(bool second, ReadOnlySpan<byte> secret, Span<long> released)
    {
        var side = second ? 1 : 0;
        var release = MomentRelease.Publish(_exact[side], _ladder, Noise(ReleaseKey.Derive(secret, _digests[side])));
        var length = _exact[side].Sums.Length;
        for (var t = 0; t < release.Tiers.Count; t++)
            release.Tiers[t].Values.CopyTo(released[(t * length)..]);
    }
}
