using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>What the library publishes, whatever the mechanism: the integers of every tier in one order.</summary>
internal static class Released
{
    /// <summary>All released integers of rows under a key, past the classes of the cluster.</summary>
    public static List<long[]> Of(StoreDefinition definition, IEnumerable<(RowSet Rows, bool Clip)> rows, IReadOnlyList<double> ladder, ReleaseKey key)
    {
        var filled = SchemaFactory.Resolve(definition);
        Epsilon[] tiers = [.. ladder.Select(Epsilon.Budget)];
        var delta = new Delta(definition.Delta);
        if (filled.Mechanism.Name == DistanceTreeRelease.Mechanism)
        {
            var parameters = SchemaFactory.DistanceParameters(filled);
            var sums = DistanceTreeSums.Empty(parameters);
            foreach (var (part, clip) in rows)
                sums.Add(DistanceTreeSums.Sum(parameters, part, clip));
            return [.. DistanceTreeRelease.Publish(sums, DistanceTreeRelease.Calibrate(parameters, tiers, delta), key).Tiers.Select(ReadAll)];
        }
        var moments = SchemaFactory.Parameters(filled);
        var total = MomentMatrix.Empty(moments);
        foreach (var (part, clip) in rows)
            total.Add(MomentAccumulator.Sum(moments, part, clip));
        return [.. MomentRelease.Publish(total, MomentRelease.Calibrate(moments, tiers, delta), key).Tiers.Select(tier => tier.Values)];
    }

    /// <summary>Every published part.</summary>
    public static long[] PartsOf(DistanceTreeParameters parameters)
    {
        var parts = new List<long> { 0 };
        if (parameters.IsExact)
            return [.. parts, .. Enumerable.Range(1, parameters.Features - 1).Select(a => (long)a)];
        parts.Add(1);
        for (var a = 1; a < parameters.Features; a++)
            parts.AddRange(Enumerable.Range(2, 2 * parameters.GridCells - 2).Select(node => 2L * parameters.GridCells * a + node));
        Assert.Equal(parameters.PartCount, parts.Count);
        return [.. parts];
    }

    /// <summary>The declared sensitivity, in lattice steps.</summary>
    public static double SensitivityOf(StoreDefinition filled) => filled.Mechanism.Name == DistanceTreeRelease.Mechanism
        ? (double)SchemaFactory.DistanceParameters(filled).Sensitivity.Integer
        : (double)SchemaFactory.Parameters(filled).Sensitivity.Integer;

    /// <summary>The integers of every part of a tier.</summary>
    public static long[] ReadAll(ReleasedDistanceTree tier)
    {
        var parts = PartsOf(tier.Parameters);
        var width = tier.Parameters.Columns * tier.Parameters.Copies;
        var all = new long[parts.Length * width];
        for (var i = 0; i < parts.Length; i++)
            tier.Read(parts[i], all.AsSpan(i * width, width));
        return all;
    }
}
