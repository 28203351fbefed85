using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DpAttn.Attention;

/// <summary>
/// The vector loops of per-query: exponents, weights and products of one panel of 32 rows. Lanes are rows, and every lane does the same IEEE operations in the same order
/// whatever the width, so a row's weight has the same bits on every machine; products are sums of exact integers, so their order does not matter.
/// </summary>
internal static class PerQueryPanels
{
    /// <summary>Rows per panel.</summary>
    public const int Rows = 32;

    /// <summary>Queries that one pass over a panel can take together.</summary>
    public const int MostTogether = 4;

    /// <summary>Doubles of an accumulator of one sum.</summary>
    public const int Lanes = 8;

    /// <summary>
    /// Relative error of a weight's exponential before it is rounded. The Taylor remainder of degree 11 on +-ln(2)/2 is at most 8.64e-15 relatively (39 ulp), at -ln(2)/2; the reduction and twelve
    /// roundings add a few ulp: together below 64 ulp = 2^-46.
    /// </summary>
    public const double ExpRelativeError = 64 * DeterministicMath.Ulp;

    // Far below half a step of any lattice: e^-64 is 2^-92.
    private const double LowestExponent = -64;

    // Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits.
    private const double RoundingShift = 6755399441055744.0;
    private const double Log2E = 1.44269504088896338700;
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;
    private const int Vectors = Rows / Lanes;

    /// <summary>exponents[row] = &lt;s, k_row&gt; for one query.</summary>
    public static void DotOne(ref float keys, int dimension, ref double query, ref double exponents)
    {
        Vector512<double> a0 = default, a1 = default, a2 = default, a3 = default;
        for (nuint j = 0, at = 0; j < (nuint)dimension; j++, at += Rows)
        {
            var s = Vector512.Create(Unsafe.Add(ref query, j));
            a0 += s * Load(ref keys, at);
            a1 += s * Load(ref keys, at + Lanes);
            a2 += s * Load(ref keys, at + 2 * Lanes);
            a3 += s * Load(ref keys, at + 3 * Lanes);
        }
        Store(ref exponents, a0, a1, a2, a3);
    }

    /// <summary>The same for four queries, whose s lie <paramref name="stride"/> doubles apart; their exponents follow each other.</summary>
    public static void DotFour(ref float keys, int dimension, ref double queries, nuint stride, ref double exponents)
    {
        Vector512<double>
            a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default,
            c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;
        for (nuint j = 0, at = 0; j < (nuint)dimension; j++, at += Rows)
        {
            Vector512<double> k0 = Load(ref keys, at), k1 = Load(ref keys, at + Lanes), k2 = Load(ref keys, at + 2 * Lanes), k3 = Load(ref keys, at + 3 * Lanes);
            var s = Vector512.Create(Unsafe.Add(ref queries, j));
            a0 += s * k0;
            a1 += s * k1;
            a2 += s * k2;
            a3 += s * k3;
            s = Vector512.Create(Unsafe.Add(ref queries, j + stride));
            b0 += s * k0;
            b1 += s * k1;
            b2 += s * k2;
            b3 += s * k3;
            s = Vector512.Create(Unsafe.Add(ref queries, j + 2 * stride));
            c0 += s * k0;
            c1 += s * k1;
            c2 += s * k2;
            c3 += s * k3;
            s = Vector512.Create(Unsafe.Add(ref queries, j + 3 * stride));
            d0 += s * k0;
            d1 += s * k1;
            d2 += s * k2;
            d3 += s * k3;
        }
        Store(ref exponents, a0, a1, a2, a3);
        Store(ref Unsafe.Add(ref exponents, Rows), b0, b1, b2, b3);
        Store(ref Unsafe.Add(ref exponents, 2 * Rows), c0, c1, c2, c3);
        Store(ref Unsafe.Add(ref exponents, 3 * Rows), d0, d1, d2, d3);
    }

    /// <summary>Replaces exponents by integer weights: min(round(2^b exp(x - bound)), 2^b).</summary>
    public static void Weigh(ref double exponents, double bound, int kernelExponent)
    {
        var maximum = Vector512.Create(bound);
        var largest = Vector512.Create((double)(1L << kernelExponent));
        var bias = Vector512.Create((long)(1023 + kernelExponent) << 52);
        for (nuint i = 0; i < Rows; i += Lanes)
            Vector512.MinNative(Vector512.Round(Exp(Vector512.LoadUnsafe(ref exponents, i) - maximum, bias)), largest).StoreUnsafe(ref exponents, i);
    }

    /// <summary>accumulators[c] += weights * values[c], lane by lane, for one query.</summary>
    public static void AddOne(ref float values, int columns, ref double weights, ref double accumulators)
    {
        Vector512<double>
            w0 = Vector512.LoadUnsafe(ref weights), w1 = Vector512.LoadUnsafe(ref weights, Lanes),
            w2 = Vector512.LoadUnsafe(ref weights, 2 * Lanes), w3 = Vector512.LoadUnsafe(ref weights, 3 * Lanes);
        for (nuint c = 0, at = 0, to = 0; c < (nuint)columns; c++, at += Rows, to += Lanes)
        {
            var sum = Vector512.LoadUnsafe(ref accumulators, to);
            sum = Vector512.MultiplyAddEstimate(w0, Load(ref values, at), sum);
            sum = Vector512.MultiplyAddEstimate(w1, Load(ref values, at + Lanes), sum);
            sum = Vector512.MultiplyAddEstimate(w2, Load(ref values, at + 2 * Lanes), sum);
            sum = Vector512.MultiplyAddEstimate(w3, Load(ref values, at + 3 * Lanes), sum);
            sum.StoreUnsafe(ref accumulators, to);
        }
    }

