using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DpAttn.Attention;

/// <summary>
/// The vector loops under <see cref="MomentAccumulator"/>, for 512-bit, 256-bit and no vectors. Expansion multiplies and rounds element
/// by element, so its values do not depend on the width; products are sums of exact integers, so their order does not matter.
/// </summary>
internal static class MomentProducts
{
    /// <summary>Strips are a multiple of this many rows: one 512-bit vector.</summary>
    public const int RowMultiple = 8;

    private const int TileFeatures = 3;
    private const int TileColumns = 8;

    /// <summary>Columns are padded with zero strips to whole tiles where a partial tile is at least three wide; narrower rests go one by one.</summary>
    public static int PadColumns(int columns)
    {
        var rest = columns % TileColumns;
        return rest >= TileFeatures ? columns - rest + TileColumns : columns;
    }

    /// <summary>product = left * right, element by element.</summary>
    public static void Multiply(ReadOnlySpan<double> left, ReadOnlySpan<double> right, Span<double> product)
    {
        if (Vector256.IsHardwareAccelerated)
        {
            ref double l = ref MemoryMarshal.GetReference(left), r = ref MemoryMarshal.GetReference(right), p = ref MemoryMarshal.GetReference(product);
            for (var i = 0; i < product.Length; i += Vector256<double>.Count)
                (Vector256.LoadUnsafe(ref l, (nuint)i) * Vector256.LoadUnsafe(ref r, (nuint)i)).StoreUnsafe(ref p, (nuint)i);
            return;
        }
        for (var i = 0; i < product.Length; i++)
            product[i] = left[i] * right[i];
    }

