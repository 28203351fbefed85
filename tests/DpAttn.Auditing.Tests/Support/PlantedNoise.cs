using DpAttn.Privacy;

namespace DpAttn.Auditing.Tests;

/// <summary>Noise whose deviation is off by a factor.</summary>
internal sealed class ScaledNoise(INoiseSource source, double factor) : INoiseSource
{
    public void Fill(NoiseAddress address, Span<long> destination)
    {
        source.Fill(address, destination);
        foreach (ref var value in destination)
            value = (long)(value * factor);
    }
}

/// <summary>Numbers without noise, by their address and place.</summary>
internal sealed class Silent(INoiseSource source, Func<NoiseAddress, int, bool> isSilent) : INoiseSource
{
    public void Fill(NoiseAddress address, Span<long> destination)
    {
        source.Fill(address, destination);
        for (var i = 0; i < destination.Length; i++)
            destination[i] = isSilent(address, i) ? 0 : destination[i];
    }
}

/// <summary>A vector in a hundred without noise.</summary>
internal sealed class BareNowAndThen(INoiseSource source) : INoiseSource
{
    public void Fill(NoiseAddress address, Span<long> destination)
    {
        source.Fill(address, destination);
        if (destination[0] % 100 == 0)
            destination.Clear();
    }
}

/// <summary>One address for all nodes.</summary>
internal sealed class NodeBlind(INoiseSource source) : INoiseSource
{
    public void Fill(NoiseAddress address, Span<long> destination) => source.Fill(address with { Node = 1 }, destination);
}

/// <summary>Both tiers of a ladder from noise of their own: what the lower one adds takes the better one's away again.</summary>
internal sealed class Unnested(INoiseSource source, NoiseLadder ladder) : INoiseSource
{
    public void Fill(NoiseAddress address, Span<long> destination)
    {
        if (address.Tier == ladder.Best)
        {
            source.Fill(address, destination);
            return;
        }
        source.Fill(address with { Variance = ladder.Tiers[address.Tier].Variance }, destination);
        var better = new long[destination.Length];
        source.Fill(address with { Tier = ladder.Best, Variance = ladder.Tiers[ladder.Best].Increment }, better);
        for (var i = 0; i < better.Length; i++)
            destination[i] -= better[i];
    }
}
