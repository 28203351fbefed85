using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing;

/// <summary>One per-query request, of one query or a batch: its exact sums plus <see cref="PerQueryNoise"/> under the key of its manifest, as the coordinator adds them.</summary>
internal sealed class PerQueryTarget : AuditTarget
{
    private readonly PerQueryPlan _plan;
    private readonly long[][] _sums;
    private readonly byte[][] _digests;

    /// <summary>A target.</summary>
    /// <param name="plan">The request.</param>
    /// <param name="claimed">The epsilon that it is charged at.</param>
    /// <param name="delta">The delta of the claim.</param>
    /// <param name="pair">The neighbours; the worst ones where none are given.</param>
    public PerQueryTarget(PerQueryPlan plan, Epsilon claimed, Delta delta, NeighbourPair? pair = null)
        : base(plan.Queries.Rows == 1 ? "per-query" : "per-query batch", plan.Parameters.Schema.Adjacency, claimed, delta)
    {
        _plan = plan;
        pair ??= WorstNeighbours.Farthest(WorstNeighbours.Candidates(plan.Parameters.Schema, 1, Directions(plan.Queries)), Sums);
        RowSet[] sides = [pair.First, pair.Second];
        _sums = [.. sides.Select(Sums)];
        _digests = [.. sides.Select(rows => PerQueryManifest.Digest(plan, "audit", RowDigest.Of(rows), new AccountId("audit"), new RequestId("audit")))];
        StateExact(_sums[0], _sums[1], 1, plan.Sensitivity);
    }

    private protected override void Release(bool second, ReadOnlySpan<byte> secret, Span<long> released)
    {
        var side = second ? 1 : 0;
        var noise = PerQueryNoise.Draw(_plan, Noise(ReleaseKey.Derive(secret, _digests[side])));
        for (var i = 0; i < noise.Length; i++)
            released[i] = checked(_sums[side][i] + noise[i]);
    }

    private long[] Sums(RowSet rows)
    {
        var sums = new long[_plan.Dimension];
        PerQuerySums.AddTo(sums, _plan, PerQueryRows.Prepare(_plan.Parameters, rows, clip: false));
        return sums;
    }

    /// <summary>Each query's, and that of all of them.</summary>
    private static IEnumerable<double[]> Directions(Matrix<double> queries)
    {
        for (var l = 0; l < queries.Rows; l++)
            yield return queries.Row(l).ToArray();
        yield return [.. Enumerable.Range(0, queries.Columns).Select(j => Enumerable.Range(0, queries.Rows).Sum(l => queries[l, j]))];
    }
}
