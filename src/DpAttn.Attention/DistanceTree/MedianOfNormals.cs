using MathNet.Numerics;
using MathNet.Numerics.Distributions;

namespace DpAttn.Attention;

/// <summary>The median of an odd number of independent standard normal variables.</summary>
internal static class MedianOfNormals
{
    /// <summary>
    /// Its deviation, from its density l!/(k!)^2 (Phi (1 - Phi))^k phi with l = 2k + 1, by Simpson's rule: 1 for one copy, 0.67 for three, 0.41 for nine, near sqrt(pi/(2 l)) for many.
    /// </summary>
    public static double Deviation(int count)
    {
        const int Steps = 4000;
        const double Reach = 10;
        if (count == 1)
            return 1;
        var k = (count - 1) / 2;
        var logScale = SpecialFunctions.GammaLn(count + 1) - 2 * SpecialFunctions.GammaLn(k + 1);
        var sum = 0.0;
        for (var i = 1; i < Steps; i++)
        {
            var x = Reach * (2.0 * i / Steps - 1);
            var logDensity = logScale + k * (Math.Log(Normal.CDF(0, 1, x)) + Math.Log(Normal.CDF(0, 1, -x))) + Normal.PDFLn(0, 1, x);
            sum += (i % 2 == 0 ? 2 : 4) * x * x * Math.Exp(logDensity);
        }
        return Math.Sqrt(sum * (2 * Reach / Steps) / 3);
    }
}
