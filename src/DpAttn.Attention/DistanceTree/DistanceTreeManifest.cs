using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The digest that binds a release's noise to everything it may meet: schema, degree, alpha, grid, copies, the integer weights of the parts, ladder, versions of arithmetic, addresses and
/// sampler, and the rows.
/// </summary>
/// <remarks>The version of the arithmetic (<see cref="DistanceTreeSums.ArithmeticVersion"/>) is the number that ends the domain's text.</remarks>
public static class DistanceTreeManifest
{
    /// <summary>The digest of a release whose rows are named by what was frozen of them, such as a manifest of segments.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="ladder">The ladder.</param>
    /// <param name="slots">Slots in the release.</param>
    /// <param name="rows">A collision-resistant digest of the frozen rows.</param>
    public static byte[] Digest(DistanceTreeParameters parameters, NoiseLadder ladder, long slots, ReadOnlySpan<byte> rows)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(ladder);
        using var hash = new CanonicalHash($"dpattn distance-tree manifest of frozen rows {DistanceTreeSums.ArithmeticVersion}");
        Append(hash, parameters, ladder, slots);
        hash.Append(rows);
        return hash.Finish();
    }

    /// <summary>
    /// The digest of a release in one process, over the exact sums themselves. It is as secret as the release key and never leaves the process.
    /// </summary>
    internal static byte[] Digest(DistanceTreeSums exact, NoiseLadder ladder)
    {
        using var hash = new CanonicalHash($"dpattn distance-tree manifest {DistanceTreeSums.ArithmeticVersion}");
        Append(hash, exact.Parameters, ladder, exact.Slots);
        hash.Append(exact.Numbers);
        return hash.Finish();
    }

    private static void Append(CanonicalHash hash, DistanceTreeParameters parameters, NoiseLadder ladder, long slots)
    {
        hash.Append(parameters.Schema);
        AppendEdges(hash, parameters.Schema.Keys);
        AppendEdges(hash, parameters.Schema.Queries);
        hash.Append(parameters.Degree);
        hash.Append(parameters.Alpha);
        hash.Append(parameters.GridCells);
        hash.Append(parameters.Copies);
        hash.Append(parameters.ValueExponent);
        hash.Append(parameters.GammaSteps);
        hash.Append(parameters.Scales.Unit);
        hash.Append(parameters.Scales.Count);
        hash.Append(parameters.Scales.SquareSteps);
        for (var a = 1; a < parameters.Features; a++)
        {
            hash.Append(parameters.Grids[a].Spacing);
            hash.Append(parameters.Grids[a].LowStep);
            hash.Append(parameters.Grids[a].HighStep);
            for (var level = 1; level < parameters.Grids[a].Shape.Levels && !parameters.IsExact; level++)
                hash.Append(parameters.Scales.Node(a, level));
        }
        hash.Append(ladder);
        hash.Append(KeyedNoise.SamplerVersion);
        hash.Append(DistanceTreeNoise.AddressScheme);
        hash.Append(slots);
    }

    // Features are expanded from the uncentred key and clamped at the stated edges: two boxes may share centre and half widths and differ in an edge's last bit.
    private static void AppendEdges(CanonicalHash hash, Region region)
    {
        hash.Append(region.Low.Length);
        foreach (var x in region.Low)
            hash.Append(x);
        foreach (var x in region.High)
            hash.Append(x);
    }
}
