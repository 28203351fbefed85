using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using DpAttn.Attention;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>How near exact attention is to a pass that only sums the same bytes: 1,000,000 rows, d = dv = 64, one thread.</summary>
internal static class ExactRatio
{
    public static void Run()
    {
        const int Rows = 1_000_000;
        var keys = Data.UnitRows(Rows, 64, 1);
        var values = Data.UnitRows(Rows, 64, 2);
        var exact = new ExactAttention<float>(keys, values, 1);
        var query = Data.UnitRows(1, 64, 3).Data;
        var output = new double[64];
        var sink = 0f;
        var ratio = PairedRatio.Run(
            "sum of the same 512 MB", () => sink += Sum(keys.Data) + Sum(values.Data),
            "exact attention, one query", () => exact.Attend(query, output));
        Console.WriteLine($"  exact attention reaches {ratio:P0} of the summing pass (at least 60 % wanted); sink {sink:G3}");
    }

    /// <summary>A pass that does nothing but add: eight accumulators hide the latency of the addition.</summary>
    internal static float Sum(float[] data)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        var i = 0;
        for (; i + 128 <= data.Length; i += 128)
        {
            s0 += Vector512.LoadUnsafe(ref data[i]);
            s1 += Vector512.LoadUnsafe(ref data[i], 16);
            s2 += Vector512.LoadUnsafe(ref data[i], 32);
            s3 += Vector512.LoadUnsafe(ref data[i], 48);
            s4 += Vector512.LoadUnsafe(ref data[i], 64);
            s5 += Vector512.LoadUnsafe(ref data[i], 80);
            s6 += Vector512.LoadUnsafe(ref data[i], 96);
            s7 += Vector512.LoadUnsafe(ref data[i], 112);
        }
        return Vector512.Sum(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7) + TensorPrimitives.Sum<float>(data.AsSpan(i));
    }
}
