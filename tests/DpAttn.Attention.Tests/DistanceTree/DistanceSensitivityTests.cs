using System.Numerics;

namespace DpAttn.Attention.Tests;

public class DistanceSensitivityTests
{
    public static TheoryData<string> Shapes => [.. Schemas.Keys];

    private static readonly Dictionary<string, (StoreSchema Schema, int Degree, double Alpha, int Cells, int Copies)> Schemas = new()
    {
        ["paper's domain"] = (TestRows.BoxSchema(2, 2, 100, 0.5), 2, 0.1, 16, 1),
        ["paper's domain, add-remove"] = (TestRows.BoxSchema(2, 2, 100, 0.5, Adjacency.AddRemove), 2, 0.1, 16, 1),
        ["paper's domain, exact"] = (TestRows.BoxSchema(4, 3, 100, 0.25), 3, 0, 1024, 1),
        ["paper's domain, exact, add-remove"] = (TestRows.BoxSchema(4, 3, 100, 0.25, Adjacency.AddRemove), 3, 0, 1024, 1),
        ["three copies"] = (TestRows.BoxSchema(2, 1, 100, 0.5), 2, 0.5, 8, 3),
        ["three copies, add-remove"] = (TestRows.BoxSchema(2, 1, 100, 0.5, Adjacency.AddRemove), 2, 0.5, 8, 3),
        ["one dimension, degree 4"] = (new StoreSchema(Region.Box(1, 0, 2), Region.Box(1, 0, 2), ValueBound.Ball(3, 2), 0.4, Adjacency.ReplaceOne, 100), 4, 0.2, 32, 1),
        ["four dimensions"] = (TestRows.BoxSchema(4, 1, 100, 0.25), 2, 0.1, 8, 1),
        ["across the origin"] = (new StoreSchema(Region.Box(2, -1, 1), Region.Box(2, -1, 1), ValueBound.Box(2, 0.5), 0.5, Adjacency.ReplaceOne, 100), 2, 0.1, 16, 1),
        ["across the origin, exact"] = (new StoreSchema(Region.Box(3, -1, 1), Region.Box(3, -1, 1), ValueBound.Ball(2, 1), 0.33, Adjacency.ReplaceOne, 100), 2, 0, 256, 1),
        ["odd degree across the origin, exact"] = (new StoreSchema(Region.Box(2, -1, 1), Region.Box(2, -0.7, 0.7), ValueBound.Ball(2, 1), 1, Adjacency.ReplaceOne, 100), 3, 0, 4096, 1),
        ["odd degree across the origin, exact, add-remove"] = (new StoreSchema(Region.Box(2, -1, 1), Region.Box(2, -0.7, 0.7), ValueBound.Ball(2, 1), 1, Adjacency.AddRemove, 100), 3, 0, 4096, 1),
        ["unit ball"] = (TestRows.BallSchema(3, 2, 100, 1), 2, 0.3, 8, 1),
        ["unit ball, exact"] = (TestRows.BallSchema(3, 2, 100, 1), 2, 0, 1024, 1),
    };

    /// <summary>10^5 random pairs in all, and for every shape all pairs of corners and a climb from the best ones.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    [Trait("Suite", "Long")]
    public void No_neighbours_of_a_hundred_thousand_exceed_the_joint_sensitivity_and_some_come_near_it(string shape) => Search(shape, pairs: 7500, climbs: 5, steps: 400);

    [Theory]
    [MemberData(nameof(Shapes))]
    public void No_neighbours_exceed_the_joint_sensitivity_and_some_come_near_it(string shape) => Search(shape, pairs: 400, climbs: 2, steps: 100);

    [Fact]
    public void A_coarse_lattice_stays_within_the_integer_sensitivity_too()
    {
        foreach (var (schema, alpha) in new[] { (TestRows.BoxSchema(2, 3, 100, 0.5), 0.1), (TestRows.BoxSchema(2, 3, 100, 0.5), 0), (TestRows.BallSchema(2, 3, 100, 1), 0), (TestRows.BoxSchema(2, 3, 100, 0.5, Adjacency.AddRemove), 0.1) })
        {
            var parameters = DistanceTreeParameters.CreateUnchecked(schema, 2, alpha, 8, 1, featureBits: 3, valueBits: 2);
            var found = new DistanceSensitivitySearch(parameters, 3).Search(pairs: 1500, climbs: 4, steps: 200);
            // The exact variant's negative reach holds the whole width of so coarse a grid.
            Assert.InRange(found / (double)parameters.Sensitivity.Integer, schema.Keys.IsBox ? 0.7 : 0.4, 1);
            // The value's rounding is what makes the difference: without its slack the bound would be broken.
            var withoutSlack = Math.Sqrt((double)parameters.Sensitivity.SquaredNorm) * Math.ScaleB(schema.Values.Stated, parameters.ValueExponent)
                * (schema.Adjacency == Adjacency.ReplaceOne ? 2 : Math.Sqrt(1 + 1 / Math.Sqrt(3)));
            if (alpha > 0)
                Assert.True(found > withoutSlack, $"{found} should exceed {withoutSlack}");
        }
    }

