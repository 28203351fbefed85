using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The digest that binds a release's noise to everything it may meet: schema, degree, alpha, grid, copies, the integer weights of the parts, ladder, sampler version and the rows.
/// </summary>
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
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, "dpattn distance-tree manifest of frozen rows 1", parameters, ladder, slots);
        AppendField(hash, rows);
        return hash.GetHashAndReset();
    }

    /// <summary>
    /// The digest of a release in one process, over the exact sums themselves. It is as secret as the release key and never leaves the process.
    /// </summary>
    internal static byte[] Digest(DistanceTreeSums exact, NoiseLadder ladder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, "dpattn distance-tree manifest 1", exact.Parameters, ladder, exact.Slots);
        if (BitConverter.IsLittleEndian)
        {
            AppendField(hash, MemoryMarshal.AsBytes(exact.Numbers.AsSpan()));
        }
        else
        {
            var swapped = new long[exact.Numbers.Length];
            BinaryPrimitives.ReverseEndianness(exact.Numbers, swapped);
            AppendField(hash, MemoryMarshal.AsBytes(swapped.AsSpan()));
        }
        return hash.GetHashAndReset();
    }

    private static void Append(IncrementalHash hash, string domain, DistanceTreeParameters parameters, NoiseLadder ladder, long slots)
    {
        var schema = parameters.Schema;
        Append(hash, domain);
        AppendRegion(hash, schema.Keys);
        AppendRegion(hash, schema.Queries);
        Append(hash, schema.Values.IsBox ? 1 : 0);
        Append(hash, schema.Values.Stated);
        Append(hash, schema.ValueDimension);
        Append(hash, schema.Scale);
        Append(hash, (int)schema.Adjacency);
        Append(hash, schema.Capacity);
        Append(hash, parameters.Degree);
        Append(hash, parameters.Alpha);
        Append(hash, parameters.GridCells);
        Append(hash, parameters.Copies);
        Append(hash, parameters.ValueExponent);
        Append(hash, parameters.GammaSteps);
        Append(hash, parameters.Scales.Unit);
        Append(hash, parameters.Scales.Count);
        Append(hash, parameters.Scales.SquareSteps);
        for (var a = 1; a < parameters.Features; a++)
        {
            Append(hash, parameters.Grids[a].Spacing);
            Append(hash, parameters.Grids[a].LowStep);
            Append(hash, parameters.Grids[a].HighStep);
            for (var level = 1; level < parameters.Grids[a].Shape.Levels && !parameters.IsExact; level++)
                Append(hash, parameters.Scales.Node(a, level));
        }
        Append(hash, ladder.Sensitivity.ToString());
        Append(hash, ladder.Tiers.Count);
        foreach (var tier in ladder.Tiers)
            Append(hash, tier.Variance.ToString());
        Append(hash, KeyedNoise.SamplerVersion);
        Append(hash, slots);
    }

    private static void AppendRegion(IncrementalHash hash, Region region)
    {
        Append(hash, region.IsBox ? 1 : 0);
        Append(hash, region.Dimension);
        foreach (var x in region.IsBox ? region.Low : region.Centre)
            Append(hash, x);
        foreach (var x in region.High)
            Append(hash, x);
        Append(hash, region.BoundingRadius);
    }

    private static void Append(IncrementalHash hash, double value) => Append(hash, BitConverter.DoubleToInt64Bits(value));

    private static void Append(IncrementalHash hash, string value) => AppendField(hash, Encoding.UTF8.GetBytes(value));

    private static void Append(IncrementalHash hash, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        AppendField(hash, bytes);
    }

    // Every field carries its length: no two manifests share an encoding.
    private static void AppendField(IncrementalHash hash, ReadOnlySpan<byte> field)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, field.Length);
        hash.AppendData(length);
        hash.AppendData(field);
    }
}
