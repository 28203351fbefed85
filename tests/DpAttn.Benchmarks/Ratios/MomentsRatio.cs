using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.InteropServices;
using DpAttn.Attention;
using MathNet.Numerics;
using DenseMatrix = MathNet.Numerics.LinearAlgebra.Double.DenseMatrix;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>
/// Moment accumulation (checks, feature expansion, rounding and exact products together) at 16,384 rows, 2,145 features and 65 columns,
/// against a bare double-precision product of the same shape: OpenBLAS, where it is installed, and MathNet's managed one. One thread each.
/// </summary>
internal static partial class MomentsRatio
{
    private const int Rows = 16_384;
    private const int Features = 2_145;
    private const int Columns = 65;

    public static void Run()
    {
        var keys = Data.UnitRows(Rows, 64, 1);
        var values = Data.UnitRows(Rows, Columns - 1, 2);
        var rows = RowSet.Create(keys, values);
        var parameters = Data.UnitBallParameters(Rows, 64, Columns - 1, degree: 2);
        if (parameters.Features != Features)
            throw new InvalidOperationException("the shape changed");
        void Accumulate() => MomentAccumulator.Sum(parameters, rows);

        var random = new Random(3);
        var z = Enumerable.Range(0, Rows * Features).Select(_ => random.NextDouble()).ToArray();
        var u = Enumerable.Range(0, Rows * Columns).Select(_ => random.NextDouble()).ToArray();
        var c = new double[Features * Columns];
        if (TryOpenBlas(out var dgemm))
        {
            var ratio = PairedRatio.Run("OpenBLAS dgemm, one thread", () => dgemm(z, u, c), "exact moments, one thread", Accumulate, pairs: 9);
            Console.WriteLine($"  exact moments reach {ratio:P0} of OpenBLAS's rate (at least 50 % wanted)");
        }
        else
        {
            Console.WriteLine("  OpenBLAS is not installed (libopenblas0-pthread): skipped");
        }
        Control.UseSingleThread();
        var left = new DenseMatrix(Features, Rows, z);
        var right = new DenseMatrix(Rows, Columns, u);
        PairedRatio.Run("MathNet managed multiply, one thread", () => left.Multiply(right), "exact moments, one thread", Accumulate, pairs: 3);
    }

    private static bool TryOpenBlas([NotNullWhen(true)] out Action<double[], double[], double[]>? dgemm)
    {
        dgemm = null;
        if (!NativeLibrary.TryLoad("libopenblas.so.0", out var library) || !NativeLibrary.TryGetExport(library, "openblas_get_config", out _))
            return false;
        NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), (name, _, _) => name == "openblas" ? library : 0);
        SetThreads(1);
        Console.WriteLine($"  {Marshal.PtrToStringUTF8(GetConfig())}");
        // Column-major: C (features x columns) = Z (features x rows) U (rows x columns).
        dgemm = (z, u, c) => Dgemm(102, 111, 111, Features, Columns, Rows, 1, z, Features, u, Rows, 0, c, Features);
        return true;
    }

    [LibraryImport("openblas", EntryPoint = "openblas_set_num_threads")]
    private static partial void SetThreads(int threads);

    [LibraryImport("openblas", EntryPoint = "openblas_get_config")]
    private static partial nint GetConfig();

    [LibraryImport("openblas", EntryPoint = "cblas_dgemm")]
    private static partial void Dgemm(
        int order, int transA, int transB, int m, int n, int k, double alpha, double[] a, int lda, double[] b, int ldb, double beta, double[] c, int ldc);
}