    /// <summary>
    /// Rows at opposite corners, whose features' product is p(-L) = 1 - 2 + 2 - 4/3 of Taylor's third degree at L = 2, lie farther apart than any with a product of 0 or more: with m left out, the bound would be broken.
    /// </summary>
    [Fact]
    public void The_negative_reach_of_an_odd_degree_across_the_origin_is_reached()
    {
        var (schema, degree, alpha, cells, copies) = Schemas["odd degree across the origin, exact"];
        var parameters = DistanceTreeParameters.Create(schema, degree, alpha, cells, copies);
        double[] value = [1, 0];
        var found = new DistanceSensitivitySearch(parameters, 1).Distance([1, 1], value, [-1, -1], value);
        double gamma = parameters.GammaSteps, longest = Math.ScaleB(1, parameters.ValueExponent) + Math.Sqrt(2) / 2;
        var squares = gamma * gamma + longest * longest;
        var withoutReach = Math.Sqrt((double)parameters.Sensitivity.SquaredNorm * 2 * (squares + Math.Max(0, longest * longest - gamma * gamma)));
        Assert.True(found > withoutReach * 1.01, $"{found} should exceed {withoutReach}");
        Assert.InRange(found / (double)parameters.Sensitivity.Integer, 0.99, 1);
    }

    [Fact]
    public void A_row_never_contributes_more_than_its_squared_norm()
    {
        foreach (var (schema, degree, alpha, cells, copies) in Schemas.Values)
        {
            var parameters = DistanceTreeParameters.Create(schema, degree, alpha, cells, copies);
            var search = new DistanceSensitivitySearch(parameters, 1);
            var random = new Random(2);
            for (var i = 0; i < 200; i++)
            {
                // Column 0 holds gamma for every row: what is left is the multipliers' norm.
                var released = search.Released(TestRows.PointIn(schema.Keys, random), new double[schema.ValueDimension]);
                BigInteger squares = 0;
                for (var k = 0; k < released.Length; k += parameters.Columns)
                    squares += (BigInteger)released[k] * released[k];
                Assert.True(squares <= parameters.Sensitivity.SquaredNorm * parameters.GammaSteps * parameters.GammaSteps * copies);
                if (alpha > 0)
                {
                    // One node a level and feature, whatever the key.
                    Assert.Equal((parameters.Features - 1) * int.Log2(cells) * copies, CountNodes(parameters, released));
                }
            }
        }
    }

    /// <summary>
    /// The statements of mechanisms, section 6.2, for unit weights, all roots and the constant feature, by a search of its own: r paths of lambda nodes, |P|^2 and 1; or r counts, the features, their squares,
    /// |P|^2 and 1.
    /// </summary>
    [Theory]
    [InlineData(Adjacency.ReplaceOne, false)]
    [InlineData(Adjacency.AddRemove, false)]
    [InlineData(Adjacency.ReplaceOne, true)]
    [InlineData(Adjacency.AddRemove, true)]
    public void The_specifications_formulas_are_reached_and_never_exceeded(Adjacency adjacency, bool exact)
    {
        const int Degree = 2;
        const int Cells = 16;
        const int Columns = 2;
        var parameters = DistanceTreeParameters.Create(TestRows.BoxSchema(2, Columns, 100, 0.5, adjacency), Degree, exact ? 0 : 0.1, Cells);
        var square = 1 + parameters.Taylor.LargestSquare(2);
        var lambda = int.Log2(Cells) + 1;
        var fourth = Enumerable.Range(0, parameters.Features).Sum(a => Math.Pow(a == 0 ? 1 : parameters.Grids[a].PointOf(Cells - 1), 4));
        var norm = (exact ? parameters.Features + square + fourth : parameters.Features * lambda) + square * square + 1;
        var gamma = adjacency == Adjacency.ReplaceOne ? 1 : Math.Pow(Columns, -0.25);
        var stated = adjacency == Adjacency.ReplaceOne ? 2 * Math.Sqrt(norm) : Math.Sqrt((gamma * gamma + 1) * norm);

        var random = new Random(4);
        var largest = 0.0;
        for (var i = 0; i < 4000; i++)
        {
            var (k, k2) = (TestRows.PointIn(parameters.Schema.Keys, random), TestRows.PointIn(parameters.Schema.Keys, random));
            if (i == 0)
                k = k2 = [1, 1];
            var (v, v2) = (TestRows.PointIn(Region.Ball(Columns, 1), random), TestRows.PointIn(Region.Ball(Columns, 1), random));
            if (i % 3 == 0)
                (k2, v, v2) = (k, [1, 0], [-1, 0]);
            var difference = Outer(Published(parameters, k, exact), [gamma, .. v]);
            if (adjacency == Adjacency.ReplaceOne)
                difference = [.. difference.Zip(Outer(Published(parameters, k2, exact), [gamma, .. v2]), (x, y) => x - y)];
            largest = Math.Max(largest, Math.Sqrt(difference.Sum(x => x * x)));
        }
        Assert.InRange(largest / stated, 0.999, 1 + 1e-9);
    }

