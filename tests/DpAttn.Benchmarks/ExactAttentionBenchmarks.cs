using BenchmarkDotNet.Attributes;
using DpAttn.Attention;
using DpAttn.Benchmarks.Ratios;

namespace DpAttn.Benchmarks;

/// <summary>The pair of <see cref="ExactRatio"/> for BenchmarkDotNet.</summary>
public class ExactAttentionBenchmarks
{
    private readonly double[] _output = new double[64];
    private Matrix<float> _keys = null!;
    private Matrix<float> _values = null!;
    private float[] _query = null!;
    private ExactAttention<float> _attention = null!;

    [Params(1_000_000)]
    public int Rows { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        (_keys, _values, _query) = (Data.UnitRows(Rows, 64, 1), Data.UnitRows(Rows, 64, 2), Data.UnitRows(1, 64, 3).Data);
        _attention = new ExactAttention<float>(_keys, _values, 1 / 8.0);
    }

    [Benchmark(Baseline = true)]
    public float SumOfTheRows() => ExactRatio.Sum(_keys.Data) + ExactRatio.Sum(_values.Data);

    [Benchmark]
    public double ExactAttention()
    {
        _attention.Attend(_query, _output);
        return _output[0];
    }
}
