using System.Globalization;
using System.Text;
using DpAttn.Server.Attend;

namespace DpAttn.Server.Tests;

public sealed class ShortestDoubleTests
{
    private static string Write(double number)
    {
        Span<byte> output = stackalloc byte[ShortestDouble.LongestBytes];
        return Encoding.ASCII.GetString(output[..ShortestDouble.Write(number, output)]);
    }

    [Theory]
    [InlineData(0.0, "0")]
    [InlineData(-0.0, "-0")]
    [InlineData(1.0, "1")]
    [InlineData(-1.5, "-1.5")]
    [InlineData(0.1, "0.1")]
    [InlineData(0.3, "0.3")]
    [InlineData(100.0, "100")]
    [InlineData(123456.789, "123456.789")]
    [InlineData(1e20, "100000000000000000000")]
    [InlineData(123e18, "123000000000000000000")]
    [InlineData(1e21, "1e+21")]
    [InlineData(1.5e300, "1.5e+300")]
    [InlineData(0.000001, "0.000001")]
    [InlineData(-0.0000012345678901234567, "-0.0000012345678901234567")]
    [InlineData(0.00000123, "0.00000123")]
    [InlineData(0.000000123, "1.23e-7")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(-2.2250738585072014E-308, "-2.2250738585072014e-308")]
    [InlineData(2.225073858507201E-308, "2.225073858507201e-308")]
    [InlineData(double.MaxValue, "1.7976931348623157e+308")]
    [InlineData(9007199254740993.0, "9007199254740992")]
    [InlineData(9.5367431640625e-7, "9.5367431640625e-7")]
    [InlineData(2e-44, "2e-44")]
    [InlineData(1e23, "1e+23")]
    [InlineData(4.1045368012983762e-289, "4.1045368012983762e-289")]
    public void Known_numbers_are_written_as_ECMAScript_writes_them(double number, string text) => Assert.Equal(text, Write(number));

    /// <summary>
    /// The framework's own shortest form is an independent implementation: digits and power must be the same for doubles of every
    /// exponent, powers of two and of ten, their neighbours, and numbers of few digits.
    /// </summary>
    [Fact]
    public void Digits_are_those_of_the_framework()
    {
        int checkedCount = 0, wrongOfFramework = 0;
        var state = 0x9E3779B97F4A7C15UL;
        for (var exponent = 0UL; exponent < 2047; exponent++)
        {
            foreach (var fraction in (ulong[])[0, 1, 2, 3, (1UL << 52) - 1, (1UL << 52) - 2, 1UL << 51, (1UL << 51) + 1])
                Check(exponent << 52 | fraction);
            for (var i = 0; i < 100; i++)
            {
                state = state * 6364136223846793005 + 1442695040888963407;
                Check(exponent << 52 | state >> 12);
            }
        }
        for (var power = -323; power <= 308; power++)
        {
            var bits = BitConverter.DoubleToUInt64Bits(double.Parse($"1e{power}", CultureInfo.InvariantCulture));
            for (var near = -3; near <= 3; near++)
                Check(bits + (ulong)near);
        }
        for (var i = 1; i < 100_000; i++)
            Check(BitConverter.DoubleToUInt64Bits(i / 1000.0));
        for (var subnormal = 1UL; subnormal < 5000; subnormal++)
            Check(subnormal);
        Assert.True(checkedCount > 300_000);
        Assert.True(wrongOfFramework < 100);

        void Check(ulong bits)
        {
            bits &= long.MaxValue;
            if (bits == 0 || bits >= 0x7FF0UL << 48)
                return;
            checkedCount++;
            var number = BitConverter.UInt64BitsToDouble(bits);
            var text = Write(number);
            if (double.Parse(text, CultureInfo.InvariantCulture) != number)
                Assert.Fail($"{number:R} was written as {text}");
            var framework = number.ToString("R", CultureInfo.InvariantCulture);
            if (double.Parse(framework, CultureInfo.InvariantCulture) != number)
            {
                // .NET 10 writes some powers of two with a digit too few.
                Assert.Equal(0UL, bits & ((1UL << 52) - 1));
                wrongOfFramework++;
                return;
            }
            var (digits, power) = ShortestDouble.Shortest(bits);
            var expected = Digits(framework);
            if (expected != $"{digits}e{power}")
                Assert.Fail($"{number:R}: {digits}e{power}, not {expected}");
        }
    }

    private static string Digits(string text)
    {
        var mark = text.IndexOf('E');
        var power = mark < 0 ? 0 : int.Parse(text[(mark + 1)..], CultureInfo.InvariantCulture);
        var mantissa = mark < 0 ? text : text[..mark];
        var point = mantissa.IndexOf('.');
        if (point >= 0)
        {
            power -= mantissa.Length - point - 1;
            mantissa = mantissa.Remove(point, 1);
        }
        var digits = mantissa.TrimStart('0');
        var trimmed = digits.TrimEnd('0');
        return $"{trimmed}e{power + digits.Length - trimmed.Length}";
    }
}
