using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing;

/// <summary>A release of the distance-tree: every part in which the neighbours differ and one sibling of such a node, with all copies, read from <see cref="ReleasedDistanceTree"/>.</summary>
internal sealed class DistanceTreeTarget : AuditTarget
{
    private readonly DistanceTreeParameters _parameters;
    private readonly NoiseLadder _ladder;
    private readonly long[] _parts;
    private readonly DistanceTreeSums[] _sums;
    private readonly byte[][] _digests;

    /// <summary>A target.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="ladder">The ladder; its best tier is the claim.</param>
    /// <param name="pair">The neighbours; the worst ones where none are given.</param>
    public DistanceTreeTarget(DistanceTreeParameters parameters, NoiseLadder ladder, NeighbourPair? pair = null)
        : base(parameters.IsExact ? "distance-tree exact" : "distance-tree", parameters.Schema.Adjacency, ladder.Tiers[ladder.Best].Epsilon, ladder.Delta)
    {
        (_parameters, _ladder) = (parameters, ladder);
        long[] all = [.. PartsOf(parameters)];
        pair ??= WorstNeighbours.Farthest(WorstNeighbours.Candidates(parameters.Schema, 1), rows => [.. Exact(rows, all).SelectMany(part => part)]);
        _sums = [DistanceTreeSums.Sum(parameters, pair.First), DistanceTreeSums.Sum(parameters, pair.Second)];
        _digests = [.. _sums.Select(sums => DistanceTreeManifest.Digest(sums, ladder))];
        _parts = [.. WithSibling(parameters, [.. Differing(Exact(pair.First, all), Exact(pair.Second, all)).Select(i => all[i])])];
        StateExact([.. Exact(pair.First, _parts).SelectMany(part => part)], [.. Exact(pair.Second, _parts).SelectMany(part => part)], ladder.TierCount, ladder.Sensitivity);
    }

    private protected override void Release(bool second, ReadOnlySpan<byte> secret, Span<long> released)
    {
        var side = second ? 1 : 0;
        var release = DistanceTreeRelease.Publish(_sums[side], _ladder, Noise(ReleaseKey.Derive(secret, _digests[side])));
        var width = _parameters.Columns * _parameters.Copies;
        for (var t = 0; t < release.Tiers.Count; t++)
        {
            for (var i = 0; i < _parts.Length; i++)
                release.Tiers[t].Read(_parts[i], released.Slice((t * _parts.Length + i) * width, width));
        }
    }

    private static IEnumerable<long> PartsOf(DistanceTreeParameters parameters)
    {
        yield return DistanceTreeParameters.CountPart;
        if (!parameters.IsExact)
            yield return DistanceTreeParameters.SquarePart;
        for (var a = 1; a < parameters.Features; a++)
        {
            for (long node = parameters.IsExact ? 1 : 2; node < (parameters.IsExact ? 2 : 2 * parameters.GridCells); node++)
                yield return parameters.PartOf(a, node);
        }
    }

    /// <summary>The parts, and the sibling of the first of them that is a node.</summary>
    private static IEnumerable<long> WithSibling(DistanceTreeParameters parameters, long[] parts)
    {
        var node = parameters.IsExact ? 0 : parts.FirstOrDefault(part => part > DistanceTreeParameters.SquarePart);
        return node == 0 || parts.Contains(node ^ 1) ? parts : parts.Append(node ^ 1);
    }

    /// <summary>The exact sums as they are published: times their part's multiplier, once per copy.</summary>
    private long[][] Exact(RowSet rows, long[] parts)
    {
        var nodes = DistanceTreeNodes.Over(DistanceTreeSums.Sum(_parameters, rows));
        return [.. parts.Select(part =>
        {
            var sums = new long[_parameters.Columns];
            nodes.Read(part, sums);
            return Enumerable.Repeat(sums, _parameters.Copies).SelectMany(copy => copy).Select(x => x * _parameters.MultiplierOf(part)).ToArray();
        })];
    }
}
