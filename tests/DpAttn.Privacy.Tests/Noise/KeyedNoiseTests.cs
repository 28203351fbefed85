using System.Security.Cryptography;

namespace DpAttn.Privacy.Tests;

public class KeyedNoiseTests
{
    private static readonly NoiseVariance Variance = new(UInt128.One << 70);
    private static readonly NoiseAddress Address = new("moment-tree", 1, 1, Variance);
    private static readonly byte[] Secret = SHA256.HashData("secret"u8);
    private static readonly byte[] Digest = SHA256.HashData("manifest"u8);

    [Fact]
    public void The_same_address_gives_the_same_noise_for_ever_and_from_any_instance()
    {
        var noise = new KeyedNoise(ReleaseKey.Derive(Secret, Digest));
        var first = Fill(noise, Address, 10_000);
        Fill(noise, Address with { Node = 2 }, 100);
        Assert.Equal(first, Fill(noise, Address, 10_000));
        Assert.Equal(first, Fill(new KeyedNoise(ReleaseKey.Derive([.. Secret], [.. Digest])), Address with { }, 10_000));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(8192)]
    [InlineData(20_000)]
    public void The_noise_does_not_depend_on_the_number_of_threads(int length)
    {
        var key = ReleaseKey.Derive(Secret, Digest);
        var one = Fill(new KeyedNoise(key), Address, length);
        foreach (var threads in new[] { 2, 3, 8, 64 })
            Assert.Equal(one, Fill(new KeyedNoise(key, threads), Address, length));
    }

    [Fact]
    public void A_shorter_vector_is_the_beginning_of_a_longer_one()
    {
        var noise = new KeyedNoise(ReleaseKey.Derive(Secret, Digest));
        var longest = Fill(noise, Address, 12_345);
        foreach (var length in new[] { 1, 2, 100, 4095, 4096, 4097, 8191, 8193, 12_288 })
            Assert.Equal(longest[..length], Fill(noise, Address, length));
    }

    [Fact]
    public void Every_part_of_the_address_and_of_the_key_changes_the_noise_to_an_unrelated_one()
    {
        byte[] Changed(byte[] bytes, int at)
        {
            byte[] copy = [.. bytes];
            copy[at] ^= 1;
            return copy;
        }

        var key = ReleaseKey.Derive(Secret, Digest);
        var noise = new KeyedNoise(key);
        const int Length = 4000;
        (string What, long[] Values)[] all =
        [
            ("the address", Fill(noise, Address, Length)),
            ("mechanism", Fill(noise, Address with { Mechanism = "distance-tree" }, Length)),
            ("tier", Fill(noise, Address with { Tier = 2 }, Length)),
            ("node", Fill(noise, Address with { Node = 2 }, Length)),
            ("tier and node exchanged with the next", Fill(noise, Address with { Tier = 2, Node = 0 }, Length)),
            ("one more of the variance", Fill(noise, Address with { Variance = new((UInt128.One << 70) + 1) }, Length)),
            ("four times the variance", Fill(noise, Address with { Variance = new(UInt128.One << 72) }, Length).Select(x => x / 2).ToArray()),
            ("the next block", Fill(noise, Address, 2 * KeyedNoise.BlockLength)[KeyedNoise.BlockLength..][..Length]),
            ("first bit of the secret", Fill(new KeyedNoise(ReleaseKey.Derive(Changed(Secret, 0), Digest)), Address, Length)),
            ("last bit of the secret", Fill(new KeyedNoise(ReleaseKey.Derive(Changed(Secret, 31), Digest)), Address, Length)),
            ("first bit of the digest", Fill(new KeyedNoise(ReleaseKey.Derive(Secret, Changed(Digest, 0))), Address, Length)),
            ("last bit of the digest", Fill(new KeyedNoise(ReleaseKey.Derive(Secret, Changed(Digest, 31))), Address, Length)),
            ("secret and digest exchanged", Fill(new KeyedNoise(ReleaseKey.Derive(Digest, Secret)), Address, Length)),
        ];
        for (var i = 0; i < all.Length; i++)
        {
            for (var j = 0; j < i; j++)
            {
                // 4,000 values 2^35 wide: an equal pair by chance has probability 3e-8 per pair of vectors; a correlation above 6 deviations 2e-9.
                Assert.DoesNotContain(all[i].Values.Zip(all[j].Values), pair => pair.First == pair.Second);
                Assert.True(Math.Abs(Correlation(all[i].Values, all[j].Values)) < 6 / Math.Sqrt(Length), $"{all[i].What} and {all[j].What}");
            }
        }
        // The companion: a stream that is scaled for another sigma instead of drawn anew correlates.
        Assert.True(Correlation(all[0].Values, [.. all[0].Values.Select(x => x * 2)]) > 6 / Math.Sqrt(Length));
    }

