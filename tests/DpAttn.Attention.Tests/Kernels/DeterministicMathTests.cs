using System.Numerics;
using System.Security.Cryptography;

namespace DpAttn.Attention.Tests;

public class DeterministicMathTests
{
    [Fact]
    public void Exp_is_within_its_stated_relative_error_of_big_integer_arithmetic()
    {
        var random = new Random(1);
        var worst = 0.0;
        for (var i = 0; i < 4000; i++)
        {
            var x = (2 * random.NextDouble() - 1) * (i % 2 == 0 ? 2 : 650);
            worst = Math.Max(worst, RelativeError(x, DeterministicMath.Exp(x)));
        }
        // The constant is twice what is seen: a margin, but a finite one on both sides.
        Assert.InRange(worst, 0.2 * DeterministicMath.Ulp, DeterministicMath.ExpRelativeError / 2);
    }

    [Fact]
    public void Exp_of_nothing_is_one()
    {
        foreach (var x in new[] { 0.0, -0.0, double.Epsilon, -double.Epsilon })
            Assert.Equal(1.0, DeterministicMath.Exp(x));
    }

    [Theory]
    [InlineData(700.1)]
    [InlineData(-701)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Exponents_out_of_range_are_refused(double x) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => DeterministicMath.Exp(x));

    [Fact]
    public void Exp_has_the_same_bits_as_ever()
    {
        // Frozen: a change would give rows other integers than the machines that run the version before.
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = -50_000; i <= 50_000; i++)
            hash.AppendData(BitConverter.GetBytes(DeterministicMath.Exp(i / 8192.0)));
        Assert.Equal("A81317439B85DD21E2F142E1284451A6", Convert.ToHexString(hash.GetHashAndReset())[..32]);
    }

    /// <summary>|computed / e^x - 1| with e^x to 200 bits: a Taylor series of x / 2^12, squared twelve times.</summary>
    private static double RelativeError(double x, double computed)
    {
        const int Bits = 260;
        const int Halvings = 12;
        var one = BigInteger.One << Bits;
        var reduced = FixedPoint(x, Bits - Halvings);
        BigInteger sum = one, term = one;
        for (var k = 1; !term.IsZero; k++)
        {
            term = (term * reduced >> Bits) / k;
            sum += term;
        }
        for (var i = 0; i < Halvings; i++)
            sum = sum * sum >> Bits;
        // A large negative x leaves fewer bits, at e^-650 none: compare with the inverse then.
        if (x < 0)
            return RelativeError(-x, 1 / computed) is var inverse ? Math.Max(0, inverse - DeterministicMath.Ulp / 2) : 0;
        var value = FixedPoint(computed, Bits);
        return Math.Abs((double)((value - sum << 80) / sum)) / Math.ScaleB(1, 80);
    }

    private static BigInteger FixedPoint(double x, int bits)
    {
        var exponent = Math.ILogB(x) - 52;
        var mantissa = (BigInteger)Math.ScaleB(x, -exponent);
        return exponent + bits >= 0 ? mantissa << (exponent + bits) : mantissa >> -(exponent + bits);
    }
}
