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

    /// <summary>An odd or even kernel: degrees whose coefficient is 0 have features of 0 and no part in an answer.</summary>
    [Fact]
    public void A_degree_whose_coefficient_is_zero_drops_out()
    {
        var random = new Random(3);
        foreach (var coefficients in new double[][] { [1, 0, 0.5], [1, 1, 0, 1.0 / 6], [1, 0, -0.3, 0, 0.04], [1, 0] })
        {
            foreach (var adjacency in Enum.GetValues<Adjacency>())
            {
                var schema = TestRows.BallSchema(3, 2, 10, 0.7, adjacency);
                var parameters = MomentParameters.CreateUnchecked(schema, KernelPolynomial.FromCoefficients(schema.Interval, coefficients));
                var accumulator = new MomentAccumulator(parameters, clip: false);
                for (var i = 0; i < 30; i++)
                {
                    double[] q = TestRows.PointIn(schema.Queries, random), k = TestRows.PointIn(schema.Keys, random);
                    var (z, _) = accumulator.RowIntegers(TestRows.OneRow([.. k], [1, 0]), 0);
                    var inner = 0.0;
                    for (var a = 0; a < z.Length; a++)
                    {
                        var degree = parameters.Basis.DegreeStarts.Count(start => start <= a) - 1;
                        if (coefficients[degree] == 0)
                            Assert.Equal((0, 0), (z[a], parameters.QueryCoefficients[a]));
                        else
                            inner += z[a] * Monomial(parameters.Basis, a, q) * parameters.QueryCoefficients[a];
                    }
                    var t = schema.Scale * q.Zip(k, (x, y) => x * y).Sum();
                    Assert.Equal(parameters.Kernel.Evaluate(t), Math.ScaleB(inner, -parameters.FeatureExponent), 2e-5);
                }
                Assert.InRange(new SensitivitySearch(parameters, 5).Search(pairs: 500, climbs: 3, steps: 200) / (double)parameters.Sensitivity.Integer, 0.6, 1);
            }
        }
    }

    /// <summary>w(k) = exp(scale &lt;c_q, k'&gt;) is what column 0 holds beside the constant feature.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Row_weights_are_those_of_the_query_centre_and_reach_their_bound_but_never_exceed_it(bool box)
    {
        var random = new Random(4);
        double[] centre = [0.5, -1, 0.25];
        var keys = box ? Region.Box([-1, 0, 2], [1, 0.5, 3]) : Region.Ball([1, 2, 3], 1.5);
        var schema = new StoreSchema(keys, Region.Ball(centre, 0.1), ValueBound.Ball(1, 1), 0.8, Adjacency.ReplaceOne, 10);
        var parameters = MomentParameters.Create(schema, 1);
        var expected = box ? Math.Exp(0.8 * (0.5 * 1 + 1 * 0.25 + 0.25 * 0.5)) : Math.Exp(0.8 * Math.Sqrt(0.25 + 1 + 0.0625) * 1.5);
        Assert.Equal(expected, parameters.LargestWeight, expected * 1e-5);
        var accumulator = new MomentAccumulator(parameters, clip: false);
        var norm = Math.Sqrt(centre.Sum(x => x * x));
        double[] heaviest = box ? [1, 0, 3] : [.. keys.Centre.ToArray().Select((c, j) => c + centre[j] / norm * 1.5)];
        for (var i = 0; i < 1000; i++)
        {
            var k = i == 0 ? heaviest : TestRows.PointIn(keys, random);
            var (z, u) = accumulator.RowIntegers(TestRows.OneRow([.. k], [1]), 0);
            var weight = z[0] / parameters.KeyCoefficients[0];
            var real = Math.Exp(0.8 * k.Select((x, j) => centre[j] * (x - keys.Centre[j])).Sum());
            var halfStep = 0.5001 / parameters.KeyCoefficients[0];
            Assert.Equal(real, weight, halfStep);
            Assert.True(weight <= parameters.LargestWeight + halfStep);
            if (i == 0)
                Assert.InRange(weight, 0.999 * parameters.LargestWeight, parameters.LargestWeight + halfStep);
            Assert.Equal(parameters.GammaSteps, u[0]);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(81)]
    public void The_denominators_share_is_that_of_the_adjacency(int dv)
    {
        var replace = MomentParameters.Create(TestRows.BallSchema(2, dv, 10), 2);
        var addRemove = MomentParameters.Create(TestRows.BallSchema(2, dv, 10, adjacency: Adjacency.AddRemove), 2);
        var bound = replace.Schema.Values.BoundingRadius;
        Assert.Equal(bound, replace.Gamma);
        Assert.Equal(bound * Math.Pow(dv, -0.25), addRemove.Gamma, 1e-12);
        foreach (var parameters in new[] { replace, addRemove })
            Assert.InRange(parameters.GammaSteps - Math.ScaleB(parameters.Gamma, parameters.ValueExponent), -0.5, 0.5);
        // A gamma below half a step is 1 step, never 0.
        var coarse = MomentParameters.CreateUnchecked(addRemove.Schema, addRemove.Kernel, valueBits: -4);
        Assert.Equal(1, coarse.GammaSteps);
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
