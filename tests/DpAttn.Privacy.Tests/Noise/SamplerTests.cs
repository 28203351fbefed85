using System.Numerics;
using CsCheck;

namespace DpAttn.Privacy.Tests;

/// <summary>The sampler as arithmetic: no width overflows, no branch differs from big integers, no value leaves its bounds.</summary>
public class SamplerTests
{
    private static readonly UInt128 Largest = UInt128.One << NoiseVariance.LargestBits;

    public static TheoryData<string> Variances => new(
        "1", "2", "4", "9/1", "1/4", "1/100", "636611/1000000", "7/3", "355/113", "10007/97", "123456789/1000003",
        $"{UInt128.One << 48}", $"{(UInt128.One << 48) + 1}", $"{UInt128.One << 56}", $"{UInt128.One << 70}", $"{(UInt128.One << 70) - 12345}", $"{Largest - 1}", $"{Largest}");

    [Theory]
    [MemberData(nameof(Variances))]
    public void Draws_agree_word_for_word_with_big_integer_arithmetic(string variance)
    {
        var (numerator, denominator) = Fraction(variance);
        Agree(numerator, denominator, seed: 1, draws: 10_000);
    }

    [Fact]
    public void Draws_at_any_variance_agree_word_for_word_with_big_integer_arithmetic() => Gen.Select(
        Gen.ULong, Gen.ULong, Gen.Int[14, 127], Gen.Int[0, 20], Gen.Byte).Sample((a, b, shift, fine, seed) =>
    {
        // Integers to 2^114, and fractions with denominators to 2^20.
        var numerator = UInt128.Max(1, new UInt128(a, b) >> shift);
        var denominator = 1 + (b >> 40) % (1UL << fine);
        Agree(numerator, denominator, seed, draws: 50);
    }, iter: 2000);

    /// <summary>Values are below 64 t by construction: a proposal of 63 steps is redrawn. Its words are written down here.</summary>
    [Fact]
    public void A_proposal_of_63_steps_is_redrawn_and_one_of_62_is_not_whatever_the_deviation()
    {
        foreach (var variance in new[] { UInt128.One, UInt128.One << 48, Largest })
        {
            var t = (ulong)new WordForWordSampler(variance, 1).T;
            var sampler = new DiscreteGaussianSampler(variance, 1);
            // u = t - 1 (and tails at the first toss of its coin, which keeps it), s steps, the end of the steps.
            IEnumerable<ulong> Proposal(int steps) => [ulong.MaxValue, ulong.MaxValue, .. Enumerable.Repeat(Yes, steps).SelectMany(x => x)];

            BigInteger largest = 62 * (BigInteger)t + t - 1, gap = largest * t - variance;
            var units = (int)(gap * gap / (2 * (BigInteger)variance * t * t));
            // Accepted: heads for every whole unit of the exponent, then tails at the first toss for the rest of it.
            ulong[] tail = [.. Enumerable.Repeat(Yes, units).SelectMany(x => x), ulong.MaxValue];
            Assert.Equal((long)largest, sampler.Draw(new ScriptedWords([.. Proposal(62), .. No, 0, .. tail])));
            Assert.Equal(-(long)largest, sampler.Draw(new ScriptedWords([.. Proposal(62), .. No, 1, .. tail])));

            // Sixty-three steps: no word for a sign is read, the next word is the next proposal's.
            Assert.Equal((long)largest, sampler.Draw(new ScriptedWords([.. Proposal(63), .. Proposal(62), .. No, 0, .. tail])));
        }
    }

    [Fact]
    public void Minus_zero_is_redrawn()
    {
        // t = 2 at variance 1: u = 0, kept, no step, sign minus; then u = 0 again with sign plus, exponent (0 - 1)^2 / 8 kept.
        ulong[] zero = [0, ulong.MaxValue, .. No];
        var words = new ScriptedWords([.. zero, 1, .. zero, 0, ulong.MaxValue]);
        Assert.Equal(0, new DiscreteGaussianSampler(1, 1).Draw(words));
        Assert.Equal(2 * zero.Length + 3, words.Read);
    }

    [Fact]
    public void A_stream_of_heads_alone_is_reported_as_broken_instead_of_looping()
    {
        // Exponent 0.5 and more never ends on heads; the proposal before it is u = 0 at variance 1.
        ulong[] zero = [0, ulong.MaxValue, .. No];
        IEnumerable<ulong> Broken() => [.. zero, 0, .. Enumerable.Repeat(0UL, 70_000)];
        Assert.Contains("broken", Assert.Throws<InvalidOperationException>(() => new DiscreteGaussianSampler(1, 1).Draw(new ScriptedWords(Broken()))).Message);
    }

    [Fact]
    public void Variances_beyond_the_arithmetic_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiscreteGaussianSampler(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiscreteGaussianSampler(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiscreteGaussianSampler(Largest << 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiscreteGaussianSampler(UInt128.MaxValue, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiscreteGaussianSampler(UInt128.One << 122, UInt128.One << 60));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiscreteGaussianSampler(UInt128.MaxValue, UInt128.MaxValue));
    }

    [Fact]
    public void A_sampler_that_was_never_given_a_variance_draws_nothing() =>
        Assert.Throws<InvalidOperationException>(() => default(DiscreteGaussianSampler).Draw(new ScriptedWords()));

    // A coin of probability 1/e: heads at toss 2 and tails at toss 3 (true), tails at toss 2 (false).
    private static ulong[] Yes => [0, ulong.MaxValue];

    private static ulong[] No => [ulong.MaxValue];

    internal static (UInt128 Numerator, UInt128 Denominator) Fraction(string text) =>
        text.Split('/') is [var n, var d] ? (UInt128.Parse(n), UInt128.Parse(d)) : (UInt128.Parse(text), 1);

    internal static byte[] Key(int seed)
    {
        var key = new byte[32];
        BitConverter.TryWriteBytes(key, seed);
        return key;
    }

    private static void Agree(UInt128 numerator, UInt128 denominator, int seed, int draws)
    {
        var sampler = new DiscreteGaussianSampler(numerator, denominator);
        var slow = new WordForWordSampler(numerator, denominator);
        using var words = new KeyStream(Key(seed));
        using var same = new KeyStream(Key(seed));
        for (var i = 0; i < draws; i++)
            Assert.Equal(slow.Draw(same), sampler.Draw(words));
        // And not a word more was read.
        Assert.Equal(same.NextWord(), words.NextWord());
    }
}
