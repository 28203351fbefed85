using System.Numerics;

namespace DpAttn.Privacy.Tests;

public class IntegerRootTests
{
    /// <summary>Around every square, small and of hundreds of bits: the smallest integer whose square is not below.</summary>
    [Fact]
    public void It_is_the_smallest_integer_whose_square_reaches_the_value()
    {
        for (var value = 0; value < 5000; value++)
            AssertCeiling(value);
        for (var bits = 1; bits <= 400; bits++)
        {
            foreach (var root in new[] { BigInteger.One << bits, (BigInteger.One << bits) - 1, (BigInteger.One << bits) + 12345 })
            {
                Assert.Equal(root, IntegerRoot.CeilingSqrt(root * root));
                Assert.Equal(root + 1, IntegerRoot.CeilingSqrt(root * root + 1));
                AssertCeiling(root * root - 1);
                AssertCeiling(root * root + root);
            }
        }
    }

    [Fact]
    public void A_negative_value_has_none() => Assert.Throws<ArgumentOutOfRangeException>(() => IntegerRoot.CeilingSqrt(-1));

    private static void AssertCeiling(BigInteger value)
    {
        var root = IntegerRoot.CeilingSqrt(value);
        Assert.True(root * root >= value && (root == 0 || (root - 1) * (root - 1) < value), $"{root} for {value}");
    }
}
