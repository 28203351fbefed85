using System.Numerics;
using CsCheck;

namespace DpAttn.Privacy.Tests;

/// <summary>Impossible quantities cannot be constructed, and a default-constructed one is never a promise of privacy.</summary>
public class QuantityTests
{
    private static readonly double[] NeverNumbers = [double.NaN, double.PositiveInfinity, double.NegativeInfinity, -1, -double.Epsilon];

    [Theory]
    [InlineData(10, 10, 100, 100, 10)]
    [InlineData(10, 0, 109, 0, 10)]
    [InlineData(10, 30, 100, 100, 3)]
    [InlineData(10, 1, 9, 100, 0)]
    [InlineData(10, 1, 100, 0, 0)]
    [InlineData(10, 1, -1, 100, 0)]
    [InlineData(10, 1, 100, -1, 0)]
    [InlineData(0, 1, 100, 100, 0)]
    [InlineData(1, 0, long.MaxValue, 0, long.MaxValue)]
    public void An_amount_fits_as_often_as_both_its_parts_do(long muSquared, long slack, long leftMuSquared, long leftSlack, long times) =>
        Assert.Equal(times, new PrivacyAmount(muSquared, slack).TimesIn(new PrivacyAmount(leftMuSquared, leftSlack)));

    [Fact]
    public void Epsilon_is_finite_and_not_negative_and_a_stated_one_is_at_most_200()
    {
        foreach (var bad in NeverNumbers)
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new Epsilon(bad));
            Assert.Throws<ArgumentOutOfRangeException>(() => Epsilon.Budget(bad));
        }
        foreach (var bad in new[] { 0, -0.0, 200.00000000000003, double.MaxValue })
            Assert.Throws<ArgumentOutOfRangeException>(() => Epsilon.Budget(bad));
        Assert.Equal(0, new Epsilon(0).Value);
        Assert.Equal(200, Epsilon.Budget(200).Value);
        Assert.Equal(double.Epsilon, Epsilon.Budget(double.Epsilon).Value);
        Assert.Equal(double.MaxValue, new Epsilon(double.MaxValue).Value);
    }

    [Fact]
    public void Delta_lies_strictly_between_0_and_1_and_a_claimed_one_is_at_least_2_to_minus_100()
    {
        foreach (var bad in NeverNumbers.Concat([0, -0.0, 1, 1.5]))
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new Delta(bad));
            Assert.Throws<ArgumentOutOfRangeException>(() => Delta.Claimed(bad));
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => Delta.Claimed(Math.BitDecrement(Math.ScaleB(1, -100))));
        Assert.Equal(Delta.SmallestClaimed, Delta.Claimed(Math.ScaleB(1, -100)));
        Assert.Equal(double.Epsilon, new Delta(double.Epsilon).Value);
        Assert.Equal(Math.BitDecrement(1.0), new Delta(Math.BitDecrement(1.0)).Value);
    }

    [Fact]
    public void Mu_is_finite_and_not_negative()
    {
        foreach (var bad in NeverNumbers)
            Assert.Throws<ArgumentOutOfRangeException>(() => new Mu(bad));
        Assert.Equal(0, new Mu(0).Value);
    }

    [Fact]
    public void Sensitivities_and_deviations_are_finite_and_above_0()
    {
        foreach (var bad in NeverNumbers.Concat([0, -0.0]))
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new Sensitivity(bad));
            Assert.Throws<ArgumentOutOfRangeException>(() => new Sigma(bad));
        }
        Assert.Equal(double.Epsilon, new Sensitivity(double.Epsilon).Value);
        Assert.Equal(double.MaxValue, new Sigma(double.MaxValue).Value);
    }

    [Fact]
    public void A_variance_is_an_integer_from_1_to_2_to_the_114()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseVariance(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseVariance((UInt128.One << 114) + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseVariance(UInt128.MaxValue));
        Assert.Equal(BigInteger.One << 114, new NoiseVariance(UInt128.One << 114).ToBigInteger());
        Assert.Equal(Math.ScaleB(1, 57), new NoiseVariance(UInt128.One << 114).Sigma.Value);
        Assert.True(new NoiseVariance(2).CompareTo(new NoiseVariance(1)) > 0);
    }

    /// <summary>A quantity that nobody stated either has no value, or the one that promises least or spends nothing.</summary>
    [Fact]
    public void Defaults_are_safe()
    {
        Assert.Throws<InvalidOperationException>(() => default(Sensitivity).Value);
        Assert.Throws<InvalidOperationException>(() => default(Sigma).Value);
        Assert.Throws<InvalidOperationException>(() => default(NoiseVariance).Value);
        Assert.Throws<InvalidOperationException>(() => default(NoiseVariance).Sigma);
        Assert.Throws<InvalidOperationException>(() => default(AccountId).Value);
        Assert.Throws<InvalidOperationException>(() => default(ReleaseId).Value);
        Assert.Throws<InvalidOperationException>(() => default(RequestId).Value);
        // As a limit neither is accepted; as an allowance delta's default is the smallest.
        Assert.Equal(double.Epsilon, default(Delta).Value);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PrivacyLimit(default, new Delta(1e-6)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PrivacyLimit(new Epsilon(1), default));
        Assert.Equal(PrivacyAmount.Zero, default(PrivacyAmount));
        Assert.Equal(new string('0', 64), default(RequestFingerprint).Hex);
    }

    [Fact]
    public void Quantities_are_ordered_by_their_numbers_and_written_with_15_digits()
    {
        Assert.True(new Epsilon(1).CompareTo(new Epsilon(2)) < 0);
        Assert.True(new Delta(1e-6).CompareTo(new Delta(1e-7)) > 0);
        Assert.Equal(0, new Mu(3).CompareTo(new Mu(3)));
        Assert.Equal("0.333333333333333", new Epsilon(1 / 3.0).ToString());
        Assert.Equal("1E-06", new Delta(1e-6).ToString());
        Assert.Equal("0.1", new Mu(0.1).ToString());
        Assert.Equal("2.5", new Sensitivity(2.5).ToString());
        Assert.Equal("2.5", new Sigma(2.5).ToString());
        Assert.Equal("25", new NoiseVariance(25).ToString());
    }

    [Fact]
    public void Ids_are_1_to_128_printable_characters_and_their_errors_never_repeat_them()
    {
        foreach (var bad in new[] { "", new string('a', 129), "with space", "tab\t", "newline\n", "caf\u00e9", "\0", "\u007f" })
        {
            foreach (var make in new Action[] { () => _ = new AccountId(bad), () => _ = new ReleaseId(bad), () => _ = new RequestId(bad) })
            {
                var message = Assert.Throws<ArgumentException>(make).Message;
                Assert.True(bad.Length == 0 || !message.Contains(bad, StringComparison.Ordinal));
            }
        }
        Assert.Throws<ArgumentNullException>(() => new AccountId(null!));
        var longest = new string('~', 128);
        Assert.Equal(longest, new AccountId(longest).Value);
        Assert.Equal("!", new RequestId("!").ToString());
        Assert.Equal(new ReleaseId("r"), new ReleaseId("r"));
        Assert.NotEqual(new ReleaseId("r"), new ReleaseId("R"));
    }

    [Fact]
    public void A_fingerprint_is_the_SHA_256_of_its_request_and_can_be_stored()
    {
        var fingerprint = RequestFingerprint.Of("abc"u8);
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", fingerprint.Hex);
        Assert.Equal(fingerprint, RequestFingerprint.FromHex(fingerprint.Hex));
        Assert.NotEqual(fingerprint, RequestFingerprint.Of("abd"u8));
        foreach (var bad in new[] { "", fingerprint.Hex[1..], fingerprint.Hex + "0", fingerprint.Hex.ToUpperInvariant(), new string('g', 64) })
            Assert.Throws<ArgumentException>(() => RequestFingerprint.FromHex(bad));
        Assert.Throws<ArgumentNullException>(() => RequestFingerprint.FromHex(null!));
    }

    [Fact]
    public void Amounts_add_and_subtract_exactly_and_never_wrap()
    {
        Assert.Equal(new PrivacyAmount(5, 7), new PrivacyAmount(2, 3) + new PrivacyAmount(3, 4));
        Assert.Equal(new PrivacyAmount(-1, 1), new PrivacyAmount(2, 3) - new PrivacyAmount(3, 2));
        Assert.False(new PrivacyAmount(-1, 1).IsNonNegative);
        Assert.False(new PrivacyAmount(1, -1).IsNonNegative);
        Assert.Throws<OverflowException>(() => new PrivacyAmount(long.MaxValue, 0) + new PrivacyAmount(1, 0));
        Assert.Throws<OverflowException>(() => new PrivacyAmount(0, long.MaxValue) + new PrivacyAmount(0, 1));
        Assert.Throws<OverflowException>(() => new PrivacyAmount(long.MinValue, 0) - new PrivacyAmount(1, 0));
        Assert.True(new PrivacyAmount(2, 2).FitsIn(new PrivacyAmount(2, 2)));
        Assert.False(new PrivacyAmount(3, 2).FitsIn(new PrivacyAmount(2, 2)));
        Assert.False(new PrivacyAmount(2, 3).FitsIn(new PrivacyAmount(2, 2)));
    }

    /// <summary>A limit is rounded down, what was spent is rounded up: in rationals.</summary>
    [Fact]
    public void Mu_squared_is_rounded_down_into_a_limit_and_up_out_of_an_amount()
    {
        Gen.Double[-9, 3].Select(x => Math.Pow(10, x)).Sample(mu =>
        {
            var units = PrivacyAmount.FloorMuSquared(new Mu(mu));
            var square = Exact.Of(mu) * Exact.Of(mu) * new Exact(BigInteger.One << 40, 1);
            return new Exact(units, 1) <= square && new Exact(units + 1, 1) > square;
        }, iter: 5000);
        Gen.Long[1, long.MaxValue].Select(Gen.Int[0, 62]).Select((units, shift) => Math.Max(1, units >> shift)).Sample(units =>
        {
            var mu = Exact.Of(new PrivacyAmount(units, 0).ToMu().Value);
            var square = mu * mu * new Exact(BigInteger.One << 40, 1);
            return square >= new Exact(units, 1) && square.RelativeTo(new Exact(units, 1)) < 1e-14;
        }, iter: 5000);
        Assert.Equal(0, PrivacyAmount.Zero.ToMu().Value);
        Assert.Equal(0, PrivacyAmount.FloorMuSquared(new Mu(0)));
        Assert.Throws<OverflowException>(() => PrivacyAmount.FloorMuSquared(new Mu(2897)));
    }
}
