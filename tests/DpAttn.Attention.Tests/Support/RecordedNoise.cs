using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>Keeps every noise vector that passes, by address.</summary>
internal sealed class RecordingNoise(INoiseSource source) : INoiseSource
{
    public Dictionary<NoiseAddress, long[]> Recorded { get; } = [];

    public void Fill(NoiseAddress address, Span<long> destination)
    {
        source.Fill(address, destination);
        if (!Recorded.TryAdd(address, destination.ToArray()))
            throw new InvalidOperationException("one address was drawn twice in one release");
    }
}

/// <summary>Gives the noise of a recorded run again, and fails on an address that the recorded run did not ask for.</summary>
internal sealed class ReplayedNoise(IReadOnlyDictionary<NoiseAddress, long[]> recorded) : INoiseSource
{
    public int Asked { get; private set; }

    public void Fill(NoiseAddress address, Span<long> destination)
    {
        if (!recorded.TryGetValue(address, out var noise) || noise.Length != destination.Length)
            throw new InvalidOperationException("the neighbour asked for noise at an address, or of a length, that depends on its rows");
        noise.CopyTo(destination);
        Asked++;
    }
}
