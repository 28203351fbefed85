using System.Numerics;

namespace DpAttn.Attention.Tests;

/// <summary>fp, the part of the sensitivity's slack that covers doubles: against 400-bit arithmetic, on lattices so fine that it shows.</summary>
public class FloatingPointErrorTests
{
    [Theory]
    [InlineData(1, 4, false)]
    [InlineData(3, 3, false)]
    [InlineData(6, 2, true)]
    [InlineData(2, 10, true)]
    [InlineData(20, 1, false)]
    public void The_error_of_a_rows_features_stays_within_its_bound_and_is_not_far_below_it(int d, int degree, bool box)
    {
        // In steps of 2^-52 of a feature's size, rounding to a step is small against the rounding of doubles.
        const int FeatureBits = 52;
        var random = new Random(degree);
        var centre = Enumerable.Range(0, d).Select(_ => 1.7 * (random.NextDouble() - 0.5)).ToArray();
        var keys = box ? Region.Box(d, -0.3, 1.1) : Region.Ball(Enumerable.Repeat(0.37, d).ToArray(), 1.3);
        var schema = new StoreSchema(keys, Region.Ball(centre, 0.7), ValueBound.Ball(1, 1), 1.1 / Math.Sqrt(d), Adjacency.ReplaceOne, 10);
        var parameters = MomentParameters.CreateUnchecked(schema, KernelPolynomial.Fit(KernelMethod.Minimax, schema.Interval, degree), FeatureBits, valueBits: 2);
        var accumulator = new MomentAccumulator(parameters, clip: false);
        var coefficients = Coefficients(parameters);
        double bound = MomentSensitivity.FloatingPointSteps(parameters), rounding = Math.Sqrt(parameters.Features) / 2, worst = 0;
        for (var i = 0; i < 200; i++)
        {
            var k = TestRows.PointIn(keys, random);
            var (z, _) = accumulator.RowIntegers(TestRows.OneRow([.. k], [1]), 0);
            // The centred key is a double vector that the product sums from; what it was before does not matter to the sensitivity.
            Assert.Equal(RegionFault.None, keys.TryCentre(k, clip: false));
            BigInteger dot = 0;
            for (var j = 0; j < d; j++)
                dot += BigReal.Multiply(BigReal.Of(k[j]), BigReal.Of(centre[j]));
            var monomials = new BigInteger[z.Length];
            monomials[0] = BigReal.Exp(BigReal.Multiply(dot, BigReal.Of(schema.Scale)));
            BigInteger squares = 0;
            for (var a = 0; a < z.Length; a++)
            {
                if (a > 0)
                    monomials[a] = BigReal.Multiply(monomials[parameters.Basis.Parents[a]], BigReal.Of(k[parameters.Basis.Coordinates[a]]));
                var real = BigReal.Multiply(coefficients[a], monomials[a]) << parameters.FeatureExponent;
                var error = (new BigInteger(z[a]) << BigReal.Bits) - real;
                squares += BigReal.Multiply(error, error);
            }
            worst = Math.Max(worst, Math.Sqrt(BigReal.ToDouble(squares)));
        }
        Assert.True(worst <= bound + rounding, $"{worst} steps; fp is {bound}, rounding {rounding}");
        Assert.True(worst >= 0.02 * bound, $"{worst} steps; fp is {bound}, rounding {rounding}");
    }

    /// <summary>sqrt(|c_j| (scale B_q / B_k)^j m(a)) without any rounding but that of the polynomial's own doubles.</summary>
    private static BigInteger[] Coefficients(MomentParameters parameters)
    {
        var schema = parameters.Schema;
        var ratio = BigReal.Divide(BigReal.Multiply(BigReal.Of(schema.Scale), BigReal.Of(schema.Queries.BoundingRadius)), BigReal.Of(schema.Keys.BoundingRadius));
        var power = BigReal.One;
        var coefficients = new BigInteger[parameters.Features];
        for (var j = 0; j <= parameters.Kernel.Degree; j++)
        {
            var a = BigReal.Multiply(BigInteger.Abs(BigReal.Of(parameters.Kernel.Coefficients[j])), power);
            for (var i = parameters.Basis.DegreeStarts[j]; i < parameters.Basis.DegreeStarts[j + 1]; i++)
                coefficients[i] = BigReal.Sqrt(a * (BigInteger)parameters.Basis.Multinomials[i]);
            power = BigReal.Multiply(power, ratio);
        }
        return coefficients;
    }
}
