using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>Noise whose deviation is off by a factor: the planted fault of statistical tests.</summary>
internal sealed class ScaledNoise(INoiseSource source, double factor) : INoiseSource
{
    public void Fill(NoiseAddress address, Span<long> destination)
    {
        source.Fill(address, destination);
        for (var i = 0; i < destination.Length; i++)
            destination[i] = (long)(destination[i] * factor);
    }
}
