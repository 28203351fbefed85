using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>What the library publishes, whatever the mechanism: the integers of every tier in one order.</summary>
internal static class Released
{
    /// <summary>All released integers of rows under a key, past the classes of the cluster.</summary>
    /// <remarks>Rows stand in slot order.</remarks>
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
        if (filled.Mechanism.Levels == SchemaFactory.AllLevels)
        {
            var tree = SchemaFactory.TreeParameters(filled);
            return OfTree(tree, [.. rows], tree.Calibrate(tiers, delta), key);
        }
        var moments = SchemaFactory.Parameters(filled);
        var total = MomentMatrix.Empty(moments);
        foreach (var (part, clip) in rows)
            total.Add(MomentAccumulator.Sum(moments, part, clip));
        return [.. MomentRelease.Publish(total, MomentRelease.Calibrate(moments, tiers, delta), key).Tiers.Select(tier => tier.Values)];
    }

    /// <summary>All nodes of every tier as they are stored, each page checked: in the order in which they are complete.</summary>
    public static async Task<List<long[]>> ReadTreeAsync(StoreId store, ReleaseDocument release, TreeModel model, ISegmentStore blobs)
    {
        var nodes = NodesOf(model.Tree, release.Blocks!.Value);
        var tiers = new List<long[]>();
        for (var tier = 0; tier < release.Nodes.Count; tier++)
        {
            var read = await new StoredTree(store, release, model, blobs).ReadAsync(tier, nodes);
            tiers.Add([.. nodes.SelectMany(node => read[node].Moments.Values)]);
        }
        return tiers;
    }

    /// <summary>The nodes of a finished tree in the order in which they are complete.</summary>
    public static long[] NodesOf(MomentTreeParameters tree, long blocks) =>
        [.. Enumerable.Range(0, (int)blocks).SelectMany(block => tree.NodesCompletedBy(block, block == blocks - 1))];

    private static List<long[]> OfTree(MomentTreeParameters tree, IReadOnlyList<(RowSet Rows, bool Clip)> rows, NoiseLadder ladder, ReleaseKey key)
    {
        long slots = rows.Sum(part => (long)part.Rows.Count), first = 0;
        var nodes = NodesOf(tree, tree.ExtentOf(slots).Blocks);
        if (rows.Count == 1)
        {
            var release = MomentTreeRelease.Publish(tree, rows[0].Rows, ladder, new KeyedNoise(key), rows[0].Clip);
            return [.. Enumerable.Range(0, ladder.TierCount).Select(release.Nodes).Select(tier => nodes.SelectMany(node => tier[node].Moments.Values).ToArray())];
        }
        var streams = new List<IEnumerable<MomentNode>>();
        foreach (var (part, clip) in rows)
        {
            streams.Add(MomentTreeSums.Of(tree, MomentTreeSums.Cut(tree, part, first), clip));
            first += part.Count;
        }
        var published = MomentTreeSums.Merge(tree, streams).Select(node => ReleasedNode.Publish(tree, node, ladder, key)).ToDictionary(node => node[0].Node);
        return [.. Enumerable.Range(0, ladder.TierCount).Select(tier => nodes.SelectMany(node => published[node][tier].Moments.Values).ToArray())];
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
        : filled.Mechanism.Levels == SchemaFactory.AllLevels
        ? (double)SchemaFactory.TreeParameters(filled).Sensitivity.Integer
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
