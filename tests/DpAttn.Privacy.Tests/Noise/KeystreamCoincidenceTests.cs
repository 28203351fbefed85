using System.Security.Cryptography;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// Over 2^20 addresses no 16-byte block of any two noise streams coincides. Among N random blocks a chance coincidence has probability
/// N^2 / 2^129: 3e-26 for the short form (2^22 blocks), 7e-24 for the long one (2^26).
/// </summary>
public class KeystreamCoincidenceTests
{
    private const int Addresses = 1 << 20;

    private readonly ReleaseKey[] _keys =
    [
        .. from secret in new byte[] { 0, 1 }
           from digest in new byte[] { 0, 1 }
           select ReleaseKey.Derive(SHA256.HashData([secret]), SHA256.HashData([digest])),
    ];

    [Fact]
    public void No_block_of_any_two_noise_streams_coincides_over_a_million_addresses() => Assert.Null(FindCoincidence(Subkey, blocks: 4, passes: 1));

    [Fact]
    [Trait("Suite", "Long")]
    public void None_of_the_first_64_blocks_of_any_two_noise_streams_coincides_over_a_million_addresses() => Assert.Null(FindCoincidence(Subkey, blocks: 64, passes: 16));

    /// <summary>The companions: one subkey that is used twice among 2^18, and an encoding that leaves out a part of the address, are found.</summary>
    [Fact]
    public void A_subkey_that_is_used_twice_is_found()
    {
        Assert.NotNull(FindCoincidence(i => Subkey(i == 177_777 ? 123_456 : i), blocks: 1, passes: 1, addresses: 1 << 18));
        Assert.NotNull(FindCoincidence(i => Subkey(i & ~0x40), blocks: 1, passes: 4, addresses: 1 << 14));
    }

    /// <summary>Two streams that run into each other, as with one key and start counters that are too close, are found at any offset below the blocks read.</summary>
    [Fact]
    public void Streams_that_overlap_are_found()
    {
        var key = SHA256.HashData("one key"u8);
        IEnumerable<UInt128> From(int start, int count)
        {
            using var stream = new KeyStream(key);
            for (var i = 0; i < start + count; i++)
            {
                var block = new UInt128(stream.NextWord(), stream.NextWord());
                if (i >= start)
                    yield return block;
            }
        }

        Assert.False(HasEqualPair([.. From(0, 4), .. From(4, 4)]));
        Assert.True(HasEqualPair([.. From(0, 4), .. From(3, 4)]));
    }

    /// <summary>Every combination of 4 keys, 4 mechanisms, 4 tiers, 64 nodes, 16 blocks and 16 variances: 2^20 addresses.</summary>
    private byte[] Subkey(int i)
    {
        int Take(int bits)
        {
            var part = i & ((1 << bits) - 1);
            i >>= bits;
            return part;
        }

        string[] mechanisms = ["moment-tree", "distance-tree", "per-query", "moment-tree2"];
        var address = new NoiseAddress(mechanisms[Take(2)], Take(2), 1 + Take(6), new NoiseVariance((UInt128.One << 70) + (UInt128)Take(4)));
        var block = Take(4);
        return _keys[Take(2)].Subkey(address, block);
    }

    /// <summary>The first blocks of all streams, in passes over those of one residue so that memory stays small.</summary>
    private static UInt128? FindCoincidence(Func<int, byte[]> subkey, int blocks, int passes, int addresses = Addresses)
    {
        for (var pass = 0; pass < passes; pass++)
        {
            // A tenth more than expected: far beyond 20 deviations.
            var found = new UInt128[(int)((long)addresses * blocks / passes * 1.1) + 1000];
            var count = 0;
            Parallel.For(0, addresses / 1024, new ParallelOptions { MaxDegreeOfParallelism = 2 }, part =>
            {
                for (var i = part * 1024; i < (part + 1) * 1024; i++)
                {
                    using var stream = new KeyStream(subkey(i));
                    for (var block = 0; block < blocks; block++)
                    {
                        var value = new UInt128(stream.NextWord(), stream.NextWord());
                        if ((uint)(value >> 96) % (uint)passes == (uint)pass)
                            found[Interlocked.Increment(ref count) - 1] = value;
                    }
                }
            });
            Array.Resize(ref found, count);
            if (EqualPair(found) is { } pair)
                return pair;
        }
        return null;
    }

    private static bool HasEqualPair(UInt128[] blocks) => EqualPair(blocks) is not null;

    private static UInt128? EqualPair(UInt128[] blocks)
    {
        Array.Sort(blocks);
        for (var i = 1; i < blocks.Length; i++)
        {
            if (blocks[i] == blocks[i - 1])
                return blocks[i];
        }
        return null;
    }
}
