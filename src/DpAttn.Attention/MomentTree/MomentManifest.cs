using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The digest that binds a release's noise to everything it may meet: schema, kernel, lattice, ladder, arithmetic and sampler version and the rows.
/// </summary>
/// <remarks>The version of the arithmetic (<see cref="MomentAccumulator.ArithmeticVersion"/>) is the number that ends the domain's text.</remarks>
public static class MomentManifest
{
    /// <summary>The digest of a release whose rows are named by what was frozen of them, such as a manifest of segments.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="ladder">The ladder.</param>
    /// <param name="slots">Slots in the release.</param>
    /// <param name="rows">A collision-resistant digest of the frozen rows.</param>
    public static byte[] Digest(MomentParameters parameters, NoiseLadder ladder, long slots, ReadOnlySpan<byte> rows)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(ladder);
        using var hash = new CanonicalHash($"dpattn moment manifest of frozen rows {MomentAccumulator.ArithmeticVersion}");
        Append(hash, parameters, ladder);
        hash.Append(slots);
        hash.Append(rows);
        return hash.Finish();
    }

    /// <summary>
    /// The digest of a tree whose nodes are released together. Which rows lie in which block follows from it: slots fill blocks in their order.
    /// </summary>
    /// <param name="tree">The tree's parameters.</param>
    /// <param name="ladder">The ladder.</param>
    /// <param name="slots">Slots in the release.</param>
    /// <param name="rows">A collision-resistant digest of the frozen rows in slot order.</param>
    public static byte[] Digest(MomentTreeParameters tree, NoiseLadder ladder, long slots, ReadOnlySpan<byte> rows)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(ladder);
        using var hash = new CanonicalHash($"dpattn moment tree manifest of frozen rows {MomentAccumulator.ArithmeticVersion}");
        Append(hash, tree, ladder);
        hash.Append(slots);
        hash.Append(rows);
        return hash.Finish();
    }

    internal static void Append(CanonicalHash hash, MomentTreeParameters tree, NoiseLadder ladder)
    {
        Append(hash, tree.Moments, ladder);
        hash.Append(tree.BlockRows);
        hash.Append(tree.Tree.Depth);
        hash.Append(tree.IsContinual ? 1 : 0);
        hash.Append((int)tree.Slots);
    }

    /// <summary>
    /// The digest of a release in one process, over the exact sums themselves. It is as secret as the release key and never leaves the process.
    /// </summary>
    internal static byte[] Digest(MomentMatrix exact, NoiseLadder ladder)
    {
        using var hash = new CanonicalHash($"dpattn moment manifest {MomentAccumulator.ArithmeticVersion}");
        Append(hash, exact.Parameters, ladder);
        hash.Append(exact.Slots);
        hash.Append(exact.Sums);
        return hash.Finish();
    }

    private static void Append(CanonicalHash hash, MomentParameters parameters, NoiseLadder ladder)
    {
        hash.Append(parameters.Schema);
        hash.Append(parameters.Kernel.Degree);
        foreach (var c in parameters.Kernel.Coefficients)
            hash.Append(c);
        hash.Append(parameters.FeatureExponent);
        hash.Append(parameters.ValueExponent);
        hash.Append(parameters.GammaSteps);
        hash.Append(ladder);
        hash.Append(KeyedNoise.SamplerVersion);
    }
}
