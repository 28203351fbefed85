using System.Numerics;
using CsCheck;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// The coins are exact, not merely close: heads if and only if a uniform real, revealed 64 bits at a time, is below n/d. Shown at the words where
/// the decision changes, instead of by counting: a coin that is wrong in its hundredth bit fails here and could not be caught by draws.
/// </summary>
public class CoinTests
{
    private static readonly Gen<ulong> Word = Gen.Frequency((3, Gen.ULong), (1, Edges.Of<ulong>(0, 1, 2, ulong.MaxValue, ulong.MaxValue - 1, 1UL << 63)));

    private delegate bool Coin(WordStream words);

    [Fact]
    public void A_coin_with_a_one_word_denominator_compares_a_uniform_real_with_its_fraction() => Gen.Select(Word, Word).Sample((a, b) =>
    {
        var d = Math.Max(b, 2);
        var n = a % d;
        ComparesWith(n, d, words => DiscreteGaussianSampler.Bernoulli(words, (UInt128)n, d));
    }, iter: 20_000);

    [Fact]
    public void A_coin_with_a_two_word_denominator_compares_a_uniform_real_with_its_fraction() => Gen.Select(Word, Word, Word, Word).Sample((a, b, c, e) =>
    {
        var d = UInt128.Max(new UInt128(a, b) >> 1, 2);
        var n = new UInt128(c, e) % d;
        ComparesWith(n, d, words => DiscreteGaussianSampler.Bernoulli(words, n, d));
    }, iter: 20_000);

    [Fact]
    public void A_coin_with_a_256_bit_denominator_compares_a_uniform_real_with_its_fraction() => Gen.Select(Word.Array[4], Word.Array[4], Gen.Int[0, 3]).Sample((x, y, limbs) =>
    {
        static UInt256 Wide(ulong[] words, int limbs) => new(words[0], limbs > 0 ? words[1] : 0, limbs > 1 ? words[2] : 0, limbs > 2 ? words[3] : 0);
        UInt256 n = Wide(x, limbs), d = Wide(y, limbs);
        if (n >= d)
            (n, d) = (d, n);
        if (n == d)
            return;
        ComparesWith(n.ToBigInteger(), d.ToBigInteger(), words => DiscreteGaussianSampler.Bernoulli(words, n, d));
    }, iter: 20_000);

    [Fact]
    public void The_coin_of_probability_1_over_k_is_exact_in_the_table_and_beyond_it()
    {
        for (ulong k = 2; k < 70; k++)
            ComparesWith(1, k, words => DiscreteGaussianSampler.BernoulliReciprocal(words, k));
    }

    /// <summary>Algorithm 1 at exponent 1: true exactly when the first tails comes at an odd toss, the first toss being certain.</summary>
    [Fact]
    public void The_coin_of_probability_1_over_e_counts_its_tosses()
    {
        for (var heads = 0; heads < 60; heads++)
        {
            var words = new ScriptedWords([.. Enumerable.Repeat(0UL, heads), ulong.MaxValue]);
            // Tosses 2 .. heads + 1 are heads, toss heads + 2 is tails.
            Assert.Equal((heads + 2) % 2 == 1, DiscreteGaussianSampler.BernoulliExpMinusOne(words));
            Assert.Equal(heads + 1, words.Read);
        }
    }

    [Fact]
    public void The_coin_of_probability_e_to_minus_n_over_d_counts_its_tosses()
    {
        for (var heads = 0; heads < 60; heads++)
        {
            var words = new ScriptedWords([.. Enumerable.Repeat(0UL, heads), ulong.MaxValue]);
            Assert.Equal((heads + 1) % 2 == 1, DiscreteGaussianSampler.BernoulliExpRatio(words, 3, 1UL << 57));
            Assert.Equal(heads + 1, words.Read);
        }
        // Exponent 0 is certain.
        Assert.True(DiscreteGaussianSampler.BernoulliExpRatio(new ScriptedWords(0UL), 0, 5));
    }

    /// <summary>A uniform number below a bound: every value owns the same number of words, and the words left over are drawn again.</summary>
    [Fact]
    public void Uniform_numbers_own_equally_many_words() => Gen.Select(Word, Word).Sample((a, b) =>
    {
        // The sampler's bounds are at most 2^57 + 1; every bound is checked at one of its values and its two edges.
        var bound = Math.Max(a, 1UL);
        foreach (var value in new[] { 0UL, b % bound, bound - 1 })
        {
            BigInteger all = BigInteger.One << 64, skewed = all % bound;
            var first = (value * all + skewed + bound - 1) / bound;
            var last = ((value + BigInteger.One) * all - 1) / bound;
            Assert.Equal(all / bound, last - first + 1);
            foreach (var word in new[] { first, last })
            {
                var words = new ScriptedWords((ulong)word);
                Assert.Equal(value, DiscreteGaussianSampler.Uniform(words, bound));
            }
            if (first > value * all / bound && first > 0 && (first - 1) * bound / all == value)
            {
                var words = new ScriptedWords((ulong)(first - 1), (ulong)last);
                Assert.Equal(value, DiscreteGaussianSampler.Uniform(words, bound));
                Assert.Equal(2, words.Read);
            }
        }
    }, iter: 20_000);

    private static void ComparesWith(BigInteger n, BigInteger d, Coin coin)
    {
        // The digits of n/d in base 2^64; a coin may still be undecided only while its words equal them.
        List<ulong> digits = [];
        var rest = n;
        for (var depth = 0; depth < 3; depth++)
        {
            var digit = (ulong)BigInteger.DivRem(rest << 64, d, out rest);
            if (digit > 0)
                Decides(coin, digits, digit - 1, expected: true);
            if (digit < ulong.MaxValue)
                Decides(coin, digits, digit + 1, expected: false);
            if (rest.IsZero)
            {
                Decides(coin, digits, digit, expected: false);
                return;
            }
            digits.Add(digit);
        }
    }

    private static void Decides(Coin coin, List<ulong> equal, ulong word, bool expected)
    {
        var words = new ScriptedWords([.. equal, word]);
        Assert.Equal(expected, coin(words));
        Assert.Equal(equal.Count + 1, words.Read);
    }
}
