using System.Numerics;
using CsCheck;

namespace DpAttn.Privacy.Tests;

public class UInt256Tests
{
    private static readonly BigInteger Modulus = BigInteger.One << 256;

    // Carries are born at the edges: every limb is as often 0, 1 or all ones as it is random.
    private static readonly Gen<ulong> Limb = Gen.Frequency((2, Gen.ULong), (1, Edges.Of<ulong>(0, 1, 2, ulong.MaxValue, ulong.MaxValue - 1, 1UL << 63)));
    private static readonly Gen<UInt256> Wide = Gen.Select(Limb, Limb, Limb, Limb, (a, b, c, d) => new UInt256(a, b, c, d));
    private static readonly Gen<UInt128> Half = Gen.Select(Limb, Limb, (high, low) => new UInt128(high, low));

    [Fact]
    public void Products_of_two_halves_are_exact() => Gen.Select(Half, Half).Sample((a, b) =>
        UInt256.Multiply(a, b).ToBigInteger() == (BigInteger)a * b, iter: 100_000);

    [Fact]
    public void Products_with_a_word_are_exact_in_320_bits() => Gen.Select(Wide, Limb).Sample((a, factor) =>
        a.Multiply(factor, out var carry).ToBigInteger() + carry * Modulus == a.ToBigInteger() * factor, iter: 100_000);

    [Fact]
    public void Differences_wrap_at_256_bits() => Gen.Select(Wide, Wide).Sample((a, b) =>
        (a - b).ToBigInteger() == ((a.ToBigInteger() - b.ToBigInteger()) % Modulus + Modulus) % Modulus, iter: 100_000);

    [Fact]
    public void Comparisons_are_those_of_the_numbers() => Gen.Select(Wide, Wide, Gen.Int[0, 3]).Sample((a, b, equal) =>
    {
        // Numbers that share their upper limbs, so that every limb has to decide at times.
        b = new UInt256(equal > 3 ? a.L0 : b.L0, equal > 2 ? a.L1 : b.L1, equal > 1 ? a.L2 : b.L2, equal > 0 ? a.L3 : b.L3);
        BigInteger x = a.ToBigInteger(), y = b.ToBigInteger();
        return a < b == x < y && a > b == x > y && a <= b == x <= y && a >= b == x >= y && a == b == (x == y) && a <= new UInt256(a.L0, a.L1, a.L2, a.L3);
    }, iter: 100_000);

    [Fact]
    public void Small_numbers_keep_their_value() => Half.Sample(a => UInt256.From(a).ToBigInteger() == a, iter: 10_000);
}
