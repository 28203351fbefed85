using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing.Tests;

/// <summary>A root release that was published, and published again by a process that resumed: the adversary holds what both sent.</summary>
internal sealed class RetriedTarget : AuditTarget
{
    private readonly MomentMatrix[] _exact;
    private readonly NoiseLadder _ladder;
    private readonly bool _redraws;

    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="ladder">The ladder.</param>
    /// <param name="redraws">Whether the second process draws from a key of its own instead of the release's.</param>
    public RetriedTarget(MomentParameters parameters, NoiseLadder ladder, bool redraws)
        : base("moment-tree", parameters.Schema.Adjacency, ladder.Tiers[ladder.Best].Epsilon, ladder.Delta)
    {
        (_ladder, _redraws) = (ladder, redraws);
        var pair = NeighbourPair.Of(parameters.Schema, 1, new([1.0], [1.0]), new([1.0], [-1.0]));
        _exact = [MomentAccumulator.Sum(parameters, pair.First), MomentAccumulator.Sum(parameters, pair.Second)];
        StateExact(_exact[0].Sums, _exact[1].Sums, 2, ladder.Sensitivity);
    }

    private protected override void Release(bool second, ReadOnlySpan<byte> secret, Span<long> released)
    {
        var exact = _exact[second ? 1 : 0];
        var digest = MomentManifest.Digest(exact, _ladder);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var key = ReleaseKey.Derive(_redraws && attempt == 1 ? SHA256.HashData(secret) : secret, digest);
            MomentRelease.Publish(exact, _ladder, Noise(key)).Tiers[_ladder.Best].Values.CopyTo(released[(attempt * exact.Sums.Length)..]);
        }
    }
}
