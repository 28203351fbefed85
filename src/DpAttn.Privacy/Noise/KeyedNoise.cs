using System.Security.Cryptography;

namespace DpAttn.Privacy;

/// <summary>
/// Discrete Gaussian noise as a pure function of a release key and an address: whoever computes it, wherever and however
/// often, gets the same integers. Subkey = HMAC-SHA256(release key, address and block), stream = AES-256-CTR from 0.
/// </summary>
public sealed class KeyedNoise : INoiseSource
{
    /// <summary>The version of the sampler and of its use of the stream. It is part of every address; a change of either is a new version.</summary>
    public const int SamplerVersion = 1;

    /// <summary>Values per block: each block has a stream of its own, so blocks may be drawn on several threads.</summary>
    public const int BlockLength = 4096;

    private readonly ReleaseKey _key;
    private readonly int _threads;

    /// <summary>A source of noise.</summary>
    /// <param name="key">The release key.</param>
    /// <param name="threads">How many threads may draw; the values do not depend on it.</param>
    public KeyedNoise(ReleaseKey key, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _key = key;
        _threads = threads;
    }

    /// <inheritdoc/>
    public void Fill(NoiseAddress address, Span<long> destination)
    {
        ArgumentNullException.ThrowIfNull(address);
        var sampler = new DiscreteGaussianSampler(address.Variance);
        var length = destination.Length;
        var blocks = Blocks(length);
        if (_threads == 1 || blocks < 2)
        {
            for (var block = 0; block < blocks; block++)
            {
                var start = block * BlockLength;
                FillBlock(sampler, address, block, destination.Slice(start, Math.Min(BlockLength, length - start)));
            }
            return;
        }
        var values = new long[length];
        Parallel.For(0, blocks, new ParallelOptions { MaxDegreeOfParallelism = _threads }, block =>
        {
            var start = block * BlockLength;
            FillBlock(sampler, address, block, values.AsSpan(start, Math.Min(BlockLength, length - start)));
        });
        values.CopyTo(destination);
    }

    /// <summary>How many blocks cover a vector, the longest span included: one block too few would leave numbers without noise.</summary>
    internal static int Blocks(int length) => (int)(((long)length + BlockLength - 1) / BlockLength);

    private void FillBlock(DiscreteGaussianSampler sampler, NoiseAddress address, long block, Span<long> destination)
    {
        var subkey = _key.Subkey(address, block);
        using var stream = new KeyStream(subkey);
        CryptographicOperations.ZeroMemory(subkey);
        for (var i = 0; i < destination.Length; i++)
            destination[i] = sampler.Draw(stream);
    }
}