    [Fact]
    public void Public_weights_shared_roots_and_a_dropped_constant_make_the_noise_of_an_answer_several_times_smaller()
    {
        var parameters = DistanceTreeParameters.Create(TestRows.BoxSchema(8, 4, 1000, 0.125), 2, 0.1, 1024);
        var plan = DistanceTreeQueryPlan.For(parameters, Enumerable.Repeat(1.0, 8).ToArray());
        var product = (double)parameters.Sensitivity.Integer * plan.Norm * Math.ScaleB(1, -parameters.ValueExponent);
        // The same query with every part at weight 1: its coefficients are the plan's weights times the multipliers.
        var coefficients = plan.Parts.Select((part, i) => plan.Weights[i] * (part == DistanceTreeParameters.SquarePart ? parameters.Scales.SquareSteps : parameters.MultiplierOf(part)));
        var square = 1 + parameters.Taylor.LargestSquare(8);
        var unweighted = 2 * Math.Sqrt(parameters.Features * 11 + square * square + 1) * Math.Sqrt(coefficients.Sum(c => c * c));
        TestContext.Current.TestOutputHelper?.WriteLine($"unit weights: {unweighted / product:F1} times the noise");
        Assert.InRange(unweighted / product, 8, 10);
    }

    private static void Search(string shape, int pairs, int climbs, int steps)
    {
        var (schema, degree, alpha, cells, copies) = Schemas[shape];
        var parameters = DistanceTreeParameters.Create(schema, degree, alpha, cells, copies);
        var found = new DistanceSensitivitySearch(parameters, seed: shape.Length).Search(pairs, climbs, steps);
        TestContext.Current.TestOutputHelper?.WriteLine($"{shape}: the best pair reaches {found / (double)parameters.Sensitivity.Integer:P2} of the joint sensitivity");
        Assert.InRange(found / (double)parameters.Sensitivity.Integer, 0.7, 1);
    }

    private static int CountNodes(DistanceTreeParameters parameters, long[] released)
    {
        var width = parameters.Columns * parameters.Copies;
        var nodes = 0;
        for (var k = 2 * width; k < released.Length; k += parameters.Columns)
            nodes += released[k] != 0 ? 1 : 0;
        return nodes;
    }

    private static double[] Published(DistanceTreeParameters parameters, double[] key, bool exact)
    {
        var features = new double[parameters.Features];
        parameters.Taylor.Expand(key, features);
        List<double> published = [];
        double squares = 1, one = 1;
        for (var a = 0; a < features.Length; a++)
        {
            // The constant feature has a tree like any other in the paper.
            var cell = a == 0 ? 0 : parameters.Grids[a].CellOf(features[a]);
            var x = a == 0 ? 1 : parameters.Grids[a].PointOf(cell);
            squares += a == 0 ? 0 : x * x;
            if (exact)
            {
                published.AddRange([1, x, x * x]);
                continue;
            }
            for (var node = 1; node < 2 * parameters.GridCells; node++)
                published.Add(parameters.Grids[1].Shape.LeavesOf(node) is var (from, to) && from <= cell && cell < to ? 1 : 0);
        }
        return [.. published, squares, one];
    }

    private static double[] Outer(double[] left, double[] right) => [.. left.SelectMany(x => right.Select(y => x * y))];
}