    /// <summary>result = round(values * factor) and the sum of the results.</summary>
    public static double ScaleAndRound(ReadOnlySpan<double> values, double factor, Span<double> result)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            var sum = Vector512<double>.Zero;
            var scale = Vector512.Create(factor);
            ref double v = ref MemoryMarshal.GetReference(values), r = ref MemoryMarshal.GetReference(result);
            for (var i = 0; i < result.Length; i += Vector512<double>.Count)
            {
                var rounded = Vector512.Round(Vector512.LoadUnsafe(ref v, (nuint)i) * scale);
                rounded.StoreUnsafe(ref r, (nuint)i);
                sum += rounded;
            }
            return Vector512.Sum(sum);
        }
        if (Vector256.IsHardwareAccelerated)
        {
            var sum = Vector256<double>.Zero;
            var scale = Vector256.Create(factor);
            ref double v = ref MemoryMarshal.GetReference(values), r = ref MemoryMarshal.GetReference(result);
            for (var i = 0; i < result.Length; i += Vector256<double>.Count)
            {
                var rounded = Vector256.Round(Vector256.LoadUnsafe(ref v, (nuint)i) * scale);
                rounded.StoreUnsafe(ref r, (nuint)i);
                sum += rounded;
            }
            return Vector256.Sum(sum);
        }
        var total = 0.0;
        for (var i = 0; i < result.Length; i++)
            total += result[i] = Math.Round(values[i] * factor);
        return total;
    }

    /// <summary>result = round((left * right) * factor) and the sum of the results.</summary>
    public static double MultiplyScaleAndRound(ReadOnlySpan<double> left, ReadOnlySpan<double> right, double factor, Span<double> result)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            var sum = Vector512<double>.Zero;
            var scale = Vector512.Create(factor);
            ref double a = ref MemoryMarshal.GetReference(left), b = ref MemoryMarshal.GetReference(right), r = ref MemoryMarshal.GetReference(result);
            for (var i = 0; i < result.Length; i += Vector512<double>.Count)
            {
                var product = Vector512.LoadUnsafe(ref a, (nuint)i) * Vector512.LoadUnsafe(ref b, (nuint)i);
                var rounded = Vector512.Round(product * scale);
                rounded.StoreUnsafe(ref r, (nuint)i);
                sum += rounded;
            }
            return Vector512.Sum(sum);
        }
        if (Vector256.IsHardwareAccelerated)
        {
            var sum = Vector256<double>.Zero;
            var scale = Vector256.Create(factor);
            ref double a = ref MemoryMarshal.GetReference(left), b = ref MemoryMarshal.GetReference(right), r = ref MemoryMarshal.GetReference(result);
            for (var i = 0; i < result.Length; i += Vector256<double>.Count)
            {
                var product = Vector256.LoadUnsafe(ref a, (nuint)i) * Vector256.LoadUnsafe(ref b, (nuint)i);
                var rounded = Vector256.Round(product * scale);
                rounded.StoreUnsafe(ref r, (nuint)i);
                sum += rounded;
            }
            return Vector256.Sum(sum);
        }
        var total = 0.0;
        for (var i = 0; i < result.Length; i++)
            total += result[i] = Math.Round(left[i] * right[i] * factor);
        return total;
    }

    /// <summary>
    /// sums[f, 1 + c] += sum over rows of features[f, row] values[c, row], for strips of <paramref name="stride"/> doubles.
    /// </summary>
    /// <param name="features">Feature strips; whole tiles of three are read, so the array has room for a multiple of three.</param>
    /// <param name="featureCount">Features to add.</param>
    /// <param name="values">Value strips, padded as <see cref="PadColumns"/> says.</param>
    /// <param name="columnCount">Value columns to add.</param>
    /// <param name="rows">Rows, a multiple of eight.</param>
    /// <param name="stride">Doubles from strip to strip.</param>
    /// <param name="sums">The first feature's row of sums.</param>
    /// <param name="sumStride">Sums per feature; column 0 is left alone.</param>
    public static void Add(double[] features, int featureCount, double[] values, int columnCount, int rows, int stride, Span<long> sums, int sumStride)
    {
        Span<long> tile = stackalloc long[TileFeatures * TileColumns];
        var padded = PadColumns(columnCount);
        for (var c = 0; c < padded;)
        {
            var wide = c + TileColumns <= padded;
            for (var f = 0; f < featureCount; f += TileFeatures)
            {
                ref var z = ref features[f * stride];
                ref var u = ref values[c * stride];
                if (!Vector256.IsHardwareAccelerated)
                    TilePortable(ref z, ref u, rows, stride, wide ? TileColumns : 1, tile);
                else if (!wide)
                    TileOneColumn(ref z, ref u, rows, stride, tile);
                else if (Vector512.IsHardwareAccelerated)
                    Tile512(ref z, ref u, rows, stride, tile);
                else
                    Tile256(ref z, ref u, rows, stride, tile);

                var columns = Math.Min(wide ? TileColumns : 1, columnCount - c);
                for (var i = 0; i < Math.Min(TileFeatures, featureCount - f); i++)
                {
                    var target = sums.Slice((f + i) * sumStride + 1 + c, columns);
                    for (var j = 0; j < columns; j++)
                        target[j] += tile[i * TileColumns + j];
                }
            }
            c += wide ? TileColumns : 1;
        }
    }

    private static void Tile512(ref double z, ref double u, int rows, int stride, Span<long> tile)
    {
        Vector512<double>
            a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default,
            b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default,
            c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        var s = (nuint)stride;
        for (nuint i = 0; i < (nuint)rows; i += (nuint)Vector512<double>.Count)
        {
            var za = Vector512.LoadUnsafe(ref z, i);
            var zb = Vector512.LoadUnsafe(ref z, i + s);
            var zc = Vector512.LoadUnsafe(ref z, i + 2 * s);
            var v = Vector512.LoadUnsafe(ref u, i);
            a0 = Vector512.FusedMultiplyAdd(za, v, a0);
            b0 = Vector512.FusedMultiplyAdd(zb, v, b0);
            c0 = Vector512.FusedMultiplyAdd(zc, v, c0);
            v = Vector512.LoadUnsafe(ref u, i + s);
            a1 = Vector512.FusedMultiplyAdd(za, v, a1);
            b1 = Vector512.FusedMultiplyAdd(zb, v, b1);
            c1 = Vector512.FusedMultiplyAdd(zc, v, c1);
            v = Vector512.LoadUnsafe(ref u, i + 2 * s);
            a2 = Vector512.FusedMultiplyAdd(za, v, a2);
            b2 = Vector512.FusedMultiplyAdd(zb, v, b2);
            c2 = Vector512.FusedMultiplyAdd(zc, v, c2);
            v = Vector512.LoadUnsafe(ref u, i + 3 * s);
            a3 = Vector512.FusedMultiplyAdd(za, v, a3);
            b3 = Vector512.FusedMultiplyAdd(zb, v, b3);
            c3 = Vector512.FusedMultiplyAdd(zc, v, c3);
            v = Vector512.LoadUnsafe(ref u, i + 4 * s);
            a4 = Vector512.FusedMultiplyAdd(za, v, a4);
            b4 = Vector512.FusedMultiplyAdd(zb, v, b4);
            c4 = Vector512.FusedMultiplyAdd(zc, v, c4);
            v = Vector512.LoadUnsafe(ref u, i + 5 * s);
            a5 = Vector512.FusedMultiplyAdd(za, v, a5);
            b5 = Vector512.FusedMultiplyAdd(zb, v, b5);
            c5 = Vector512.FusedMultiplyAdd(zc, v, c5);
            v = Vector512.LoadUnsafe(ref u, i + 6 * s);
            a6 = Vector512.FusedMultiplyAdd(za, v, a6);
            b6 = Vector512.FusedMultiplyAdd(zb, v, b6);
            c6 = Vector512.FusedMultiplyAdd(zc, v, c6);
            v = Vector512.LoadUnsafe(ref u, i + 7 * s);
            a7 = Vector512.FusedMultiplyAdd(za, v, a7);
            b7 = Vector512.FusedMultiplyAdd(zb, v, b7);
            c7 = Vector512.FusedMultiplyAdd(zc, v, c7);
        }
        StoreRow(tile, a0, a1, a2, a3, a4, a5, a6, a7);
        StoreRow(tile[TileColumns..], b0, b1, b2, b3, b4, b5, b6, b7);
        StoreRow(tile[(2 * TileColumns)..], c0, c1, c2, c3, c4, c5, c6, c7);
    }

    private static void StoreRow(
        Span<long> to,
        Vector512<double> v0, Vector512<double> v1, Vector512<double> v2, Vector512<double> v3,
        Vector512<double> v4, Vector512<double> v5, Vector512<double> v6, Vector512<double> v7)
    {
        to[7] = (long)Vector512.Sum(v7);
        to[6] = (long)Vector512.Sum(v6);
        to[5] = (long)Vector512.Sum(v5);
        to[4] = (long)Vector512.Sum(v4);
        to[3] = (long)Vector512.Sum(v3);
        to[2] = (long)Vector512.Sum(v2);
        to[1] = (long)Vector512.Sum(v1);
        to[0] = (long)Vector512.Sum(v0);
    }

    /// <summary>Sixteen registers hold three features by four columns; two such halves make a tile.</summary>
    private static void Tile256(ref double z, ref double u, int rows, int stride, Span<long> tile)
    {
        var s = (nuint)stride;
        for (var half = 0; half < 2; half++)
        {
            Vector256<double>
                a0 = default, a1 = default, a2 = default, a3 = default,
                b0 = default, b1 = default, b2 = default, b3 = default,
                c0 = default, c1 = default, c2 = default, c3 = default;
            ref var w = ref Unsafe.Add(ref u, 4 * half * stride);
            for (nuint i = 0; i < (nuint)rows; i += (nuint)Vector256<double>.Count)
            {
                var za = Vector256.LoadUnsafe(ref z, i);
                var zb = Vector256.LoadUnsafe(ref z, i + s);
                var zc = Vector256.LoadUnsafe(ref z, i + 2 * s);
                var v = Vector256.LoadUnsafe(ref w, i);
                a0 = Vector256.MultiplyAddEstimate(za, v, a0);
                b0 = Vector256.MultiplyAddEstimate(zb, v, b0);
                c0 = Vector256.MultiplyAddEstimate(zc, v, c0);
                v = Vector256.LoadUnsafe(ref w, i + s);
                a1 = Vector256.MultiplyAddEstimate(za, v, a1);
                b1 = Vector256.MultiplyAddEstimate(zb, v, b1);
                c1 = Vector256.MultiplyAddEstimate(zc, v, c1);
                v = Vector256.LoadUnsafe(ref w, i + 2 * s);
                a2 = Vector256.MultiplyAddEstimate(za, v, a2);
                b2 = Vector256.MultiplyAddEstimate(zb, v, b2);
                c2 = Vector256.MultiplyAddEstimate(zc, v, c2);
                v = Vector256.LoadUnsafe(ref w, i + 3 * s);
                a3 = Vector256.MultiplyAddEstimate(za, v, a3);
                b3 = Vector256.MultiplyAddEstimate(zb, v, b3);
                c3 = Vector256.MultiplyAddEstimate(zc, v, c3);
            }
            StoreHalf(tile[(4 * half)..], a0, a1, a2, a3);
            StoreHalf(tile[(TileColumns + 4 * half)..], b0, b1, b2, b3);
            StoreHalf(tile[(2 * TileColumns + 4 * half)..], c0, c1, c2, c3);
        }
    }

    private static void StoreHalf(Span<long> to, Vector256<double> v0, Vector256<double> v1, Vector256<double> v2, Vector256<double> v3)
    {
        to[3] = (long)Vector256.Sum(v3);
        to[2] = (long)Vector256.Sum(v2);
        to[1] = (long)Vector256.Sum(v1);
        to[0] = (long)Vector256.Sum(v0);
    }

    private static void TileOneColumn(ref double z, ref double u, int rows, int stride, Span<long> tile)
    {
        Vector256<double> a = default, b = default, c = default;
        var s = (nuint)stride;
        for (nuint i = 0; i < (nuint)rows; i += (nuint)Vector256<double>.Count)
        {
            var v = Vector256.LoadUnsafe(ref u, i);
            a = Vector256.MultiplyAddEstimate(Vector256.LoadUnsafe(ref z, i), v, a);
            b = Vector256.MultiplyAddEstimate(Vector256.LoadUnsafe(ref z, i + s), v, b);
            c = Vector256.MultiplyAddEstimate(Vector256.LoadUnsafe(ref z, i + 2 * s), v, c);
        }
        tile[0] = (long)Vector256.Sum(a);
        tile[TileColumns] = (long)Vector256.Sum(b);
        tile[2 * TileColumns] = (long)Vector256.Sum(c);
    }

    private static void TilePortable(ref double z, ref double u, int rows, int stride, int columns, Span<long> tile)
    {
        for (var f = 0; f < TileFeatures; f++)
        {
            for (var c = 0; c < columns; c++)
            {
                var sum = 0.0;
                for (var i = 0; i < rows; i++)
                    sum += Unsafe.Add(ref z, f * stride + i) * Unsafe.Add(ref u, c * stride + i);
                tile[f * TileColumns + c] = (long)sum;
            }
        }
    }
}
