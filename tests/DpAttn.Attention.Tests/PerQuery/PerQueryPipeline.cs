using System.Numerics;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>
/// One per-query request from rows to noised integers as replaceable parts, so that a fault can be planted in one of them, and the checks that the product passes and every
/// fault must fail.
/// </summary>
internal sealed record PerQueryPipeline
{
    public required PerQueryPlan Plan { get; init; }

    /// <summary>Exact sums of rows, in the parts that shards hold.</summary>
    public required Func<RowSet[], long[]> Sum { get; init; }

    /// <summary>The integer sensitivity that the noise is calibrated to.</summary>
    public required BigInteger Sensitivity { get; init; }

    /// <summary>What a source of noise is wrapped in.</summary>
    public required Func<INoiseSource, INoiseSource> Noise { get; init; }

    /// <summary>The digest that a request's noise is bound to.</summary>
    public required Func<PerQueryPlan, string, byte[], AccountId, RequestId, byte[]> Manifest { get; init; }

    public static PerQueryPipeline Product(PerQueryPlan plan, bool clip = false) => new()
    {
        Plan = plan,
        Sum = parts =>
        {
            var sums = new long[plan.Dimension];
            foreach (var part in parts)
                PerQuerySums.AddTo(sums, plan, PerQueryRows.Prepare(plan.Parameters, part, clip));
            return sums;
        },
        Sensitivity = plan.Sensitivity,
        Noise = source => source,
        Manifest = (request, store, rows, account, id) => PerQueryManifest.Digest(request, store, rows, account, id),
    };

    /// <summary>Sums do not depend on how rows are cut into parts.</summary>
    public bool SumsAreTheSameForAnySplit(RowSet rows)
    {
        var whole = Sum([rows]);
        return new[] { 1, 3, 100 }.All(size => Sum([.. Enumerable.Range(0, (rows.Count + size - 1) / size)
            .Select(i => rows.Slice(i * size, Math.Min(size, rows.Count - i * size)))]).SequenceEqual(whole));
    }

    /// <summary>No neighbours of a search lie farther apart than the noise is calibrated to.</summary>
    public bool SensitivityIsNeverExceeded() => new PerQuerySensitivitySearch(Plan.Parameters.Schema, Plan.Queries, row => Sum([row]), 11)
        .Search(pairs: 2000, climbs: 3, steps: 200) <= (double)Sensitivity;

    /// <summary>One row, in bounds or not, contributes no more than the bounds allow.</summary>
    public bool ARowsContributionIsBounded(RowSet oneRow)
    {
        var gamma = Plan.Parameters.GammaSteps;
        var augmented = Math.Sqrt((double)gamma * gamma + Plan.Parameters.ValueNormSteps * Plan.Parameters.ValueNormSteps);
        return Math.Sqrt(Sum([oneRow]).Sum(x => (double)x * x)) <= augmented * Math.Sqrt(Plan.Queries.Rows) * (1L << Plan.Parameters.KernelExponent);
    }

    /// <summary>
    /// The integer augmented values of any two rows, of opposite values as long as they may be, do not point away from each other: what the sensitivity of a batch stands on.
    /// </summary>
    public bool NoTwoRowsPointAwayFromEachOther(double[] key, double[] value)
    {
        long[] sums = Sum([TestRows.OneRow(key, value)]), opposite = Sum([TestRows.OneRow(key, [.. value.Select(x => -x)])]);
        var columns = Plan.Parameters.Columns;
        return Enumerable.Range(0, columns).Aggregate(Int128.Zero, (total, c) => total + (Int128)sums[c] * opposite[c]) >= 0;
    }

    /// <summary>
    /// Mean square of noised minus exact over the variance, in every column, within 6 deviations of 1 (a two-sided false alarm of 2e-9 a column; secrets are fixed, so the
    /// outcome is too).
    /// </summary>
    public bool EveryColumnHasItsNoise(RowSet rows, int requests)
    {
        var exact = Sum([rows]);
        var squares = new double[exact.Length];
        for (var i = 0; i < requests; i++)
        {
            var noised = PerQueryRequests.Add(exact, PerQueryNoise.Draw(Plan, Noise(PerQueryRequests.Noise(i))));
            for (var k = 0; k < squares.Length; k++)
                squares[k] += Math.Pow(noised[k] - exact[k], 2);
        }
        return squares.All(sum => Math.Abs(sum / requests / (double)Plan.Variance.Value - 1) < 6 * Math.Sqrt(2.0 / requests));
    }

    /// <summary>Requests that differ in anything that their sums, or their charge, depend on have noise of their own. Two draws of a deviation above 2^24 and more coincide by chance with probability below 2^-50.</summary>
    public bool NoiseIsNeverUsedTwice(params PerQueryPlan[] others)
    {
        byte[] rows = new byte[32], otherRows = [.. Enumerable.Repeat((byte)1, 32)];
        AccountId account = new("a"), otherAccount = new("b");
        RequestId request = new("1"), otherRequest = new("2");
        var digests = new List<(PerQueryPlan, byte[])>
        {
            (Plan, Manifest(Plan, "store", rows, account, request)),
            (Plan, Manifest(Plan, "store2", rows, account, request)),
            (Plan, Manifest(Plan, "store", otherRows, account, request)),
            (Plan, Manifest(Plan, "store", rows, otherAccount, request)),
            (Plan, Manifest(Plan, "store", rows, account, otherRequest)),
        };
        digests.AddRange(others.Select(other => (other, Manifest(other, "store", rows, account, request))));
        var seen = new HashSet<(long, long)>();
        return digests.All(pair =>
        {
            var noise = PerQueryNoise.Draw(pair.Item1, Noise(new KeyedNoise(ReleaseKey.Derive(new byte[32], pair.Item2))));
            return seen.Add((noise[0], noise[1]));
        });
    }
}
