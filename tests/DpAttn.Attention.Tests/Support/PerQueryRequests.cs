using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>Per-query requests on made rows. Secrets are fixed, so a statistical test has one outcome for ever.</summary>
internal static class PerQueryRequests
{
    public static Matrix<double> Queries(StoreSchema schema, int count, int seed = 5)
    {
        var random = new Random(seed);
        var queries = new Matrix<double>(count, schema.KeyDimension);
        for (var i = 0; i < count; i++)
            TestRows.PointIn(schema.Queries, random).CopyTo(queries.Row(i));
        return queries;
    }

    public static Matrix<double> OneQuery(params double[] query) => new(1, query.Length, query);

    public static PerQueryPlan Plan(StoreSchema schema, Matrix<double> queries, double epsilon = 1, bool clip = false) =>
        PerQueryPlan.Create(PerQueryParameters.Create(schema), queries, clip, new Epsilon(epsilon), TestRows.Delta);

    /// <summary>Exact sums of rows in parts, as shards give them.</summary>
    public static long[] Sums(PerQueryPlan plan, params RowSet[] parts)
    {
        var sums = new long[plan.Dimension];
        foreach (var part in parts)
            PerQuerySums.AddTo(sums, plan, PerQueryRows.Prepare(plan.Parameters, part, clip: false));
        return sums;
    }

    public static long[] Add(ReadOnlySpan<long> sums, long[] noise)
    {
        var noised = (long[])noise.Clone();
        for (var i = 0; i < noised.Length; i++)
            noised[i] = checked(noised[i] + sums[i]);
        return noised;
    }

    /// <summary>n where it is public.</summary>
    public static long? PublicRows(PerQueryPlan plan, long rows) => plan.Parameters.Schema.Adjacency == Adjacency.ReplaceOne ? rows : null;

    public static AttentionAnswer[] NoiseFree(PerQueryPlan plan, RowSet rows) =>
        PerQueryAnswerer.Answer(plan, Sums(plan, rows), PublicRows(plan, rows.Count), sigmaSteps: 0);

    public static KeyedNoise Noise(int number) => new(ReleaseKey.Derive(SHA256.HashData(BitConverter.GetBytes(number)), new byte[32]));
}
