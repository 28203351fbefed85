using BenchmarkDotNet.Attributes;
using DpAttn.Privacy;

namespace DpAttn.Benchmarks;

/// <summary>The pair of <see cref="Ratios.SamplerRatio"/> for BenchmarkDotNet, at the narrowest, the usual and the widest noise.</summary>
public class SamplerBenchmarks
{
    private const int Draws = 4096;
    private readonly long[] _values = new long[Draws];
    private readonly KeyedNoise _noise = new(ReleaseKey.Derive(new byte[32], new byte[32]));
    private NoiseAddress _address = null!;

    [Params(24, 35, 57)]
    public int SigmaBits { get; set; }

    [GlobalSetup]
    public void Setup() => _address = new NoiseAddress("moment-tree", 0, 1, new NoiseVariance(UInt128.One << (2 * SigmaBits)));

    [Benchmark(OperationsPerInvoke = Draws)]
    public long Draw()
    {
        _noise.Fill(_address, _values);
        return _values[0];
    }
}
