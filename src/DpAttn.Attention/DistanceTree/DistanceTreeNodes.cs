using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The exact sums of every part: those of some rows, and the nodes above the grid's points. Init of the trees is O(m) additions of vectors per feature, whatever the rows. Private like
/// the sums themselves.
/// </summary>
public sealed class DistanceTreeNodes
{
    private readonly long[] _numbers;
    private readonly TreeSums[] _trees;

    private DistanceTreeNodes(DistanceTreeParameters parameters, long[] numbers, TreeSums[] trees, long slots) =>
        (Parameters, _numbers, _trees, Slots) = (parameters, numbers, trees, slots);

    /// <summary>The parameters of the sums.</summary>
    public DistanceTreeParameters Parameters { get; }

    /// <summary>The slots that were summed.</summary>
    public long Slots { get; }

    /// <summary>The nodes over sums; sums that are added to later do not change them.</summary>
    public static DistanceTreeNodes Over(DistanceTreeSums sums)
    {
        ArgumentNullException.ThrowIfNull(sums);
        var parameters = sums.Parameters;
        var start = (int)DistanceTreeSums.LeafStart(parameters);
        if (parameters.IsExact)
            return new DistanceTreeNodes(parameters, [.. sums.Numbers], [], sums.Slots);
        var trees = new TreeSums[parameters.Features];
        var perFeature = parameters.GridCells * parameters.Columns;
        for (var a = 1; a < trees.Length; a++)
            trees[a] = TreeSums.Over(parameters.Grids[a].Shape, parameters.Columns, sums.Numbers.AsSpan(start + (a - 1) * perFeature, perFeature));
        return new DistanceTreeNodes(parameters, sums.Numbers[..start], trees, sums.Slots);
    }

    /// <summary>The exact sums of some parts, one vector of dv + 1 columns after another: what a shard answers.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such part.</exception>
    internal long[] Read(ReadOnlySpan<long> parts)
    {
        var columns = Parameters.Columns;
        var sums = new long[checked(parts.Length * columns)];
        for (var i = 0; i < parts.Length; i++)
            Read(parts[i], sums.AsSpan(i * columns, columns));
        return sums;
    }

    internal void Read(long part, Span<long> destination)
    {
        var columns = Parameters.Columns;
        if (part == DistanceTreeParameters.CountPart || (part == DistanceTreeParameters.SquarePart && !Parameters.IsExact))
        {
            _numbers.AsSpan((int)part * columns, columns).CopyTo(destination);
            return;
        }
        var (feature, node) = Parameters.FeatureOf(part);
        if (Parameters.IsExact)
            _numbers.AsSpan(feature * columns, columns).CopyTo(destination);
        else
            _trees[feature].Read(node, destination);
    }
}