    [Fact]
    public void Noise_has_the_deviation_of_its_address()
    {
        // 2e5 values: the mean square over the variance has a deviation of 0.32 %; 2 % is six of them.
        var values = Fill(new KeyedNoise(ReleaseKey.Derive(Secret, Digest), 2), Address, 200_000);
        double MeanSquare(double factor) => values.Average(x => (double)x * x) * factor * factor / (double)Variance.Value;
        Assert.InRange(MeanSquare(1), 0.98, 1.02);
        Assert.False(MeanSquare(0.7) is >= 0.98 and <= 1.02);
        Assert.False(MeanSquare(1.3) is >= 0.98 and <= 1.02);
    }

    /// <summary>One block too few would leave numbers without noise, silently; the longest arrays are too long to fill in a test.</summary>
    [Fact]
    public void Blocks_cover_every_length_up_to_the_longest()
    {
        foreach (var length in new[] { 0, 1, 4096, 4097, Array.MaxLength - 4096, Array.MaxLength, int.MaxValue })
        {
            var blocks = KeyedNoise.Blocks(length);
            Assert.True((long)blocks * KeyedNoise.BlockLength >= length);
            Assert.True((long)(blocks - 1) * KeyedNoise.BlockLength < length);
        }
    }

    [Fact]
    public void A_key_needs_a_secret_and_a_digest_of_32_bytes()
    {
        foreach (var length in new[] { 0, 16, 31, 33, 64 })
        {
            Assert.Contains("32 bytes", Assert.Throws<ArgumentException>(() => ReleaseKey.Derive(new byte[length], Digest)).Message);
            Assert.Contains("32 bytes", Assert.Throws<ArgumentException>(() => ReleaseKey.Derive(Secret, new byte[length])).Message);
        }
        Assert.Equal(32, ReleaseKey.NewSecret().Length);
        Assert.NotEqual(ReleaseKey.NewSecret(), ReleaseKey.NewSecret());
    }

    [Fact]
    public void Impossible_sources_and_addresses_are_refused()
    {
        var key = ReleaseKey.Derive(Secret, Digest);
        Assert.Throws<ArgumentNullException>(() => new KeyedNoise(null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => new KeyedNoise(key, 0));
        Assert.Throws<ArgumentNullException>(() => new KeyedNoise(key).Fill(null!, new long[1]));
        Assert.Throws<InvalidOperationException>(() => new KeyedNoise(key).Fill(Address with { Variance = default }, new long[1]));
    }

    private static long[] Fill(KeyedNoise noise, NoiseAddress address, int length)
    {
        var values = new long[length];
        noise.Fill(address, values);
        return values;
    }

    private static double Correlation(long[] x, long[] y)
    {
        double xy = 0, xx = 0, yy = 0;
        for (var i = 0; i < x.Length; i++)
            (xy, xx, yy) = (xy + (double)x[i] * y[i], xx + (double)x[i] * x[i], yy + (double)y[i] * y[i]);
        return xy / Math.Sqrt(xx * yy);
    }
}
