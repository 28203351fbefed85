using System.Collections.Concurrent;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>The product's noise, or one with a fault, with every vector kept: one address must never have two values.</summary>
internal sealed class RecordingNoises(INoiseSources? noises = null) : INoiseSources
{
    private readonly INoiseSources _noises = noises ?? new KeyedNoiseSources();

    /// <summary>What was drawn at each address, whoever drew it and however often.</summary>
    public ConcurrentBag<(NoiseAddress Address, long[] Values)> Drawn { get; } = [];

    public INoiseSource Of(ReleaseKey key) => new Source(this, _noises.Of(key));

    /// <summary>The value at every address, if there is one only.</summary>
    public Dictionary<NoiseAddress, long[]> OnePerAddress()
    {
        var found = new Dictionary<NoiseAddress, long[]>();
        foreach (var (address, values) in Drawn)
        {
            if (!found.TryAdd(address, values))
                Assert.Equal(found[address], values);
        }
        return found;
    }

    private sealed class Source(RecordingNoises recorder, INoiseSource noise) : INoiseSource
    {
        public void Fill(NoiseAddress address, Span<long> destination)
        {
            noise.Fill(address, destination);
            recorder.Drawn.Add((address, destination.ToArray()));
        }
    }
}

/// <summary>Gives the noise of a recorded run again, and fails on an address that the recorded run did not ask for.</summary>
internal sealed class ReplayedNoises(IReadOnlyDictionary<NoiseAddress, long[]> recorded) : INoiseSources, INoiseSource
{
    private int _asked;

    public int Asked => _asked;

    public INoiseSource Of(ReleaseKey key) => this;

    public void Fill(NoiseAddress address, Span<long> destination)
    {
        if (!recorded.TryGetValue(address, out var noise) || noise.Length != destination.Length)
            throw new InvalidOperationException("the neighbour asked for noise at an address, or of a length, that depends on its rows");
        noise.CopyTo(destination);
        Interlocked.Increment(ref _asked);
    }
}
