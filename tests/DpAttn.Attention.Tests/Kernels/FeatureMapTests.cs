using System.Numerics;

namespace DpAttn.Attention.Tests;

public class FeatureMapTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 7)]
    [InlineData(3, 4)]
    [InlineData(5, 3)]
    [InlineData(64, 2)]
    public void Every_multi_index_stands_once_with_its_multinomial(int d, int s)
    {
        var basis = MonomialBasis.Create(d, s);
        Assert.Equal(MonomialBasis.CountFor(d, s), basis.Count);
        Assert.Equal(Binomial(d + s, s), basis.Count);
        var seen = new HashSet<string>();
        for (var a = 0; a < basis.Count; a++)
        {
            var index = new int[d];
            for (var at = a; at != 0; at = basis.Parents[at])
                index[basis.Coordinates[at]]++;
            Assert.True(seen.Add(string.Join(',', index)));
            var multinomial = index.Aggregate(Factorial(index.Sum()), (m, count) => m / Factorial(count));
            Assert.Equal((double)multinomial, basis.Multinomials[a]);
            Assert.InRange(a, basis.DegreeStarts[index.Sum()], basis.DegreeStarts[index.Sum() + 1] - 1);
        }
    }

    [Fact]
    public void Features_meet_as_the_polynomial_of_the_inner_product()
    {
        var random = new Random(1);
        foreach (var method in Enum.GetValues<KernelMethod>())
        {
            foreach (var (d, s, scale) in new[] { (1, 3, 0.7), (4, 4, 1.0), (8, 2, 2.5), (3, 6, 0.2) })
            {
                var schema = TestRows.BallSchema(d, 1, 10, scale, radius: 1.3);
                var parameters = MomentParameters.CreateUnchecked(schema, KernelPolynomial.Fit(method, schema.Interval, s));
                for (var i = 0; i < 50; i++)
                {
                    double[] q = TestRows.PointIn(schema.Queries, random), k = TestRows.PointIn(schema.Keys, random);
                    double inner = 0, normK = 0, normQ = 0;
                    for (var a = 0; a < parameters.Features; a++)
                    {
                        var fk = Math.ScaleB(parameters.KeyCoefficients[a], -parameters.FeatureExponent) * Monomial(parameters.Basis, a, k);
                        var fq = parameters.QueryCoefficients[a] * Monomial(parameters.Basis, a, q);
                        inner += fk * fq;
                        normK += fk * fk;
                        normQ += fq * fq;
                    }
                    var t = scale * q.Zip(k, (x, y) => x * y).Sum();
                    Assert.Equal(parameters.Kernel.Evaluate(t), inner, 1e-12 * parameters.Kernel.MagnitudeSum);
                    Assert.InRange(normK, 0, parameters.Kernel.MagnitudeSum);
                    Assert.InRange(normQ, 0, parameters.Kernel.MagnitudeSum);
                }
            }
        }
    }

    [Fact]
    public void A_rows_integers_are_its_real_features_rounded()
    {
        var random = new Random(2);
        var schema = new StoreSchema(Region.Box(3, -0.5, 2), Region.Ball([0.3, -0.1, 0.2], 0.8), ValueBound.Ball(2, 3), 0.6, Adjacency.ReplaceOne, 10);
        var parameters = MomentParameters.Create(schema, 3);
        var accumulator = new MomentAccumulator(parameters, clip: false);
        for (var i = 0; i < 200; i++)
        {
            double[] k = TestRows.PointIn(schema.Keys, random), v = [random.NextDouble(), -random.NextDouble()];
            var (z, u) = accumulator.RowIntegers(TestRows.OneRow([.. k], [.. v]), 0);
            var centred = k.Select((x, j) => x - schema.Keys.Centre[j]).ToArray();
            var weight = Math.Exp(schema.Scale * centred.Zip(schema.Queries.Centre.ToArray(), (x, y) => x * y).Sum());
            for (var a = 0; a < z.Length; a++)
            {
                var real = parameters.KeyCoefficients[a] * weight * Monomial(parameters.Basis, a, centred);
                Assert.InRange(z[a] - real, -0.5 - 1e-6, 0.5 + 1e-6);
            }
            Assert.Equal(parameters.GammaSteps, u[0]);
            Assert.Equal(Math.Round(Math.ScaleB(v[0], parameters.ValueExponent)), u[1]);
            Assert.Equal(Math.Round(Math.ScaleB(v[1], parameters.ValueExponent)), u[2]);
        }
    }

    [Fact]
    public void Features_that_do_not_fit_in_memory_are_refused_with_their_number_and_bytes()
    {
        var error = Assert.Throws<ArgumentException>(() => MomentParameters.Create(TestRows.BallSchema(768, 64, 1000), 3));
        Assert.Contains("76088705 features", error.Message);
        Assert.Contains($"{(long)MonomialBasis.CountFor(768, 3) * 65 * 8} bytes", error.Message);
        error = Assert.Throws<ArgumentException>(() => MomentParameters.Create(TestRows.BallSchema(65536, 64, 1000), 18));
        Assert.Contains($"{long.MaxValue} features", error.Message);
    }

    private static double Monomial(MonomialBasis basis, int a, double[] x)
    {
        var product = 1.0;
        for (; a != 0; a = basis.Parents[a])
            product *= x[basis.Coordinates[a]];
        return product;
    }

    private static BigInteger Factorial(int n) => n < 2 ? 1 : n * Factorial(n - 1);

    private static BigInteger Binomial(int n, int k) => Factorial(n) / (Factorial(k) * Factorial(n - k));
}