    /// <summary>The same for four queries: four weights a row, four accumulators a column, <paramref name="stride"/> doubles apart.</summary>
    public static void AddFour(ref float values, int columns, ref double weights, ref double accumulators, nuint stride)
    {
        for (nuint c = 0, at = 0, to = 0; c < (nuint)columns; c++, at += Rows, to += Lanes)
        {
            Vector512<double> u0 = Load(ref values, at), u1 = Load(ref values, at + Lanes), u2 = Load(ref values, at + 2 * Lanes), u3 = Load(ref values, at + 3 * Lanes);
            Add(ref weights, u0, u1, u2, u3, ref accumulators, to);
            Add(ref Unsafe.Add(ref weights, Rows), u0, u1, u2, u3, ref accumulators, to + stride);
            Add(ref Unsafe.Add(ref weights, 2 * Rows), u0, u1, u2, u3, ref accumulators, to + 2 * stride);
            Add(ref Unsafe.Add(ref weights, 3 * Rows), u0, u1, u2, u3, ref accumulators, to + 3 * stride);
        }
    }

    /// <summary>e^x for x at most about 0; whatever is below e^-64 counts as e^-64.</summary>
    internal static Vector512<double> Exp(Vector512<double> x) => Exp(x, Vector512.Create(1023L << 52));

    /// <summary>One weight, by the same operations as the lanes': for tests of its error.</summary>
    internal static double ExpScaled(double x, int kernelExponent) => Exp(Vector512.Create(x), Vector512.Create((long)(1023 + kernelExponent) << 52)).ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        ref double weights, Vector512<double> u0, Vector512<double> u1, Vector512<double> u2, Vector512<double> u3, ref double accumulators, nuint to)
    {
        var sum = Vector512.LoadUnsafe(ref accumulators, to);
        sum = Vector512.MultiplyAddEstimate(Vector512.LoadUnsafe(ref weights), u0, sum);
        sum = Vector512.MultiplyAddEstimate(Vector512.LoadUnsafe(ref weights, Lanes), u1, sum);
        sum = Vector512.MultiplyAddEstimate(Vector512.LoadUnsafe(ref weights, 2 * Lanes), u2, sum);
        sum = Vector512.MultiplyAddEstimate(Vector512.LoadUnsafe(ref weights, 3 * Lanes), u3, sum);
        sum.StoreUnsafe(ref accumulators, to);
    }

    /// <summary>2^b e^x for x at most about 0, b in the exponent's bias; whatever is below e^-64 counts as e^-64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Exp(Vector512<double> x, Vector512<long> bias)
    {
        x = Vector512.MaxNative(x, Vector512.Create(LowestExponent));
        var shifted = x * Vector512.Create(Log2E) + Vector512.Create(RoundingShift);
        var k = shifted - Vector512.Create(RoundingShift);
        var r = (x - k * Vector512.Create(Ln2High)) - k * Vector512.Create(Ln2Low);
        var p = Vector512.Create(1.0 / 39916800) * r + Vector512.Create(1.0 / 3628800);
        p = p * r + Vector512.Create(1.0 / 362880);
        p = p * r + Vector512.Create(1.0 / 40320);
        p = p * r + Vector512.Create(1.0 / 5040);
        p = p * r + Vector512.Create(1.0 / 720);
        p = p * r + Vector512.Create(1.0 / 120);
        p = p * r + Vector512.Create(1.0 / 24);
        p = p * r + Vector512.Create(1.0 / 6);
        p = p * r + Vector512.Create(1.0 / 2);
        p = p * r + Vector512.Create(1.0);
        p = p * r + Vector512.Create(1.0);
        // The integer k stands in the low bits of the shifted number: its low twelve are the exponent's.
        return p * ((shifted.AsInt64() << 52) + bias).AsDouble();
    }

    /// <summary>Eight floats as doubles, exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Load(ref float from, nuint at)
    {
        if (Avx512F.IsSupported)
            return Avx512F.ConvertToVector512Double(Vector256.LoadUnsafe(ref from, at));
        if (Avx.IsSupported)
        {
            return Vector512.Create(
                Avx.ConvertToVector256Double(Vector128.LoadUnsafe(ref from, at)), Avx.ConvertToVector256Double(Vector128.LoadUnsafe(ref from, at + Lanes / 2)));
        }
        var narrow = Vector256.LoadUnsafe(ref from, at);
        return Vector512.Create(Vector256.WidenLower(narrow), Vector256.WidenUpper(narrow));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ref double to, Vector512<double> v0, Vector512<double> v1, Vector512<double> v2, Vector512<double> v3)
    {
        v0.StoreUnsafe(ref to);
        v1.StoreUnsafe(ref to, Lanes);
        v2.StoreUnsafe(ref to, 2 * Lanes);
        v3.StoreUnsafe(ref to, 3 * Lanes);
    }
}
